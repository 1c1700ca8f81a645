"""A source record knows since when it was not observed before its newest version, and when the version before that one held."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("ALTER TABLE source_record ADD COLUMN previous_crm_time timestamptz")
    op.execute("ALTER TABLE source_record ADD COLUMN unobserved_since timestamptz")
