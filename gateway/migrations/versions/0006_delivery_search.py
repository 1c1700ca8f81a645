"""Deliveries are found by the external id of a record in them."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute(
        "CREATE INDEX delivery_item_by_record ON delivery_item (external_id, delivery_id) WHERE external_id IS NOT NULL"
    )
