"""Pricing: the catalogue with its history, deals as far as quotes need them, quotes and their lines."""

from alembic import op

from libs.common import organisation
from libs.common.messaging import schema
from libs.common.migrations import execute_script, grant

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE product (
    product_id uuid PRIMARY KEY,
    version bigint NOT NULL DEFAULT 0,
    connection text,
    code text,
    name text,
    line text,
    list_price numeric,
    cost numeric,
    currency text,
    is_active boolean,
    valid_from timestamptz,
    sequence bigint,
    mapping_version integer,
    digest text,
    request_digest text,
    CHECK (version = 0 OR (code IS NOT NULL AND name IS NOT NULL AND is_active IS NOT NULL AND valid_from IS NOT NULL))
);

CREATE UNIQUE INDEX product_own_code ON product (lower(code)) WHERE connection IS NULL AND is_active;

CREATE INDEX product_by_code ON product (lower(code), product_id) WHERE version > 0;

CREATE TABLE product_version (
    product_id uuid NOT NULL,
    valid_from timestamptz NOT NULL,
    sequence bigint NOT NULL,
    mapping_version integer NOT NULL,
    digest text NOT NULL,
    connection text,
    code text NOT NULL,
    name text NOT NULL,
    line text,
    list_price numeric,
    cost numeric,
    currency text,
    is_active boolean NOT NULL,
    actor text,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (product_id, valid_from, sequence, mapping_version, digest)
);

CREATE TABLE deal_reference (
    deal_id uuid PRIMARY KEY,
    version bigint NOT NULL DEFAULT 0,
    valid_from timestamptz,
    name text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'won', 'lost')),
    owner_id uuid,
    absorbed_into uuid,
    removed boolean NOT NULL DEFAULT false
);

CREATE TABLE quote (
    quote_id uuid PRIMARY KEY,
    version bigint NOT NULL,
    deal_id uuid NOT NULL REFERENCES deal_reference,
    status text NOT NULL CHECK (status IN ('draft', 'accepted', 'withdrawn')),
    currency text NOT NULL,
    list_amount numeric,
    net_amount numeric NOT NULL,
    valid_from timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    request_digest text NOT NULL
);

CREATE UNIQUE INDEX quote_accepted_once ON quote (deal_id) WHERE status = 'accepted';

CREATE INDEX quote_by_deal ON quote (deal_id, created_at DESC, quote_id DESC);

CREATE INDEX quote_newest ON quote (created_at DESC, quote_id DESC);

CREATE TABLE quote_line (
    quote_id uuid NOT NULL REFERENCES quote,
    position integer NOT NULL,
    product_id uuid NOT NULL,
    quantity numeric NOT NULL CHECK (quantity > 0),
    list_price numeric,
    unit_price numeric NOT NULL CHECK (unit_price >= 0),
    discount numeric NOT NULL CHECK (discount BETWEEN 0 AND 1),
    net_amount numeric NOT NULL,
    PRIMARY KEY (quote_id, position)
);

CREATE TABLE quote_version (
    quote_id uuid NOT NULL,
    version bigint NOT NULL,
    status text NOT NULL,
    valid_from timestamptz NOT NULL,
    actor text,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (quote_id, version)
)
"""


def upgrade() -> None:
    for statement in (*schema.CREATE, *organisation.CREATE):
        op.execute(statement)
    execute_script(op, TABLES)
    for table in ("product", "deal_reference", "quote"):
        grant(op, table)
    for table in ("product_version", "quote_line", "quote_version"):
        grant(op, table, append_only=True)
