"""What was told of who is credited with deals."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0020"
down_revision = "0017"

TABLES = """
CREATE TABLE split_told (
    deal_id uuid NOT NULL,
    version integer NOT NULL,
    entries text NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (deal_id, version)
);
COMMENT ON TABLE split_told IS 'The greatest version is what was told last of a deal; entries: a digest of the statements it was made of'
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "split_told", append_only=True)
