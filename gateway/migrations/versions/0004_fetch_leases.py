"""Fetches carry the number of their lease, so that of two fetches of one record only the later can be applied."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("ALTER TABLE fetch_signal ADD COLUMN lease bigint NOT NULL DEFAULT 0")
