"""Calls, mails and meetings that CRMs tell of, and the touchpoints that each made."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0023"
down_revision = "0022"

TABLES = """
CREATE TABLE activity_told (
    activity_id uuid PRIMARY KEY,
    told_at timestamptz NOT NULL,
    touchpoints uuid[] NOT NULL
);
COMMENT ON TABLE activity_told IS 'The newest word of the CRM on each activity, with all touchpoints that it ever made'
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "activity_told")
