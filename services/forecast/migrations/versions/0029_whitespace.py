"""What deals tell of products at accounts, as people state it."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0029"
down_revision = "0028"

TABLES = """
CREATE TABLE whitespace_stated (
    entry_id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    product text NOT NULL,
    says text NOT NULL CHECK (says IN ('owned', 'potential', 'competitor', 'not_applicable', 'unknown')),
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL
);
COMMENT ON TABLE whitespace_stated IS 'Of an account and product the greatest (at, entry_id) stands; unknown takes back what was said';
CREATE INDEX whitespace_stated_by_account ON whitespace_stated (account_id, product, at, entry_id)
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "whitespace_stated", append_only=True)
