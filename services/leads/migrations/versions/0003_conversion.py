"""Fitted conversion models with how right they were, for ever; the newest chance of every waiting lead."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0003"
down_revision = "0002"

TABLES = """
CREATE TABLE lead_model (
    model_id uuid PRIMARY KEY,
    fitted_at timestamptz NOT NULL,
    method text NOT NULL CHECK (method IN ('model', 'rules')),
    why text NOT NULL,
    horizon_days integer NOT NULL,
    leads integer NOT NULL,
    conversions integer NOT NULL,
    ridge double precision,
    figures jsonb,
    segments jsonb NOT NULL,
    leaks jsonb NOT NULL,
    parameters jsonb NOT NULL,
    recorded_at timestamptz NOT NULL
);

CREATE INDEX lead_model_newest ON lead_model (fitted_at DESC, model_id DESC);

CREATE TABLE lead_score (
    lead_id uuid PRIMARY KEY,
    version bigint NOT NULL,
    model_id uuid NOT NULL,
    scored_at timestamptz NOT NULL,
    chance double precision NOT NULL CHECK (chance BETWEEN 0 AND 1),
    prior_share double precision NOT NULL CHECK (prior_share BETWEEN 0 AND 1)
);

CREATE INDEX lead_score_best ON lead_score (chance DESC, lead_id)
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "lead_model", append_only=True)
    grant(op, "lead_score")
