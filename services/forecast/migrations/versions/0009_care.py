"""What deals tell of the care they get: next step, last activity, economic buyer, and who made a change."""

from alembic import op

revision = "0009"
down_revision = "0008"

COLUMNS = (
    "changed_by uuid",
    "next_step text",
    "next_step_known boolean NOT NULL DEFAULT false",
    "last_activity_at timestamptz",
    "activity_known boolean NOT NULL DEFAULT false",
    "economic_buyer_until timestamptz",
)


def upgrade() -> None:
    for table in ("deal_version", "deal_current"):
        for column in COLUMNS:
            op.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
