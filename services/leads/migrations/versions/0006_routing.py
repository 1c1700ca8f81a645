"""Who gets which lead, by rules and turns; how long each may wait for an answer, and who was told when it waited longer."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0006"
down_revision = "0005"

TABLES = """
ALTER TABLE lead_input DROP CONSTRAINT lead_input_kind_check;

ALTER TABLE lead_input
    ADD CONSTRAINT lead_input_kind_check CHECK (kind IN ('record', 'verdict', 'merge', 'assignment')) NOT VALID;

CREATE TABLE routing_rules (
    version integer PRIMARY KEY,
    said_by text NOT NULL,
    recorded_at timestamptz NOT NULL
);

CREATE TABLE routing_rule (
    version integer NOT NULL REFERENCES routing_rules,
    position integer NOT NULL CHECK (position > 0),
    market text,
    region text,
    segment text,
    source text,
    product text,
    ranks text[],
    unit_id uuid,
    person_id uuid,
    PRIMARY KEY (version, position),
    CHECK ((unit_id IS NULL) <> (person_id IS NULL))
);

COMMENT ON TABLE routing_rule IS 'What is null asks for nothing; of a version the first rule that a lead meets decides';

CREATE TABLE lead_routed (
    lead_id uuid PRIMARY KEY,
    rules integer NOT NULL,
    position integer NOT NULL,
    unit_id uuid,
    turn bigint,
    person_id uuid NOT NULL,
    recorded_at timestamptz NOT NULL,
    UNIQUE (unit_id, turn),
    CHECK ((unit_id IS NULL) = (turn IS NULL))
);

COMMENT ON TABLE lead_routed IS 'What the rules gave away, each lead once; the last turn of a unit says whose the next is';

CREATE INDEX lead_unowned ON lead (place, first_at DESC, lead_id DESC)
    WHERE owner_id IS NULL AND verdict = 'pending' AND version > 0 AND NOT deleted
"""


CLOCKS = """
ALTER TABLE lead ADD COLUMN clocked_version bigint NOT NULL DEFAULT 0;

CREATE INDEX lead_unclocked ON lead (lead_id) WHERE clocked_version < version;

CREATE TABLE lead_clock (
    clock_id uuid PRIMARY KEY,
    lead_id uuid NOT NULL,
    owner_id uuid,
    started_at timestamptz NOT NULL,
    warn_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    escalate_at timestamptz[] NOT NULL,
    counted boolean NOT NULL,
    next_at timestamptz
);

COMMENT ON COLUMN lead_clock.counted IS 'False for leads that were history when they came here: nobody is told of them';

COMMENT ON COLUMN lead_clock.next_at IS 'When to look whether a mark was passed; null when none can be any more';

CREATE INDEX lead_clock_by_lead ON lead_clock (lead_id, started_at DESC);

CREATE INDEX lead_clock_next ON lead_clock (next_at) WHERE next_at IS NOT NULL;

CREATE INDEX lead_clock_by_start ON lead_clock (started_at) WHERE counted;

CREATE TABLE lead_clock_mark (
    clock_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('warned', 'breached', 'escalated')),
    level smallint NOT NULL,
    passed_at timestamptz NOT NULL,
    told_id uuid,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (clock_id, kind, level)
)
"""


def upgrade() -> None:
    for script in (TABLES, CLOCKS):
        execute_script(op, script)
    for table in ("routing_rules", "routing_rule", "lead_routed", "lead_clock_mark"):
        grant(op, table, append_only=True)
    grant(op, "lead_clock")
