"""When deals will be done by their close plans."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0014"
down_revision = "0013"

TABLES = """
CREATE TABLE close_plan_version (
    deal_id uuid NOT NULL,
    version integer NOT NULL,
    as_of date NOT NULL,
    open_tasks integer NOT NULL,
    p50_on date,
    p80_on date,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (deal_id, version)
);
COMMENT ON TABLE close_plan_version IS 'The greatest version of a deal is how its close plan stands'
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "close_plan_version", append_only=True)
