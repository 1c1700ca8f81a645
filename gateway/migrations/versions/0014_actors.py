"""Who made the change that the newest version of a record shows, so that mapping it again does not lose them."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute("ALTER TABLE source_record ADD COLUMN actor text")
