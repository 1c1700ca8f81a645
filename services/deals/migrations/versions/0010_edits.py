"""Edits of fields that the CRM owns, what connections take back, and reports of bulk edits."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0010"
down_revision = "0009"

TABLES = """
CREATE TABLE write_back (
    connection text PRIMARY KEY,
    version bigint NOT NULL,
    fields text[] NOT NULL,
    stages jsonb NOT NULL
);

COMMENT ON TABLE write_back IS 'What each connection takes back from here, as the gateway last said';

CREATE TABLE deal_edit (
    edit_id uuid PRIMARY KEY,
    sequence integer NOT NULL,
    deal_id uuid NOT NULL,
    field text NOT NULL,
    wanted text,
    seen text,
    bases text[] NOT NULL,
    state text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'taken', 'confirmed', 'refused', 'conflict', 'superseded')),
    answer text CHECK (answer IN ('taken', 'refused', 'conflict')),
    answer_value text,
    answer_reason text,
    crm_value text,
    reason text,
    author text NOT NULL,
    request_digest text NOT NULL,
    wanted_at timestamptz NOT NULL,
    settled_at timestamptz,
    acknowledged_at timestamptz
);

COMMENT ON TABLE deal_edit IS 'Rows stay; only what became of an edit is written later. The CRM value counts until it is confirmed';

CREATE UNIQUE INDEX deal_edit_open ON deal_edit (deal_id, field) WHERE state IN ('pending', 'taken');

CREATE UNIQUE INDEX deal_edit_by_deal ON deal_edit (deal_id, field, sequence);

CREATE TABLE deal_bulk (
    bulk_id uuid PRIMARY KEY,
    request_digest text NOT NULL,
    report jsonb NOT NULL,
    author text NOT NULL,
    recorded_at timestamptz NOT NULL
)
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    for table in ("write_back", "deal_edit"):
        grant(op, table)
    grant(op, "deal_bulk", append_only=True)
