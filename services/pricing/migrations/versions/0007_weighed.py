"""Of which revisions of quotes it was told what they leave."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0007"
down_revision = "0006"

TABLES = """
CREATE TABLE quote_weighed (
    quote_id uuid NOT NULL,
    revision integer NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (quote_id, revision)
);
CREATE INDEX quote_binding ON quote (quote_id) WHERE status IN ('approved', 'accepted')
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "quote_weighed", append_only=True)
