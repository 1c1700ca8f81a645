"""A lead may stand for another: deals that name the merged one follow it. Evidence is handed over with a lead."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MERGED = """
ALTER TABLE lead ADD COLUMN merged_into uuid;

CREATE INDEX lead_by_merge ON lead (merged_into) WHERE merged_into IS NOT NULL
"""

EVIDENCE = """
CREATE TABLE evidence (
    entry_id uuid PRIMARY KEY,
    lead_id uuid,
    deal_id uuid,
    at timestamptz NOT NULL,
    payload jsonb NOT NULL,
    recorded_at timestamptz NOT NULL,
    CHECK ((lead_id IS NULL) <> (deal_id IS NULL))
);

COMMENT ON TABLE evidence IS 'What is known for qualification: of a lead, handed over with it, or recorded of a deal';

CREATE INDEX evidence_by_lead ON evidence (lead_id) WHERE lead_id IS NOT NULL;

CREATE INDEX evidence_by_deal ON evidence (deal_id) WHERE deal_id IS NOT NULL
"""


def upgrade() -> None:
    execute_script(op, MERGED)
    execute_script(op, EVIDENCE)
    grant(op, "evidence", append_only=True)
