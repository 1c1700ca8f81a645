"""What deals tell of how accounts are covered."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0028"
down_revision = "0027"

TABLES = """
CREATE TABLE cover_version (
    account_id uuid NOT NULL,
    version integer NOT NULL,
    counted_at timestamptz NOT NULL,
    has_executive boolean NOT NULL,
    amounts jsonb NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, version)
);
COMMENT ON TABLE cover_version IS 'The greatest version of an account is how it is covered'
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "cover_version", append_only=True)
