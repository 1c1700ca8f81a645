"""Comparisons of connections with their CRMs, from which the completeness of readings and locks follows."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0008"
down_revision = "0007"

TABLES = """
CREATE TABLE comparison (
    comparison_id uuid PRIMARY KEY,
    connection text NOT NULL,
    recorded_at timestamptz NOT NULL,
    begun_at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('compared', 'refused', 'not_asked')),
    reason text,
    our_count integer NOT NULL,
    crm_count integer NOT NULL,
    equal_count integer NOT NULL,
    under_way integer NOT NULL,
    amounts jsonb NOT NULL
);
CREATE INDEX comparison_newest ON comparison (connection, begun_at DESC, recorded_at);
CREATE INDEX comparison_newest_compared ON comparison (connection, begun_at DESC, recorded_at) WHERE outcome = 'compared';

CREATE TABLE compared_connection (
    connection text PRIMARY KEY
);
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    for name in ("comparison", "compared_connection"):
        grant(op, name, append_only=True)
