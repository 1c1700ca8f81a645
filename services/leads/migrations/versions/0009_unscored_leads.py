"""Leads that changed since they were scored stand in a list of their own, so that nobody reads all leads to find them."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0009"
down_revision = "0008"

TABLES = """
CREATE TABLE lead_unscored (
    lead_id uuid PRIMARY KEY,
    version bigint NOT NULL
);

COMMENT ON TABLE lead_unscored IS 'The version that a lead has reached since its chance was told last';

INSERT INTO lead_unscored (lead_id, version)
SELECT lead.lead_id, lead.version FROM lead LEFT JOIN lead_score AS known ON known.lead_id = lead.lead_id
WHERE lead.version > 0 AND known.version IS DISTINCT FROM lead.version
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "lead_unscored")
