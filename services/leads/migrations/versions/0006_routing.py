"""Who gets which lead: the rules, and every turn that was taken; a lead may be assigned."""

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


def upgrade() -> None:
    execute_script(op, TABLES)
    for table in ("routing_rules", "routing_rule", "lead_routed"):
        grant(op, table, append_only=True)
