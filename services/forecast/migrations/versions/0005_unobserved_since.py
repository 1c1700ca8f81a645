"""From when on what a deal held was not observed, until an entry begins."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE deal_version ADD COLUMN unobserved_since timestamptz")
    op.execute("ALTER TABLE deal_current ADD COLUMN unobserved_since timestamptz")
