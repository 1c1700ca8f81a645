"""Reviews of plans: when they are due, their frozen evidence, options, decisions and how these turned out."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0020"
down_revision = "0019"

TABLES = """
CREATE TABLE review_policy (
    policy_id uuid PRIMARY KEY,
    plan_id uuid NOT NULL REFERENCES plan,
    sequence integer NOT NULL CHECK (sequence > 0),
    day_of_month integer CHECK (day_of_month BETWEEN 1 AND 28),
    chance_node uuid,
    chance_below numeric CHECK (chance_below >= 0 AND chance_below <= 1),
    gap_node uuid,
    gap_above numeric CHECK (gap_above >= 0 AND gap_above <= 1),
    on_broken boolean NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    request_digest text NOT NULL,
    UNIQUE (plan_id, sequence)
);
COMMENT ON TABLE review_policy IS 'The newest of a plan holds';
CREATE TABLE review_look (
    plan_id uuid NOT NULL REFERENCES plan,
    lock_id uuid NOT NULL,
    policy_sequence integer NOT NULL,
    stood jsonb NOT NULL,
    looked_at timestamptz NOT NULL,
    PRIMARY KEY (plan_id, lock_id)
);
COMMENT ON TABLE review_look IS 'How the named nodes stood at a lock, and that this was looked at';
CREATE TABLE review (
    review_id uuid PRIMARY KEY,
    plan_id uuid NOT NULL REFERENCES plan,
    plan_version integer NOT NULL,
    unit_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('regular', 'chance', 'gap', 'assumption', 'by_hand')),
    subject_id uuid,
    cause text NOT NULL,
    since timestamptz NOT NULL,
    evidence text NOT NULL,
    digest text NOT NULL,
    opened_by text NOT NULL,
    opened_at timestamptz NOT NULL,
    request_digest text NOT NULL
);
COMMENT ON COLUMN review.evidence IS 'Canonical JSON; digest is its sha256. Everything a review shows is read from it';
CREATE UNIQUE INDEX review_of_cause ON review
    (plan_id, kind, coalesce(subject_id, '00000000-0000-0000-0000-000000000000'), since);
CREATE TABLE review_option (
    option_id uuid PRIMARY KEY,
    review_id uuid NOT NULL REFERENCES review,
    position integer NOT NULL CHECK (position > 0),
    kind text NOT NULL CHECK (kind IN ('adjust', 'new_plan')),
    name text NOT NULL,
    changes jsonb NOT NULL,
    version integer,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    request_digest text NOT NULL,
    UNIQUE (review_id, position)
);
CREATE TABLE review_decision (
    review_id uuid PRIMARY KEY REFERENCES review,
    choice text NOT NULL CHECK (choice IN ('proceed', 'adjust', 'new_plan')),
    owner text NOT NULL,
    check_on date NOT NULL,
    document text NOT NULL,
    digest text NOT NULL,
    decided_by text NOT NULL,
    decided_at timestamptz NOT NULL,
    request_digest text NOT NULL
);
CREATE TABLE review_score (
    score_id uuid PRIMARY KEY,
    review_id uuid NOT NULL REFERENCES review_decision,
    sequence integer NOT NULL CHECK (sequence > 0),
    as_of timestamptz NOT NULL,
    known_at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('hit', 'missed', 'unknown')),
    came numeric,
    reason text,
    scored_by text NOT NULL,
    scored_at timestamptz NOT NULL,
    UNIQUE (review_id, sequence)
);
COMMENT ON TABLE review_score IS 'The newest stands; the first was made at the check date'
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    for table in ("review_policy", "review_look", "review", "review_option", "review_decision", "review_score"):
        grant(op, table, append_only=True)
