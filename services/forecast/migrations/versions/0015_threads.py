"""Until when the threads of a deal live, so that hygiene can warn of a single one."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    for table in ("deal_version", "deal_current"):
        op.execute(f"ALTER TABLE {table} ADD COLUMN threads_until timestamptz[]")
