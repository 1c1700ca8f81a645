"""Focus: what is assumed of attention, what people say of deals, and the tiers of accounts."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0018"
down_revision = "0017"

TABLES = """
CREATE TABLE focus_assumption (
    entry_id uuid PRIMARY KEY,
    uplift numeric NOT NULL CHECK (uplift >= 0 AND uplift <= 1),
    hours numeric NOT NULL CHECK (hours > 0),
    emphasis numeric NOT NULL CHECK (emphasis >= 0),
    weights jsonb NOT NULL,
    tiers jsonb NOT NULL,
    said_by text NOT NULL,
    said_at timestamptz NOT NULL,
    request_digest text NOT NULL
);
COMMENT ON TABLE focus_assumption IS 'The newest row holds';
CREATE INDEX focus_assumption_newest ON focus_assumption (said_at DESC, entry_id DESC);

CREATE TABLE focus_statement (
    entry_id uuid PRIMARY KEY,
    deal_id uuid NOT NULL,
    hours numeric CHECK (hours > 0),
    reference numeric CHECK (reference >= 0 AND reference <= 1),
    displacement numeric CHECK (displacement >= 0 AND displacement <= 1),
    said_by text NOT NULL,
    said_at timestamptz NOT NULL,
    request_digest text NOT NULL
);
COMMENT ON TABLE focus_statement IS 'Of a deal the newest row holds; null: nothing is said';
CREATE INDEX focus_statement_newest ON focus_statement (deal_id, said_at DESC, entry_id DESC);

CREATE TABLE account_tier (
    account_id uuid PRIMARY KEY,
    version bigint NOT NULL,
    valid_from timestamptz NOT NULL,
    tier text,
    absorbed_into uuid
);
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    for table in ("focus_assumption", "focus_statement"):
        grant(op, table, append_only=True)
    grant(op, "account_tier")
