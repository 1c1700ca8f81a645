"""What the projection and simpler methods said at a lock, of every node that the lock froze."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE lock_projection (
    lock_id uuid PRIMARY KEY REFERENCES forecast_lock,
    made_at timestamptz NOT NULL,
    method text NOT NULL,
    settings text NOT NULL,
    wins integer NOT NULL
);
CREATE TABLE lock_projection_row (
    lock_id uuid NOT NULL REFERENCES lock_projection,
    period_key text NOT NULL,
    period_start date NOT NULL,
    period_end date NOT NULL,
    deal_type text NOT NULL,
    value_basis text NOT NULL,
    node_kind text NOT NULL CHECK (node_kind IN ('unit', 'person')),
    node_id uuid NOT NULL,
    closed numeric NOT NULL,
    open numeric NOT NULL,
    not_created numeric NOT NULL,
    renewals numeric NOT NULL,
    blend numeric NOT NULL,
    projection numeric NOT NULL CHECK (projection = closed + open + not_created + renewals + blend),
    low_80 numeric NOT NULL,
    high_80 numeric NOT NULL,
    low_95 numeric,
    high_95 numeric,
    quantiles double precision[] NOT NULL,
    expected_wins double precision NOT NULL,
    size_cv double precision,
    width_scale double precision NOT NULL,
    width_label text NOT NULL CHECK (width_label IN ('prior', 'learnt')),
    width_periods integer NOT NULL,
    opponents jsonb NOT NULL,
    PRIMARY KEY (lock_id, period_start, period_end, deal_type, value_basis, node_kind, node_id)
);
CREATE INDEX lock_projection_row_of_node ON lock_projection_row (node_kind, node_id, period_start, period_end)
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    for table in ("lock_projection", "lock_projection_row"):
        grant(op, table, append_only=True)
