"""What pricing tells of the quotes that set deals' amounts."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0026"
down_revision = "0024"

TABLES = """
CREATE TABLE quote_weighed (
    quote_id uuid NOT NULL,
    revision integer NOT NULL,
    deal_id uuid NOT NULL,
    currency text NOT NULL,
    net_amount numeric NOT NULL,
    list_amount numeric,
    pocket_amount numeric,
    cost_amount numeric,
    below_floor numeric CHECK (below_floor >= 0),
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (quote_id, revision)
);
COMMENT ON TABLE quote_weighed IS 'What a revision of a quote leaves, told once; null is unknown, never 0';
CREATE INDEX deal_version_quoted ON deal_version (deal_id) WHERE quote_id IS NOT NULL
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "quote_weighed", append_only=True)
