"""Leads: what was said about them, the leads as they stand, the deals that name them, the organisation for scopes."""

from alembic import op

from libs.common import organisation
from libs.common.messaging import schema
from libs.common.migrations import execute_script, grant

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE lead_input (
    lead_id uuid NOT NULL,
    input_key text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('record', 'verdict')),
    at timestamptz NOT NULL,
    payload jsonb NOT NULL,
    cause jsonb NOT NULL,
    actor text,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (lead_id, input_key)
);

CREATE TABLE lead (
    lead_id uuid PRIMARY KEY,
    version bigint NOT NULL DEFAULT 0,
    captured boolean NOT NULL DEFAULT false,
    merged_into uuid,
    connection text,
    external_id text,
    first_at timestamptz,
    state jsonb,
    owner_id uuid GENERATED ALWAYS AS ((state ->> 'owner_id')::uuid) STORED,
    verdict text GENERATED ALWAYS AS (state ->> 'verdict') STORED,
    fit text GENERATED ALWAYS AS (state ->> 'fit') STORED,
    grade text GENERATED ALWAYS AS ((state ->> 'fit') || (state ->> 'engagement')) STORED,
    region text GENERATED ALWAYS AS (state ->> 'region') STORED,
    deleted boolean GENERATED ALWAYS AS ((state ->> 'deleted')::boolean) STORED,
    CHECK ((version = 0) = (state IS NULL))
);

CREATE INDEX lead_newest ON lead (first_at DESC, lead_id DESC) WHERE version > 0;

CREATE INDEX lead_by_owner ON lead (owner_id) WHERE version > 0;

CREATE TABLE deal_link (
    deal_id uuid PRIMARY KEY,
    lead_id uuid,
    valid_from timestamptz NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    counts boolean NOT NULL
);

CREATE INDEX deal_link_by_lead ON deal_link (lead_id) WHERE lead_id IS NOT NULL;

CREATE TABLE lead_person (
    lead_id uuid PRIMARY KEY,
    person_id uuid NOT NULL,
    name text,
    email text,
    phone text,
    request_digest text NOT NULL,
    recorded_at timestamptz NOT NULL
)
"""


def upgrade() -> None:
    for statement in (*schema.CREATE, *organisation.CREATE):
        op.execute(statement)
    execute_script(op, TABLES)
    grant(op, "lead_input", append_only=True)
    for table in ("lead", "deal_link", "lead_person"):
        grant(op, table)
