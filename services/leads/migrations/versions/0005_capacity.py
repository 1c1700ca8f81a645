"""How much a team can take on: what is set about it, and who is away when, as it was known."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0005"
down_revision = "0004"

TABLES = """
CREATE TABLE lead_flow (
    version integer PRIMARY KEY,
    content jsonb NOT NULL,
    said_by text NOT NULL,
    recorded_at timestamptz NOT NULL
);

COMMENT ON TABLE lead_flow IS 'Hours of people and leads, working time and response clocks, every version ever set';

CREATE TABLE absence (
    absence_id uuid NOT NULL,
    version integer NOT NULL,
    person_id uuid NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    withdrawn boolean NOT NULL,
    said_by text NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (absence_id, version),
    CHECK (first_day <= last_day)
);

COMMENT ON TABLE absence IS 'Who is away on which days; of an absence the newest version known at an instant counts';

CREATE INDEX absence_by_person ON absence (person_id);

CREATE INDEX lead_judged ON lead ((state ->> 'verdict_at')) WHERE state ->> 'verdict_at' IS NOT NULL;

CREATE INDEX lead_evidence_by_time ON lead_evidence (at);

CREATE INDEX lead_input_working ON lead_input (at) WHERE kind = 'record' AND payload ->> 'status' = 'working'
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    for table in ("lead_flow", "absence"):
        grant(op, table, append_only=True)
