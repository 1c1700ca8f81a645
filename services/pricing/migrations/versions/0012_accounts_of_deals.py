"""The account of a deal, by which an account's promised parts are found.

Nobody told it before, so it is unknown of what is there: a deal's next event tells it, and `republish` of the deals service that of
all of them.
"""

from alembic import op

from libs.common.migrations import execute_script

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

COLUMN = "ALTER TABLE deal_reference ADD COLUMN account_id uuid"


def upgrade() -> None:
    execute_script(op, COLUMN)
