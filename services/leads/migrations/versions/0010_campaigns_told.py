"""What was told of campaigns, by month."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0010"
down_revision = "0009"

TABLES = """
CREATE TABLE campaign_told (
    campaign_id uuid NOT NULL,
    month date NOT NULL,
    version integer NOT NULL,
    content jsonb NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (campaign_id, month, version)
);
COMMENT ON TABLE campaign_told IS 'The greatest version is what was told last of the leads that arrived in a month'
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "campaign_told", append_only=True)
