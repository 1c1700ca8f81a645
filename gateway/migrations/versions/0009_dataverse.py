"""Connections of Microsoft Dataverse."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("ALTER TABLE connection DROP CONSTRAINT connection_provider_check")
    op.execute(
        "ALTER TABLE connection ADD CONSTRAINT connection_provider_check"
        " CHECK (provider IN ('hubspot', 'salesforce', 'pipedrive', 'dataverse', 'standard', 'generic'))"
    )
