"""The ledger, accounts and the organisation, each as kept inputs, append-only versions and a current row."""

from alembic import op

from libs.common import organisation
from libs.common.messaging import schema
from libs.common.migrations import execute_script, grant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

LEDGER = """
CREATE TABLE deal (
    deal_id uuid PRIMARY KEY,
    version integer NOT NULL DEFAULT 0,
    valid_from timestamptz,
    recorded_at timestamptz,
    folded_to timestamptz,
    fold jsonb,
    content jsonb,
    name text,
    state text,
    pipeline text,
    stage text,
    category text,
    gate text,
    amount numeric,
    currency text,
    close_date date,
    closed_on date,
    owner_id uuid,
    account_id uuid,
    lead_id uuid,
    region text,
    market text,
    segment text,
    product text,
    provisional boolean NOT NULL DEFAULT false,
    absorbed_into uuid,
    removed boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE deal IS 'The head of each timeline; version 0: something is known of it, but not yet the deal itself';
CREATE INDEX deal_by_owner ON deal (owner_id) WHERE version > 0;
CREATE INDEX deal_by_close ON deal ((coalesce(closed_on, close_date)), deal_id) WHERE version > 0;
CREATE INDEX deal_by_account ON deal (account_id) WHERE account_id IS NOT NULL;
CREATE TABLE deal_input (
    deal_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('crm', 'quote')),
    input_key text NOT NULL,
    valid_from timestamptz NOT NULL,
    event_id uuid NOT NULL,
    payload jsonb NOT NULL,
    PRIMARY KEY (deal_id, kind, input_key)
);
CREATE TABLE deal_version (
    deal_id uuid NOT NULL,
    version integer NOT NULL,
    valid_from timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    source_recorded_at timestamptz,
    reconstructed boolean NOT NULL,
    event text NOT NULL,
    cause jsonb NOT NULL,
    delivery_received_at timestamptz,
    content jsonb NOT NULL,
    PRIMARY KEY (deal_id, version)
);
CREATE INDEX deal_version_by_time ON deal_version (deal_id, valid_from, version);
CREATE TABLE lead (
    lead_id uuid PRIMARY KEY,
    version integer NOT NULL DEFAULT 0,
    provisional_id uuid NOT NULL UNIQUE,
    converted_deal_id uuid
);
CREATE INDEX lead_by_conversion ON lead (converted_deal_id) WHERE converted_deal_id IS NOT NULL;
CREATE TABLE lead_input (
    lead_id uuid NOT NULL,
    version integer NOT NULL,
    payload jsonb NOT NULL,
    PRIMARY KEY (lead_id, version)
);
CREATE TABLE lead_link (
    deal_id uuid NOT NULL,
    lead_id uuid NOT NULL,
    linked_at timestamptz NOT NULL,
    PRIMARY KEY (deal_id, lead_id)
);
CREATE INDEX lead_link_by_lead ON lead_link (lead_id);
"""

ACCOUNTS = """
CREATE TABLE account_input (
    account_id uuid NOT NULL,
    input_key text NOT NULL,
    payload jsonb NOT NULL,
    PRIMARY KEY (account_id, input_key)
);
CREATE TABLE account_version (
    account_id uuid NOT NULL,
    version integer NOT NULL,
    valid_from timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    content jsonb NOT NULL,
    PRIMARY KEY (account_id, version)
);
CREATE TABLE account (
    account_id uuid PRIMARY KEY,
    version integer NOT NULL DEFAULT 0,
    valid_from timestamptz,
    name text,
    region text,
    market text,
    segment text,
    tier text,
    parent_id uuid,
    absorbed_into uuid,
    removed boolean NOT NULL DEFAULT false
);
CREATE INDEX account_by_name ON account (lower(name), account_id) WHERE version > 0;
"""

ORGANISATION = """
CREATE TABLE unit_version (
    unit_id uuid NOT NULL,
    version integer NOT NULL,
    valid_from timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    parent_id uuid,
    name text NOT NULL,
    kind text NOT NULL,
    PRIMARY KEY (unit_id, version)
);
CREATE TABLE person_input (
    person_id uuid NOT NULL,
    input_key text NOT NULL,
    payload jsonb NOT NULL,
    PRIMARY KEY (person_id, input_key)
);
CREATE TABLE person_version (
    person_id uuid NOT NULL,
    version integer NOT NULL,
    valid_from timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    content jsonb NOT NULL,
    PRIMARY KEY (person_id, version)
);
CREATE TABLE person (
    person_id uuid PRIMARY KEY,
    version integer NOT NULL DEFAULT 0
);
"""

APPEND_ONLY = (
    "deal_input",
    "deal_version",
    "lead_input",
    "account_input",
    "account_version",
    "unit_version",
    "person_input",
    "person_version",
)
CURRENT = ("deal", "lead", "lead_link", "account", "person")


def upgrade() -> None:
    for statement in (*schema.CREATE, *organisation.CREATE):
        op.execute(statement)
    for script in (LEDGER, ACCOUNTS, ORGANISATION):
        execute_script(op, script)
    for table in APPEND_ONLY:
        grant(op, table, append_only=True)
    for table in CURRENT:
        grant(op, table)
