"""Signals: the registry of refits, what was raised and cleared on deals, and how close plans stood whenever that was told."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0012"
down_revision = "0011"

TABLES = """
CREATE TABLE signal_refit (
    refit_id uuid PRIMARY KEY,
    as_of timestamptz NOT NULL,
    newest_landmark date NOT NULL,
    deals integer NOT NULL,
    landmarks integer NOT NULL,
    usual jsonb NOT NULL,
    recorded_at timestamptz NOT NULL
);
COMMENT ON TABLE signal_refit IS 'What every night measured of the signals; usual: what deals are compared with until the next';
CREATE INDEX signal_refit_by_time ON signal_refit (as_of);
CREATE TABLE signal_finding (
    refit_id uuid NOT NULL REFERENCES signal_refit (refit_id),
    signal text NOT NULL,
    deals_with integer NOT NULL,
    deals_without integer NOT NULL,
    landmarks integer NOT NULL,
    lift double precision CHECK (lift BETWEEN -1 AND 1),
    low double precision CHECK (low BETWEEN -1 AND 1),
    high double precision CHECK (high BETWEEN -1 AND 1),
    chance double precision CHECK (chance BETWEEN 0 AND 1),
    verdict text NOT NULL CHECK (verdict IN ('lowers', 'raises', 'no_effect', 'too_little_data')),
    is_on boolean NOT NULL,
    PRIMARY KEY (refit_id, signal)
);
CREATE TABLE deal_signal_entry (
    deal_id uuid NOT NULL,
    signal text NOT NULL,
    version integer NOT NULL,
    raised boolean NOT NULL,
    at timestamptz NOT NULL,
    refit_id uuid NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (deal_id, signal, version)
);
CREATE TABLE deal_signal (
    deal_id uuid NOT NULL,
    signal text NOT NULL,
    version integer NOT NULL,
    raised boolean NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (deal_id, signal)
);
COMMENT ON TABLE deal_signal IS 'Of each deal and signal the entry of the greatest version';
CREATE INDEX deal_signal_raised ON deal_signal (signal, deal_id) WHERE raised;
CREATE TABLE close_plan_told (
    deal_id uuid NOT NULL,
    version integer NOT NULL,
    as_of date NOT NULL,
    p50_on date,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (deal_id, version)
);
COMMENT ON TABLE close_plan_told IS 'How close plans stood whenever others were told; p50_on is null with no task left'
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    for table in ("signal_refit", "signal_finding", "deal_signal_entry", "close_plan_told"):
        grant(op, table, append_only=True)
    grant(op, "deal_signal")
