"""Comparisons with the CRMs: what each side has, the cells and deals that differ, and who wants one now."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0013"
down_revision = "0012"

TABLES = """
CREATE TABLE comparison (
    comparison_id uuid PRIMARY KEY,
    connection text NOT NULL,
    begun_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('compared', 'refused', 'not_asked')),
    reason text,
    listed integer NOT NULL,
    our_count integer NOT NULL,
    crm_count integer NOT NULL,
    equal_count integer NOT NULL,
    under_way integer NOT NULL,
    missing integer NOT NULL,
    different integer NOT NULL,
    ours_only integer NOT NULL,
    unreadable integer NOT NULL,
    amounts jsonb NOT NULL,
    delivery_ids uuid[] NOT NULL,
    CHECK ((outcome = 'compared') = (reason IS NULL))
);
CREATE INDEX comparison_by_connection ON comparison (connection, begun_at DESC);

CREATE TABLE comparison_cell (
    comparison_id uuid NOT NULL REFERENCES comparison (comparison_id),
    position integer NOT NULL,
    pipeline text NOT NULL,
    stage text NOT NULL,
    close_month date,
    crm_count integer NOT NULL,
    our_count integer NOT NULL,
    equal_count integer NOT NULL,
    amounts jsonb NOT NULL,
    PRIMARY KEY (comparison_id, position)
);

CREATE TABLE comparison_record (
    comparison_id uuid NOT NULL REFERENCES comparison (comparison_id),
    position integer NOT NULL,
    external_id text NOT NULL,
    entity_id uuid,
    kind text NOT NULL CHECK (kind IN ('missing', 'different', 'ours_only', 'unreadable')),
    fields text[] NOT NULL,
    note text,
    theirs jsonb,
    ours jsonb,
    is_fetched boolean NOT NULL,
    PRIMARY KEY (comparison_id, position)
);

CREATE TABLE comparison_wish (
    connection text PRIMARY KEY REFERENCES connection (key),
    wished_at timestamptz NOT NULL,
    actor text NOT NULL
);
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    for name in ("comparison", "comparison_cell", "comparison_record"):
        grant(op, name, append_only=True)
    grant(op, "comparison_wish")
