"""Campaigns, what they cost by day, and what became of the deals that name leads."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0007"
down_revision = "0006"

TABLES = """
CREATE TABLE campaign (
    campaign_id uuid NOT NULL,
    version integer NOT NULL,
    name text NOT NULL,
    source text,
    channel text,
    market text,
    said_by text NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (campaign_id, version)
);

CREATE TABLE campaign_cost (
    campaign_id uuid NOT NULL,
    day date NOT NULL,
    currency text NOT NULL,
    version integer NOT NULL,
    amount numeric NOT NULL CHECK (amount >= 0),
    said_by text NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (campaign_id, day, currency, version)
);

COMMENT ON TABLE campaign_cost IS 'What a campaign cost on a day; of a day and currency the newest version counts';

CREATE TABLE lead_deal (
    deal_id uuid PRIMARY KEY,
    lead_id uuid,
    valid_from timestamptz NOT NULL,
    version bigint NOT NULL,
    state text NOT NULL,
    amount numeric,
    currency text,
    probability numeric CHECK (probability BETWEEN 0 AND 1),
    closed_on date,
    counts boolean NOT NULL
);

COMMENT ON TABLE lead_deal IS 'Deals as they stand, for those that came of leads; counts: not removed, not absorbed by another';

CREATE INDEX lead_deal_by_lead ON lead_deal (lead_id) WHERE counts AND lead_id IS NOT NULL
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    for table in ("campaign", "campaign_cost"):
        grant(op, table, append_only=True)
    grant(op, "lead_deal")
