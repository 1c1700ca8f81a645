"""Connections, deliveries and what became of them, newest source records, fetch signals, people."""

from alembic import op

from libs.common.messaging import schema
from libs.common.migrations import execute_script, grant

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE connection (
    key text PRIMARY KEY CHECK (key ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    provider text NOT NULL CHECK (provider IN ('hubspot', 'salesforce', 'pipedrive', 'standard')),
    name text NOT NULL,
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused')),
    secrets bytea NOT NULL,
    settings jsonb NOT NULL DEFAULT '{}',
    mapping jsonb NOT NULL DEFAULT '{}',
    mapping_version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE delivery (
    id uuid PRIMARY KEY,
    connection text NOT NULL REFERENCES connection (key),
    received_at timestamptz NOT NULL,
    headers jsonb NOT NULL,
    body bytea,
    body_bytes integer NOT NULL,
    state text NOT NULL DEFAULT 'accepted' CHECK (state IN ('accepted', 'pending', 'processed', 'parked')),
    item_count integer,
    traceparent text,
    settled_at timestamptz
);
CREATE INDEX delivery_unread ON delivery (id) WHERE state = 'accepted';
CREATE INDEX delivery_by_connection ON delivery (connection, id DESC);
CREATE INDEX delivery_by_state ON delivery (state, id DESC);
CREATE INDEX delivery_with_body ON delivery (id) WHERE body IS NOT NULL;

CREATE TABLE delivery_item (
    delivery_id uuid NOT NULL REFERENCES delivery (id),
    position integer NOT NULL,
    connection text NOT NULL,
    received_at timestamptz NOT NULL,
    object_type text,
    external_id text,
    dedupe_key text,
    outcome text NOT NULL CHECK (outcome IN ('pending', 'applied', 'superseded', 'duplicate', 'ignored', 'parked')),
    reason text,
    field text,
    value text,
    advice text,
    crm_time timestamptz,
    signalled_seq bigint,
    event_id uuid,
    entity_id uuid,
    settled_at timestamptz,
    PRIMARY KEY (delivery_id, position)
);
CREATE INDEX delivery_item_pending ON delivery_item (connection, object_type, external_id) WHERE outcome = 'pending';
CREATE INDEX delivery_item_parked ON delivery_item (connection, delivery_id) WHERE outcome = 'parked';
CREATE INDEX delivery_item_by_time ON delivery_item (received_at);

CREATE TABLE delivery_claim (
    connection text NOT NULL,
    dedupe_key text NOT NULL,
    delivery_id uuid NOT NULL,
    position integer NOT NULL,
    PRIMARY KEY (connection, dedupe_key)
);

CREATE SEQUENCE fetch_signal_seq;
CREATE TABLE fetch_signal (
    connection text NOT NULL REFERENCES connection (key),
    object_type text NOT NULL,
    external_id text NOT NULL,
    signalled_seq bigint NOT NULL,
    received_at timestamptz NOT NULL,
    restored_at timestamptz,
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts integer NOT NULL DEFAULT 0,
    absences integer NOT NULL DEFAULT 0,
    last_error text,
    PRIMARY KEY (connection, object_type, external_id)
);
CREATE INDEX fetch_signal_due ON fetch_signal (due_at);

CREATE TABLE source_record (
    connection text NOT NULL REFERENCES connection (key),
    object_type text NOT NULL,
    external_id text NOT NULL,
    entity_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 0,
    crm_time timestamptz,
    sequence bigint NOT NULL DEFAULT 0,
    mapping_version integer NOT NULL DEFAULT 0,
    digest text NOT NULL DEFAULT '',
    deleted boolean NOT NULL DEFAULT false,
    merged_into text,
    record jsonb,
    canonical jsonb,
    delivery_id uuid,
    event_id uuid,
    received_at timestamptz,
    PRIMARY KEY (connection, object_type, external_id)
);

CREATE TABLE person (
    id uuid PRIMARY KEY,
    connection text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('contact', 'user', 'lead')),
    external_id text NOT NULL,
    name text,
    email text,
    phone text,
    clock timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX person_by_source ON person (connection, kind, external_id);
"""

NAMES = ("connection", "delivery", "delivery_item", "delivery_claim", "fetch_signal", "source_record", "person")


def upgrade() -> None:
    for statement in schema.CREATE:
        op.execute(statement)
    execute_script(op, TABLES)
    for name in NAMES:
        grant(op, name)
    op.execute("GRANT USAGE ON SEQUENCE fetch_signal_seq TO foretell_app")
