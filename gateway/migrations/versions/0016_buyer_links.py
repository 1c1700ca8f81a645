"""Links to close plans for buyers; of each only a fingerprint is kept."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0016"
down_revision = "0015"

TABLES = """
CREATE TABLE buyer_link (
    link_id uuid PRIMARY KEY,
    fingerprint bytea NOT NULL UNIQUE,
    plan_id uuid NOT NULL,
    deal_id uuid NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_by text,
    revoked_at timestamptz,
    visits integer NOT NULL DEFAULT 0,
    visited_at timestamptz
);
CREATE INDEX buyer_link_by_deal ON buyer_link (deal_id, created_at DESC);
COMMENT ON TABLE buyer_link IS 'Rows stay after expiry and revocation; what was done by a link stands in the audit trail'
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "buyer_link")
