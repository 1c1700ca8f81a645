"""A connection knows up to which version of its mapping all its records were mapped."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("ALTER TABLE connection ADD COLUMN remapped_to integer NOT NULL DEFAULT 0")
    op.execute("UPDATE connection SET remapped_to = mapping_version")
