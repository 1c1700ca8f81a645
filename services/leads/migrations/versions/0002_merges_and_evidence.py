"""People merge leads and record evidence; the queue has an order; what is compared to find duplicates is kept."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

QUEUE = """
ALTER TABLE lead_input DROP CONSTRAINT lead_input_kind_check;

ALTER TABLE lead_input
    ADD CONSTRAINT lead_input_kind_check CHECK (kind IN ('record', 'verdict', 'merge')) NOT VALID;

ALTER TABLE lead
    ADD COLUMN recycled_until text GENERATED ALWAYS AS (state ->> 'recycled_until') STORED,
    ADD COLUMN place smallint GENERATED ALWAYS AS (
        CASE WHEN state ->> 'fit' IS NULL AND state ->> 'engagement' IS NULL THEN 10
        ELSE array_position(
            ARRAY['A3', 'A2', 'B3', 'A1', 'B2', 'C3', 'B1', 'C2', 'C1'],
            coalesce(state ->> 'fit', 'C') || coalesce(state ->> 'engagement', '1')
        ) END
    ) STORED;

COMMENT ON COLUMN lead.place IS
    'Where the grade stands in the queue, 1 first; half a grade counts as its worst, 10: no grade at all';

CREATE INDEX lead_queue ON lead (place, first_at DESC, lead_id DESC) WHERE version > 0;

CREATE INDEX lead_merged ON lead (merged_into) WHERE merged_into IS NOT NULL
"""

DUPLICATES = """
CREATE TABLE lead_key (
    lead_id uuid NOT NULL,
    kind text NOT NULL,
    key text NOT NULL,
    PRIMARY KEY (lead_id, kind, key)
);

COMMENT ON TABLE lead_key IS 'What two leads must share to be compared at all; made anew whenever a lead changes';

ALTER TABLE lead ADD COLUMN compared_version bigint NOT NULL DEFAULT 0;

CREATE INDEX lead_uncompared ON lead (lead_id) WHERE compared_version < version;

CREATE INDEX lead_key_by_key ON lead_key (kind, key, lead_id);

CREATE TABLE lead_pair (
    one uuid NOT NULL,
    other uuid NOT NULL,
    likeness numeric(4, 3) NOT NULL CHECK (likeness BETWEEN 0 AND 1),
    reasons jsonb NOT NULL,
    PRIMARY KEY (one, other),
    CHECK (one < other)
);

COMMENT ON TABLE lead_pair IS 'Leads that may be one, as they were when either of them last changed';

CREATE INDEX lead_pair_by_likeness ON lead_pair (likeness DESC, one, other);

CREATE INDEX lead_pair_by_other ON lead_pair (other);

CREATE TABLE lead_apart (
    one uuid NOT NULL,
    other uuid NOT NULL,
    at timestamptz NOT NULL,
    said_by text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (one, other, at),
    CHECK (one < other)
);

COMMENT ON TABLE lead_apart IS 'Pairs of which a person said that they are not the same lead'
"""

EVIDENCE = """
CREATE TABLE lead_evidence (
    entry_id uuid PRIMARY KEY,
    lead_id uuid NOT NULL,
    at timestamptz NOT NULL,
    payload jsonb NOT NULL,
    recorded_at timestamptz NOT NULL
);

CREATE INDEX lead_evidence_by_lead ON lead_evidence (lead_id);

CREATE TABLE lead_evidence_handed (
    entry_id uuid PRIMARY KEY,
    handed_at timestamptz NOT NULL
);

CREATE TABLE lead_gate (
    gate text NOT NULL,
    version integer NOT NULL,
    requires jsonb NOT NULL,
    enforced boolean NOT NULL,
    said_by text NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (gate, version)
)
"""


def upgrade() -> None:
    for script in (QUEUE, DUPLICATES, EVIDENCE):
        execute_script(op, script)
    for table in ("lead_key", "lead_pair"):
        grant(op, table)
    for table in ("lead_apart", "lead_evidence", "lead_evidence_handed", "lead_gate"):
        grant(op, table, append_only=True)
