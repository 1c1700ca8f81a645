"""Assumptions of plans and how they stood at every lock; what was approved can no longer be changed, what was seen never."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0022"
down_revision = "0020"

TABLES = """
CREATE TABLE plan_assumption (
    plan_id uuid NOT NULL REFERENCES plan,
    version integer NOT NULL,
    sequence integer NOT NULL,
    assumption_id uuid NOT NULL,
    node_id uuid NOT NULL,
    metric text NOT NULL CHECK (metric IN ('win_rate', 'creation', 'size', 'cycle', 'pushed')),
    expected numeric NOT NULL CHECK (expected > 0),
    tolerance numeric NOT NULL CHECK (tolerance >= 0 AND tolerance <= 1),
    criticality text NOT NULL CHECK (criticality IN ('critical', 'normal')),
    cases integer CHECK (cases >= 0),
    removed boolean NOT NULL,
    PRIMARY KEY (plan_id, version, assumption_id, sequence)
);
COMMENT ON COLUMN plan_assumption.expected IS 'A share, deals a month, money of the plan''s currency, or days, by the metric';
COMMENT ON COLUMN plan_assumption.tolerance IS 'A share of what is expected, on either side';
COMMENT ON COLUMN plan_assumption.cases IS 'Of how many cases of the year before it was taken; null: somebody said it';
CREATE TABLE assumption_look (
    plan_id uuid NOT NULL REFERENCES plan,
    version integer NOT NULL,
    due_at timestamptz NOT NULL,
    known_at timestamptz NOT NULL,
    made_at timestamptz NOT NULL,
    PRIMARY KEY (plan_id, version, due_at)
);
COMMENT ON COLUMN assumption_look.known_at IS 'The lock''s instant, or when the plan was put in force, if that was later';
CREATE TABLE assumption_state (
    plan_id uuid NOT NULL,
    version integer NOT NULL,
    assumption_id uuid NOT NULL,
    due_at timestamptz NOT NULL,
    below double precision NOT NULL CHECK (below >= 0 AND below <= 1),
    above double precision NOT NULL CHECK (above >= 0 AND above <= 1),
    value double precision,
    low double precision,
    high double precision,
    cases integer NOT NULL,
    weeks integer NOT NULL,
    is_enough boolean NOT NULL,
    stands_out boolean NOT NULL,
    state text NOT NULL CHECK (state IN ('holding', 'drifting', 'broken', 'too_little_data')),
    leans text CHECK (leans IN ('below', 'above')),
    since timestamptz,
    broken text CHECK (broken IN ('below', 'above')),
    broken_since timestamptz,
    back_since timestamptz,
    PRIMARY KEY (plan_id, version, assumption_id, due_at),
    FOREIGN KEY (plan_id, version, due_at) REFERENCES assumption_look
)
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    for table in ("plan_assumption", "assumption_look", "assumption_state"):
        grant(op, table, append_only=True)
    op.execute(
        "CREATE TRIGGER plan_assumption_of_a_draft AFTER INSERT ON plan_assumption REFERENCING NEW TABLE AS added "
        "FOR EACH STATEMENT EXECUTE FUNCTION only_drafts_of_plans_change()"
    )
