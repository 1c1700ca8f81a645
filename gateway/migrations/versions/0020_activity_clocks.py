"""Up to when each connection's activities have been asked for."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0020"
down_revision = "0019"

TABLES = """
CREATE TABLE activity_clock (
    connection text NOT NULL REFERENCES connection (key),
    kind text NOT NULL,
    since timestamptz NOT NULL,
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (connection, kind)
);

COMMENT ON TABLE activity_clock IS 'since: all that the CRM noted before it has been asked for'
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "activity_clock")
