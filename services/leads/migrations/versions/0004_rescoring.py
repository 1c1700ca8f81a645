"""Chances of all waiting leads change every night: their rows have room to change in place, and no index moves with them."""

from alembic import op

from libs.common.migrations import execute_script

revision = "0004"
down_revision = "0003"

# With a chance in an index every changed row would be written to the heap and to both indexes. Nothing reads by it: the queue
# stands in the order of grades.
ROOM = """
DROP INDEX lead_score_best;

ALTER TABLE lead_score SET (fillfactor = 50)
"""


def upgrade() -> None:
    execute_script(op, ROOM)
