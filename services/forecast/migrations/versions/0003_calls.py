"""Calls, judgements, adjustments and quotas of people, and locks that freeze them with the readings of their instant."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0003"
down_revision = "0002"

WHERE = """
    node_kind text NOT NULL CHECK (node_kind IN ('unit', 'person')),
    node_id uuid NOT NULL,
    period_key text NOT NULL,
    period_start date NOT NULL,
    period_end date NOT NULL,
    deal_type text,
    value_basis text NOT NULL,
    currency text NOT NULL
"""
"""What a call, a quota or an adjustment is about. `period_end` is the first day after; no deal type means all of them."""

TABLES = f"""
CREATE TABLE seat (
    subject text PRIMARY KEY,
    person_id uuid NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL
);
CREATE TABLE submission (
    submission_id uuid PRIMARY KEY,
    person text NOT NULL,
    {WHERE},
    from_above boolean NOT NULL,
    mode text NOT NULL CHECK (mode IN ('own', 'rollup')),
    amount numeric NOT NULL,
    best numeric,
    worst numeric,
    notes text,
    parts_kind text CHECK (parts_kind IN ('children', 'judged')),
    parts_amount numeric,
    parts_from_crm integer,
    parts_of integer,
    base_closed_won numeric,
    base_commit numeric,
    base_weighted numeric,
    imported boolean NOT NULL,
    made_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL,
    request_digest text NOT NULL
);
CREATE INDEX submission_in_force ON submission (period_start, period_end, value_basis, node_kind, node_id, made_at DESC);
CREATE INDEX submission_newest ON submission (made_at DESC, submission_id DESC);
CREATE TABLE judgement (
    judgement_id uuid PRIMARY KEY,
    person text NOT NULL,
    deal_id uuid NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('in', 'out', 'upside')),
    amount numeric,
    currency text NOT NULL,
    close_date date,
    note text,
    made_at timestamptz NOT NULL,
    request_digest text NOT NULL
);
CREATE INDEX judgement_newest ON judgement (person, deal_id, made_at DESC);
CREATE TABLE adjustment_entry (
    entry_id uuid PRIMARY KEY,
    adjustment_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('made', 'withdrawn', 'expired')),
    {WHERE},
    delta numeric NOT NULL,
    reason text NOT NULL,
    expires_at timestamptz NOT NULL,
    base_landing numeric,
    made_by text NOT NULL,
    at timestamptz NOT NULL,
    imported boolean NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL,
    request_digest text NOT NULL
);
CREATE UNIQUE INDEX adjustment_made_once ON adjustment_entry (adjustment_id) WHERE kind = 'made';
CREATE UNIQUE INDEX adjustment_ended_once ON adjustment_entry (adjustment_id) WHERE kind <> 'made';
CREATE INDEX adjustment_in_force ON adjustment_entry (period_start, period_end, value_basis);
CREATE TABLE quota (
    quota_id uuid PRIMARY KEY,
    {WHERE},
    amount numeric NOT NULL,
    made_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL
);
CREATE INDEX quota_of_node ON quota (period_start, period_end, value_basis, node_kind, node_id, made_at DESC);
CREATE TABLE lock_schedule (
    one boolean PRIMARY KEY CHECK (one),
    checked_to timestamptz NOT NULL
);
CREATE TABLE forecast_lock (
    lock_id uuid PRIMARY KEY,
    due_at timestamptz NOT NULL UNIQUE,
    kind text NOT NULL CHECK (kind IN ('weekly', 'period_start', 'period_end', 'closed')),
    made_at timestamptz NOT NULL,
    is_late boolean NOT NULL,
    state text NOT NULL CHECK (state IN ('complete', 'incomplete', 'unknown')),
    completeness numeric,
    watermark timestamptz,
    currency text NOT NULL,
    rates_version text NOT NULL,
    metric_version text NOT NULL,
    periods text[] NOT NULL
);
CREATE TABLE lock_row (
    lock_id uuid NOT NULL REFERENCES forecast_lock,
    period_key text NOT NULL,
    period_start date NOT NULL,
    period_end date NOT NULL,
    deal_type text NOT NULL,
    value_basis text NOT NULL,
    node_kind text NOT NULL,
    node_id uuid NOT NULL,
    parent_id uuid,
    label text,
    lines jsonb NOT NULL,
    beside jsonb NOT NULL,
    overdue jsonb NOT NULL,
    closed_won numeric NOT NULL,
    crm numeric NOT NULL,
    reps numeric NOT NULL,
    managers numeric NOT NULL,
    adjusted numeric NOT NULL,
    adjustment numeric NOT NULL,
    from_crm integer NOT NULL,
    of_calls integer NOT NULL,
    submission_id uuid,
    own_call numeric,
    PRIMARY KEY (lock_id, period_start, period_end, deal_type, value_basis, node_kind, node_id)
);
CREATE INDEX lock_row_of_node ON lock_row (node_kind, node_id, period_start, period_end);
CREATE TABLE lock_call (
    lock_id uuid NOT NULL REFERENCES forecast_lock,
    submission_id uuid NOT NULL,
    stands boolean NOT NULL,
    PRIMARY KEY (lock_id, submission_id)
);
CREATE TABLE lock_adjustment (
    lock_id uuid NOT NULL REFERENCES forecast_lock,
    adjustment_id uuid NOT NULL,
    delta numeric NOT NULL,
    PRIMARY KEY (lock_id, adjustment_id)
)
"""

APPEND_ONLY = (
    "submission",
    "judgement",
    "adjustment_entry",
    "quota",
    "forecast_lock",
    "lock_row",
    "lock_call",
    "lock_adjustment",
)


def upgrade() -> None:
    execute_script(op, TABLES)
    for table in ("seat", "lock_schedule"):
        grant(op, table)
    for table in APPEND_ONLY:
        grant(op, table, append_only=True)
