"""What was told of how accounts are covered."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0017"
down_revision = "0014"

TABLES = """
CREATE TABLE cover_told (
    account_id uuid NOT NULL,
    version integer NOT NULL,
    content jsonb NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, version)
);
COMMENT ON TABLE cover_told IS 'The greatest version is what was told last of an account'
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "cover_told", append_only=True)
