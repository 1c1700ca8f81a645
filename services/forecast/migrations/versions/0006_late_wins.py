"""Wins by when they were last recorded, to find those that came after their month was closed; shares are in [0, 1]."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SHARES = {"deal_version": "stage_probability", "deal_current": "stage_probability", "forecast_lock": "completeness"}


def upgrade() -> None:
    op.execute("CREATE INDEX deal_current_won ON deal_current (month, recorded_at) WHERE line = 'closed_won'")
    for table, column in SHARES.items():
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_share CHECK ({column} BETWEEN 0 AND 1)")
