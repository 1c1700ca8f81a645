"""Price and cost books by statements, parts of bundles, revisions of quotes with named discounts, and amounts of deals."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0003"
down_revision = "0002"

TABLES = """
CREATE TABLE book_statement (
    statement_id uuid PRIMARY KEY,
    product_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('list', 'cost')),
    market text,
    segment text,
    currency text NOT NULL,
    amount numeric CHECK (amount >= 0),
    holds_from date NOT NULL,
    actor text NOT NULL,
    recorded_at timestamptz NOT NULL
);

CREATE INDEX book_statement_of ON book_statement (product_id, currency, holds_from);

CREATE TABLE bundle_statement (
    statement_id uuid PRIMARY KEY,
    product_id uuid NOT NULL,
    parts jsonb NOT NULL,
    holds_from date NOT NULL,
    actor text NOT NULL,
    recorded_at timestamptz NOT NULL
);

CREATE INDEX bundle_statement_of ON bundle_statement (product_id, holds_from);

ALTER TABLE deal_reference ADD COLUMN amount numeric, ADD COLUMN currency text;

ALTER TABLE quote
    ADD COLUMN revision integer NOT NULL DEFAULT 1,
    ADD COLUMN revised_at timestamptz,
    ADD COLUMN revised_by text,
    ADD COLUMN pocket_amount numeric,
    ADD COLUMN cost_amount numeric,
    ADD COLUMN valid_until date,
    ADD COLUMN payment_days integer,
    ADD COLUMN term_months integer,
    ADD COLUMN content_hash text NOT NULL DEFAULT '',
    DROP CONSTRAINT quote_status_check,
    ADD CONSTRAINT quote_status_check CHECK (status IN
        ('draft', 'submitted', 'approved', 'rejected', 'accepted', 'withdrawn', 'expired'));

UPDATE quote SET revised_at = created_at, revised_by = created_by;

ALTER TABLE quote ALTER COLUMN revised_at SET NOT NULL, ALTER COLUMN revised_by SET NOT NULL;

CREATE INDEX quote_runs_out ON quote (valid_until) WHERE status IN ('draft', 'submitted', 'approved', 'rejected');

CREATE INDEX quote_by_day ON quote (revised_at);

ALTER TABLE quote_line
    ADD COLUMN revision integer NOT NULL DEFAULT 1,
    ADD COLUMN cost numeric,
    ADD COLUMN deductions jsonb NOT NULL DEFAULT '[]',
    DROP CONSTRAINT quote_line_pkey,
    ADD PRIMARY KEY (quote_id, revision, position);

CREATE TABLE quote_revision (
    quote_id uuid NOT NULL REFERENCES quote,
    revision integer NOT NULL,
    currency text NOT NULL,
    list_amount numeric,
    net_amount numeric NOT NULL,
    pocket_amount numeric,
    cost_amount numeric,
    valid_until date,
    payment_days integer,
    term_months integer,
    content_hash text NOT NULL,
    revised_by text NOT NULL,
    revised_at timestamptz NOT NULL,
    PRIMARY KEY (quote_id, revision)
);

INSERT INTO quote_revision (quote_id, revision, currency, list_amount, net_amount, content_hash, revised_by, revised_at)
SELECT quote_id, 1, currency, list_amount, net_amount, '', created_by, created_at FROM quote
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    for table in ("book_statement", "bundle_statement", "quote_revision"):
        grant(op, table, append_only=True)
