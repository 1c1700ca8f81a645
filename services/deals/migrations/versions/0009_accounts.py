"""Contacts with their roles, touchpoints and commitments: statements that are only ever added to, and erasable names apart."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0009"
down_revision = "0008"

CONTACTS = """
CREATE TABLE contact_entry (
    entry_id uuid PRIMARY KEY,
    contact_id uuid NOT NULL,
    account_id uuid NOT NULL,
    at timestamptz NOT NULL,
    seniority text,
    department text,
    active boolean NOT NULL,
    erased boolean NOT NULL,
    author text NOT NULL,
    request_digest text NOT NULL,
    recorded_at timestamptz NOT NULL
);

CREATE INDEX contact_entry_by_contact ON contact_entry (contact_id, at, entry_id);

CREATE INDEX contact_entry_by_account ON contact_entry (account_id);

CREATE TABLE contact_person (
    contact_id uuid PRIMARY KEY,
    name text NOT NULL,
    email text,
    phone text,
    title text,
    updated_at timestamptz NOT NULL
);

COMMENT ON TABLE contact_person IS 'The only place of this database that holds names, mails and phones of contacts; erasing is deleting a row';

CREATE TABLE contact_role_entry (
    entry_id uuid PRIMARY KEY,
    deal_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    role text NOT NULL,
    holds boolean NOT NULL,
    at timestamptz NOT NULL,
    author text NOT NULL,
    request_digest text NOT NULL,
    recorded_at timestamptz NOT NULL
);

CREATE INDEX contact_role_entry_by_deal ON contact_role_entry (deal_id);

CREATE INDEX contact_role_entry_by_contact ON contact_role_entry (contact_id)
"""

TOUCHPOINTS = """
CREATE TABLE touchpoint_entry (
    entry_id uuid PRIMARY KEY,
    touchpoint_id uuid NOT NULL,
    stated_at timestamptz NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    direction text NOT NULL,
    deal_id uuid,
    account_id uuid,
    contacts uuid[] NOT NULL,
    ours uuid[] NOT NULL,
    withdrawn boolean NOT NULL,
    source text NOT NULL,
    author text NOT NULL,
    request_digest text NOT NULL,
    recorded_at timestamptz NOT NULL,
    CHECK (deal_id IS NOT NULL OR account_id IS NOT NULL)
);

CREATE INDEX touchpoint_entry_by_touchpoint ON touchpoint_entry (touchpoint_id, stated_at, entry_id);

CREATE INDEX touchpoint_entry_by_deal ON touchpoint_entry (deal_id) WHERE deal_id IS NOT NULL;

CREATE INDEX touchpoint_entry_by_account ON touchpoint_entry (account_id) WHERE account_id IS NOT NULL;

CREATE TABLE touchpoint (
    touchpoint_id uuid PRIMARY KEY,
    stated_at timestamptz NOT NULL,
    entry_id uuid NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    direction text NOT NULL,
    deal_id uuid,
    account_id uuid,
    contacts uuid[] NOT NULL,
    ours uuid[] NOT NULL,
    withdrawn boolean NOT NULL
);

COMMENT ON TABLE touchpoint IS 'Of each touchpoint the statement with the greatest (stated_at, entry_id)';

CREATE INDEX touchpoint_by_deal ON touchpoint (deal_id, at) WHERE deal_id IS NOT NULL AND NOT withdrawn;

CREATE INDEX touchpoint_by_account ON touchpoint (account_id, at) WHERE account_id IS NOT NULL AND NOT withdrawn
"""

COMMITMENTS = """
CREATE TABLE commitment_entry (
    entry_id uuid PRIMARY KEY,
    commitment_id uuid NOT NULL,
    deal_id uuid,
    account_id uuid,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    promise text NOT NULL,
    side text NOT NULL,
    owner_id uuid NOT NULL,
    due date,
    note text,
    author text NOT NULL,
    request_digest text NOT NULL,
    recorded_at timestamptz NOT NULL,
    CHECK ((deal_id IS NULL) <> (account_id IS NULL))
);

CREATE INDEX commitment_entry_by_commitment ON commitment_entry (commitment_id);

CREATE INDEX commitment_entry_by_deal ON commitment_entry (deal_id) WHERE deal_id IS NOT NULL;

CREATE INDEX commitment_entry_by_account ON commitment_entry (account_id) WHERE account_id IS NOT NULL
"""

COVER = """
CREATE TABLE cover_entry (
    entry_id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    ours uuid NOT NULL,
    theirs uuid NOT NULL,
    cadence_days integer NOT NULL CHECK (cadence_days > 0),
    ended boolean NOT NULL,
    at timestamptz NOT NULL,
    author text NOT NULL,
    request_digest text NOT NULL,
    recorded_at timestamptz NOT NULL
);

CREATE INDEX cover_entry_by_account ON cover_entry (account_id, ours, theirs, at, entry_id);

CREATE INDEX touchpoint_by_contacts ON touchpoint USING gin (contacts)
"""

APPEND_ONLY = ("commitment_entry", "cover_entry", "contact_entry", "contact_role_entry", "touchpoint_entry")
CURRENT = ("contact_person", "touchpoint")


def upgrade() -> None:
    execute_script(op, CONTACTS)
    execute_script(op, TOUCHPOINTS)
    execute_script(op, COMMITMENTS)
    execute_script(op, COVER)
    for table in APPEND_ONLY:
        grant(op, table, append_only=True)
    for table in CURRENT:
        grant(op, table)
