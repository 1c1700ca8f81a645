"""Imports of a pipeline's history and which of their batches are written."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0003"
down_revision = "0002"

TABLES = """
CREATE TABLE import (
    import_id text PRIMARY KEY CHECK (import_id ~ '^[0-9a-f]{64}$'),
    mapping_name text NOT NULL,
    mapping_version integer NOT NULL,
    files text[] NOT NULL,
    row_limit integer,
    rows_per_batch integer NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    counts jsonb NOT NULL DEFAULT '{}',
    business_date date
);
CREATE INDEX import_by_start ON import (started_at DESC, import_id);

CREATE TABLE import_batch (
    import_id text NOT NULL REFERENCES import (import_id),
    batch_no integer NOT NULL,
    changes integer NOT NULL,
    written_at timestamptz NOT NULL,
    PRIMARY KEY (import_id, batch_no)
);
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "import")
    grant(op, "import_batch", append_only=True)
