"""Fetches are leased connection by connection, so that the backlog of one CRM does not stand before the others'."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("CREATE INDEX fetch_signal_due_by_connection ON fetch_signal (connection, due_at)")
    op.execute("DROP INDEX fetch_signal_due")
