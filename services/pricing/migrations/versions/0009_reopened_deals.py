"""When a deal was last lost or removed: what it took of promotions before it came back goes over a budget first."""

from alembic import op

from libs.common.migrations import execute_script

revision = "0009"
down_revision = "0008"

COLUMN = """
ALTER TABLE deal_reference ADD COLUMN lost_at timestamptz;
UPDATE deal_reference SET lost_at = valid_from WHERE state = 'lost' OR removed
"""


def upgrade() -> None:
    execute_script(op, COLUMN)
