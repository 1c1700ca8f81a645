"""Wins by when they were last recorded: those that came after their month was closed are found among all."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX deal_current_won ON deal_current (month, recorded_at) WHERE line = 'closed_won'")
