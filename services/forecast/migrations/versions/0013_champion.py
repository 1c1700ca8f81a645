"""Champion and challenger: what the method that does not answer said at each lock, and who switched them when and why."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0013"
down_revision = "0012"

TABLES = """
CREATE TABLE lock_challenger_row (
    lock_id uuid NOT NULL REFERENCES lock_projection,
    period_key text NOT NULL,
    period_start date NOT NULL,
    period_end date NOT NULL,
    deal_type text NOT NULL,
    value_basis text NOT NULL,
    node_kind text NOT NULL CHECK (node_kind IN ('unit', 'person')),
    node_id uuid NOT NULL,
    method text NOT NULL CHECK (method IN ('blended', 'engine')),
    settings text NOT NULL,
    projection numeric NOT NULL,
    low_80 numeric NOT NULL,
    high_80 numeric NOT NULL,
    quantiles double precision[] NOT NULL,
    PRIMARY KEY (lock_id, period_start, period_end, deal_type, value_basis, node_kind, node_id)
);
CREATE TABLE champion_entry (
    entry_id uuid PRIMARY KEY,
    method text NOT NULL CHECK (method IN ('blended', 'engine')),
    chosen_by text NOT NULL CHECK (chosen_by IN ('rule', 'decision')),
    reason text NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    request_digest text NOT NULL
);
CREATE INDEX champion_entry_newest ON champion_entry (made_at DESC, entry_id DESC);
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    for table in ("lock_challenger_row", "champion_entry"):
        grant(op, table, append_only=True)
