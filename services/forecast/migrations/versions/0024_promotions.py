"""What promotions are expected to bring."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0024"
down_revision = "0022"

TABLES = """
CREATE TABLE promotion_version (
    promotion_id uuid NOT NULL,
    version bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('planned', 'approved', 'refused', 'running', 'ended')),
    name text NOT NULL,
    starts_on date NOT NULL,
    last_day date NOT NULL,
    currency text NOT NULL,
    expected numeric,
    valid_from timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (promotion_id, version)
);
COMMENT ON TABLE promotion_version IS 'The greatest version of a promotion is how it stands'
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "promotion_version", append_only=True)
