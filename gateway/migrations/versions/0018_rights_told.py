"""Of whom it was told what they may do: those from before it was told at all are told once."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0018"
down_revision = "0017"

TABLE = """
CREATE TABLE rights_told (subject text PRIMARY KEY);
COMMENT ON TABLE rights_told IS 'Subjects of whom an event told their roles and units; who is missing here is told by the scheduler'
"""


def upgrade() -> None:
    execute_script(op, TABLE)
    grant(op, "rights_told", append_only=True)
