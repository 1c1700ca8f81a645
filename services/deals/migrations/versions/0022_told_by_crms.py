"""What CRMs tell of splits, lines and competitors, as they told it last."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0022"
down_revision = "0020"

TABLES = """
CREATE TABLE deal_told (
    deal_id uuid NOT NULL,
    part text NOT NULL CHECK (part IN ('lines', 'splits', 'competitors')),
    told_at timestamptz NOT NULL,
    mapping_version integer NOT NULL,
    at timestamptz NOT NULL,
    said jsonb NOT NULL,
    problem text,
    PRIMARY KEY (deal_id, part)
);
COMMENT ON TABLE deal_told IS 'The newest word of the CRM: told_at is when it was asked, problem why nothing stands by it'
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "deal_told")
