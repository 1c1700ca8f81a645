"""History of deals in two clocks, the deals as they stand, roll-up cells and exchange rates."""

from alembic import op

from libs.common import organisation
from libs.common.messaging import schema
from libs.common.migrations import execute_script, grant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATE = """
    deal_id uuid NOT NULL,
    version integer NOT NULL,
    valid_from timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    source_recorded_at timestamptz,
    reconstructed boolean NOT NULL,
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    cause_connection text,
    cause_delivery uuid,
    delivery_received_at timestamptz,
    connection text,
    external_id text,
    name text NOT NULL,
    state text NOT NULL,
    pipeline text NOT NULL,
    stage text NOT NULL,
    stage_entered_at timestamptz NOT NULL,
    stage_probability numeric,
    category text,
    category_by_person boolean NOT NULL,
    gate text NOT NULL,
    amount numeric,
    currency text,
    amount_from text NOT NULL,
    quote_id uuid,
    close_date date,
    close_date_provisional boolean NOT NULL,
    closed_on date,
    created_at timestamptz NOT NULL,
    owner_id uuid,
    account_id uuid,
    lead_id uuid,
    region text,
    market text,
    segment text,
    product text,
    source text,
    deal_type text NOT NULL,
    value_basis text NOT NULL,
    term_months integer,
    loss_reason text,
    pushes integer NOT NULL,
    provisional boolean NOT NULL,
    absorbed_into uuid,
    removed boolean NOT NULL,
    line text,
    month date NOT NULL
"""

TABLES = f"""
CREATE TABLE deal_version ({STATE}, PRIMARY KEY (deal_id, version));
CREATE INDEX deal_version_timeline ON deal_version (deal_id, valid_from DESC, version DESC);
CREATE TABLE deal_current ({STATE},
    slot smallint NOT NULL,
    amount_base numeric,
    weighted_base numeric,
    PRIMARY KEY (deal_id)
);
CREATE INDEX deal_current_line ON deal_current (line, month, deal_id) WHERE line IS NOT NULL;
CREATE INDEX deal_current_owner ON deal_current (owner_id) WHERE line IS NOT NULL;
CREATE TABLE rollup_cell (
    dim text NOT NULL,
    month date NOT NULL,
    line text NOT NULL,
    dim_value text NOT NULL,
    owner_id uuid NOT NULL,
    deal_type text NOT NULL,
    value_basis text NOT NULL,
    slot smallint NOT NULL,
    deal_count bigint NOT NULL,
    amount numeric NOT NULL,
    weighted numeric NOT NULL,
    unpriced bigint NOT NULL,
    unweighted bigint NOT NULL,
    PRIMARY KEY (dim, month, line, dim_value, owner_id, deal_type, value_basis, slot)
);
CREATE TABLE freshness (
    slot smallint PRIMARY KEY,
    newest_delivery_at timestamptz,
    newest_change_at timestamptz,
    newest_imported_at timestamptz
);
CREATE TABLE rate_set (
    name text PRIMARY KEY,
    fiscal_year integer UNIQUE NULLS NOT DISTINCT,
    reference text NOT NULL
);
CREATE TABLE rate (
    set_name text NOT NULL REFERENCES rate_set (name),
    currency text NOT NULL,
    version integer NOT NULL,
    rate numeric CHECK (rate > 0),
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL,
    PRIMARY KEY (set_name, currency, version)
);
INSERT INTO rate_set VALUES ('default', NULL, 'EUR');
"""

DEFAULT_RATES = {
    "EUR": "1",
    "USD": "0.92",
    "GBP": "1.17",
    "CHF": "1.05",
    "JPY": "0.0061",
    "BRL": "0.17",
    "CAD": "0.67",
    "AUD": "0.60",
    "INR": "0.011",
    "SEK": "0.088",
    "NOK": "0.086",
    "DKK": "0.134",
    "PLN": "0.23",
    "SGD": "0.68",
}
"""Round figures to start from, in EUR per unit; sales ops replaces them by `PUT /v1/forecast/rates`."""


def upgrade() -> None:
    for statement in (*schema.CREATE, *organisation.CREATE):
        op.execute(statement)
    execute_script(op, TABLES)
    for currency, rate in DEFAULT_RATES.items():
        op.execute(f"INSERT INTO rate VALUES ('default', '{currency}', 1, {rate}, '1970-01-01Z', 'shipped')")
    for table in ("deal_current", "rollup_cell", "freshness", "rate_set"):
        grant(op, table)
    for table in ("deal_version", "rate"):
        grant(op, table, append_only=True)
