"""Signed scorecards in a chain, what is asked about their lines, and finance's orders to tie out against."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0019"
down_revision = "0018"

TABLES = """
CREATE TABLE scorecard (
    position bigint PRIMARY KEY CHECK (position > 0),
    unit_id uuid NOT NULL,
    period_key text NOT NULL,
    period_start date NOT NULL,
    period_end date NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    contents_digest text NOT NULL,
    document text NOT NULL,
    previous_digest text NOT NULL,
    digest text NOT NULL UNIQUE,
    signed_by text NOT NULL,
    signed_at timestamptz NOT NULL,
    UNIQUE (unit_id, period_key, version)
);
CREATE TABLE scorecard_note (
    note_id uuid PRIMARY KEY,
    card_position bigint NOT NULL REFERENCES scorecard (position),
    line text NOT NULL,
    answers uuid REFERENCES scorecard_note (note_id),
    body text NOT NULL,
    written_by text NOT NULL,
    written_at timestamptz NOT NULL,
    request_digest text NOT NULL
);
CREATE INDEX scorecard_note_of_card ON scorecard_note (card_position, written_at);
CREATE TABLE finance_order (
    order_number text NOT NULL,
    revision integer NOT NULL CHECK (revision > 0),
    kind text NOT NULL CHECK (kind IN ('order', 'invoice')),
    deal text NOT NULL,
    amount numeric NOT NULL,
    currency text NOT NULL,
    ordered_on date NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL,
    PRIMARY KEY (order_number, revision)
);
CREATE INDEX finance_order_by_day ON finance_order (ordered_on);
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    for table in ("scorecard", "scorecard_note", "finance_order"):
        grant(op, table, append_only=True)
