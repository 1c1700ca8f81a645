"""Who is credited with deals: what was told of it by two clocks, and the parts that count at present."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0032"
down_revision = "0029"

TABLES = """
CREATE TABLE split_version (
    deal_id uuid NOT NULL,
    version integer NOT NULL,
    revenue jsonb NOT NULL,
    overlay jsonb NOT NULL,
    recorded_at timestamptz NOT NULL,
    arrived_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (deal_id, version)
);
COMMENT ON TABLE split_version IS 'The greatest version of a deal is what holds of its splits, each entry from its instant on';
CREATE INDEX split_version_arrived ON split_version (arrived_in);
CREATE TABLE deal_credit (
    deal_id uuid NOT NULL,
    person_id uuid NOT NULL,
    share numeric NOT NULL CHECK (share BETWEEN 0 AND 1),
    line text NOT NULL,
    month date NOT NULL,
    amount_base numeric,
    weighted_base numeric,
    PRIMARY KEY (deal_id, person_id)
);
COMMENT ON TABLE deal_credit IS 'Deals that are split, by who is credited at present; deals without a row are all their owner''s. Those here stand in no cell';
CREATE INDEX deal_credit_by_month ON deal_credit (month)
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "split_version", append_only=True)
    grant(op, "deal_credit")
