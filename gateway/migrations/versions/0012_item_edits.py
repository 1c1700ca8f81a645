"""What sales ops changed in a record that was parked, before it was read again."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0012"
down_revision = "0011"

TABLES = """
CREATE TABLE item_edit (
    edit_id uuid PRIMARY KEY,
    delivery_id uuid NOT NULL REFERENCES delivery (id),
    position integer NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    patch jsonb NOT NULL
);
CREATE INDEX item_edit_by_item ON item_edit (delivery_id, position, edit_id DESC);
COMMENT ON TABLE item_edit IS 'A patch may hold person data: it is removed with the raw body; the audit trail keeps the names of its fields';
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "item_edit")
