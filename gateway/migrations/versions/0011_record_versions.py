"""Every version of a deal or lead that left, for where each value of its fields is known from."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0011"
down_revision = "0010"

TABLES = """
CREATE TABLE record_version (
    event_id uuid PRIMARY KEY,
    connection text NOT NULL,
    object_type text NOT NULL,
    external_id text NOT NULL,
    delivery_id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    actor text,
    canonical jsonb NOT NULL
);
CREATE INDEX record_version_by_record ON record_version (connection, object_type, external_id);
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "record_version", append_only=True)
