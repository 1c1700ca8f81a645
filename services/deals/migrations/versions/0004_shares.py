"""Probabilities are shares in [0, 1], in documents too."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

DOCUMENTS = {"deal": "content", "deal_version": "content", "deal_input": "payload"}


def upgrade() -> None:
    for table, column in DOCUMENTS.items():
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_share "
            f"CHECK (({column} ->> 'stage_probability')::numeric BETWEEN 0 AND 1)"
        )
