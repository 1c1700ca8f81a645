"""Connections that nobody coded for: their document stands in `settings`."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE connection DROP CONSTRAINT connection_provider_check")
    op.execute(
        "ALTER TABLE connection ADD CONSTRAINT connection_provider_check"
        " CHECK (provider IN ('hubspot', 'salesforce', 'pipedrive', 'standard', 'generic'))"
    )
