"""What leads tell of campaigns, by the month in which their leads arrived."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0027"
down_revision = "0026"

TABLES = """
CREATE TABLE campaign_version (
    campaign_id uuid NOT NULL,
    month date NOT NULL,
    version integer NOT NULL,
    counted_at timestamptz NOT NULL,
    name text NOT NULL,
    market text,
    told jsonb NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (campaign_id, month, version)
);
COMMENT ON TABLE campaign_version IS 'The greatest version of a campaign and month is how it stands; told: cost, first and last touch'
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "campaign_version", append_only=True)
