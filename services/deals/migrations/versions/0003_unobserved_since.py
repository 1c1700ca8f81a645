"""From when on what a deal held was not observed, until an entry begins."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE deal_version ADD COLUMN unobserved_since timestamptz")
