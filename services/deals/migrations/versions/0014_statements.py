"""What people say of a deal beside its CRM: who is credited, what is sold, who else offers; only ever added to."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0014"
down_revision = "0013"

TABLES = """
CREATE TABLE deal_statement (
    entry_id uuid PRIMARY KEY,
    deal_id uuid NOT NULL,
    version integer NOT NULL,
    part text NOT NULL CHECK (part IN ('revenue', 'overlay', 'lines', 'competitor')),
    subject text NOT NULL,
    said jsonb NOT NULL,
    at timestamptz NOT NULL,
    author text NOT NULL,
    request_digest text NOT NULL,
    recorded_at timestamptz NOT NULL,
    UNIQUE (deal_id, version)
);
COMMENT ON TABLE deal_statement IS 'Of each deal, part and subject the greatest (at, version) stands; subject: which competitor, else empty';
CREATE INDEX deal_statement_standing ON deal_statement (deal_id, part, subject, at DESC, version DESC);
CREATE INDEX deal_statement_by_subject ON deal_statement (part, subject, deal_id);
CREATE INDEX deal_by_absorption ON deal (absorbed_into) WHERE absorbed_into IS NOT NULL;
CREATE VIEW deal_said AS
    SELECT s.deal_id AS heir, s.* FROM deal_statement s
    UNION ALL
    SELECT d.absorbed_into, s.* FROM deal d JOIN deal_statement s ON s.deal_id = d.deal_id WHERE d.absorbed_into IS NOT NULL;
COMMENT ON VIEW deal_said IS 'What was said of each deal, and of those that it absorbed while they stood for its lead';
CREATE INDEX deal_closed_by_amount ON deal (pipeline, currency, amount, deal_id)
    WHERE state <> 'open' AND version > 0 AND NOT removed AND NOT provisional AND amount IS NOT NULL;
CREATE INDEX deal_closed_alike ON deal (pipeline, currency, product, segment, amount, deal_id)
    WHERE state <> 'open' AND version > 0 AND NOT removed AND NOT provisional AND amount IS NOT NULL
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "deal_statement", append_only=True)
    op.execute("GRANT SELECT ON deal_said TO foretell_app")
