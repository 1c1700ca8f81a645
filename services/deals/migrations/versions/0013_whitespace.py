"""White space: what people say of a product at an account, only ever added to."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0013"
down_revision = "0012"

TABLES = """
CREATE TABLE whitespace_entry (
    entry_id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    product text NOT NULL,
    says text NOT NULL CHECK (says IN ('owned', 'potential', 'competitor', 'not_applicable', 'unknown')),
    competitor text,
    amount numeric CHECK (amount >= 0),
    currency text,
    at timestamptz NOT NULL,
    author text NOT NULL,
    request_digest text NOT NULL,
    recorded_at timestamptz NOT NULL,
    CHECK ((amount IS NULL) = (currency IS NULL))
);
CREATE INDEX whitespace_entry_by_account ON whitespace_entry (account_id, product, at, entry_id);
CREATE INDEX deal_by_product ON deal (product) WHERE product IS NOT NULL
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "whitespace_entry", append_only=True)
