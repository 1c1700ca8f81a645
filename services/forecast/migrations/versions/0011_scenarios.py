"""Scenarios: what somebody supposed of a projection, under a name, version after version."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0011"
down_revision = "0009"

TABLES = """
CREATE TABLE scenario_entry (
    entry_id uuid PRIMARY KEY,
    scenario_id uuid NOT NULL,
    version integer NOT NULL,
    kind text NOT NULL CHECK (kind IN ('saved', 'withdrawn')),
    name text NOT NULL,
    unit_id uuid NOT NULL,
    period_key text NOT NULL,
    period_start date NOT NULL,
    period_end date NOT NULL,
    deal_type text,
    value_basis text,
    suppositions jsonb NOT NULL,
    author text NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    request_digest text NOT NULL,
    UNIQUE (scenario_id, version)
);
CREATE INDEX scenario_entry_of_unit ON scenario_entry (unit_id, period_start, period_end);
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "scenario_entry", append_only=True)
