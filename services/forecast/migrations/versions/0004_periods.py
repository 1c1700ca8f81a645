"""Closing of periods, restatements, and the fiscal calendar that the roll-up's months are those of."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE rollup_calendar (name text NOT NULL);
INSERT INTO rollup_calendar VALUES ('calendar months, from January');
CREATE TABLE period_change (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    period text NOT NULL,
    start date NOT NULL,
    until date NOT NULL CHECK (until > start),
    state text NOT NULL CHECK (state IN ('closed', 'reopened')),
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL,
    reason text NOT NULL
);
CREATE TABLE restatement (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    deal_id uuid NOT NULL,
    won_known_at timestamptz NOT NULL,
    booked_on date NOT NULL,
    booked_period text NOT NULL,
    counted_on date NOT NULL,
    counted_period text NOT NULL,
    decided_at timestamptz NOT NULL,
    decided_by text NOT NULL,
    reason text NOT NULL
);
CREATE INDEX restatement_by_deal ON restatement (deal_id, position);
ALTER TABLE deal_version DROP COLUMN month;
"""
"""Versions are never rewritten, so what follows from the fiscal calendar is not kept with them but made on reading."""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "rollup_calendar")
    for table in ("period_change", "restatement"):
        grant(op, table, append_only=True)
