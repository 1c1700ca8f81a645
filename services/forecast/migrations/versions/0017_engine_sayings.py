"""What the engine would have said of periods that are over, so that a process that begins need not learn all of the past again."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0017"
down_revision = "0016"

TABLES = """
CREATE TABLE engine_saying (
    digest text PRIMARY KEY,
    period_start date NOT NULL,
    period_end date NOT NULL,
    lead integer NOT NULL,
    made_at timestamptz NOT NULL,
    closed double precision,
    stretch double precision,
    weight double precision[],
    shift double precision[],
    means double precision[],
    variances double precision[],
    methods text[],
    points double precision[],
    ended integer[],
    came double precision[]
);
COMMENT ON TABLE engine_saying IS
    'The digest is of everything that a saying follows from; without closed there was too little to learn from';
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "engine_saying", append_only=True)
