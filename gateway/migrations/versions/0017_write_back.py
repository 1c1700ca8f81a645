"""Edits on their way to the CRMs."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0017"
down_revision = "0016"

TABLES = """
CREATE TABLE write_back (
    edit_id uuid PRIMARY KEY,
    sequence integer NOT NULL,
    connection text NOT NULL,
    deal_id uuid NOT NULL,
    external_id text NOT NULL,
    field text NOT NULL,
    wanted text,
    bases text[] NOT NULL,
    currency text,
    state text NOT NULL CHECK (state IN ('due', 'taken', 'refused', 'conflict', 'superseded')),
    attempts integer NOT NULL DEFAULT 0,
    sends integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    is_leased boolean NOT NULL DEFAULT false,
    crm_value text,
    reason text,
    wanted_at timestamptz NOT NULL,
    ended_at timestamptz
);

COMMENT ON TABLE write_back IS 'Rows stay: what was wanted of each CRM and what it answered';

CREATE INDEX write_back_due ON write_back (due_at, edit_id) WHERE state = 'due';

CREATE INDEX write_back_by_deal ON write_back (deal_id, field, sequence)
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "write_back")
