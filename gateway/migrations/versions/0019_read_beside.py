"""What CRMs do not let their connections read beside deals."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0019"
down_revision = "0018"

TABLES = """
CREATE TABLE reading_refused (
    connection text NOT NULL REFERENCES connection (key),
    object_type text NOT NULL,
    reason text NOT NULL,
    since timestamptz NOT NULL,
    retry_at timestamptz NOT NULL,
    PRIMARY KEY (connection, object_type)
);

COMMENT ON TABLE reading_refused IS 'One row as long as a CRM refuses something; since: of the first refusal, reason: of the last'
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "reading_refused")
