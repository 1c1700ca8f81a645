"""What customers promised in return for a price, and whether they kept it."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0010"
down_revision = "0009"

TABLES = """
CREATE TABLE promised_part (
    part_id uuid PRIMARY KEY,
    quote_id uuid NOT NULL REFERENCES quote,
    revision integer NOT NULL,
    position integer NOT NULL,
    given text NOT NULL,
    given_note text NOT NULL,
    got text NOT NULL,
    got_note text NOT NULL,
    value numeric,
    currency text NOT NULL,
    due date NOT NULL,
    agreed_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    UNIQUE (quote_id, revision, position)
);

CREATE TABLE promised_part_answer (
    entry_id uuid PRIMARY KEY,
    part_id uuid NOT NULL REFERENCES promised_part,
    answer text NOT NULL CHECK (answer IN ('kept', 'not_kept', 'moved')),
    due date CHECK ((due IS NOT NULL) = (answer = 'moved')),
    note text NOT NULL,
    author text NOT NULL,
    request_digest text NOT NULL,
    recorded_at timestamptz NOT NULL
);

CREATE INDEX promised_part_answer_of ON promised_part_answer (part_id, recorded_at)
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    for table in ("promised_part", "promised_part_answer"):
        grant(op, table, append_only=True)
