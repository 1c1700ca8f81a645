"""Policies, requests for approval with their steps and decisions, and delegations."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0004"
down_revision = "0003"

TABLES = """
CREATE TABLE price_policy (
    version integer PRIMARY KEY CHECK (version > 0),
    valid_from timestamptz NOT NULL,
    document jsonb NOT NULL,
    note text NOT NULL,
    published_by text NOT NULL,
    recorded_at timestamptz NOT NULL
);

CREATE TABLE approval_request (
    request_id uuid PRIMARY KEY,
    version bigint NOT NULL,
    quote_id uuid NOT NULL REFERENCES quote,
    revision integer NOT NULL,
    content_hash text NOT NULL,
    policy_version integer REFERENCES price_policy,
    level integer NOT NULL CHECK (level BETWEEN 0 AND 3),
    state text NOT NULL CHECK (state IN ('open', 'approved', 'rejected', 'superseded')),
    findings jsonb NOT NULL,
    differences jsonb NOT NULL,
    reason text CHECK (reason IN ('new_logo', 'displacement', 'churn_defence')),
    note text NOT NULL,
    shortfall numeric NOT NULL CHECK (shortfall >= 0),
    currency text NOT NULL,
    year integer NOT NULL,
    seen text NOT NULL,
    authors text[] NOT NULL,
    submitted_by text NOT NULL,
    submitted_at timestamptz NOT NULL,
    closed_at timestamptz
);

CREATE UNIQUE INDEX approval_request_open_once ON approval_request (quote_id) WHERE state = 'open';

CREATE INDEX approval_request_of ON approval_request (quote_id, submitted_at DESC);

CREATE INDEX approval_request_budget ON approval_request (year, reason, currency) WHERE shortfall > 0;

CREATE TABLE approval_step (
    request_id uuid NOT NULL REFERENCES approval_request,
    number integer NOT NULL,
    stage integer NOT NULL,
    authority text NOT NULL CHECK (authority IN ('manager', 'vp', 'cso', 'finance', 'ceo')),
    state text NOT NULL CHECK (state IN ('waiting', 'asked', 'approved', 'rejected', 'carried', 'cancelled')),
    inputs jsonb NOT NULL,
    asked_at timestamptz,
    due_at timestamptz,
    escalated_at timestamptz,
    carried_from uuid,
    decided_by text,
    on_behalf_of text,
    decided_at timestamptz,
    PRIMARY KEY (request_id, number)
);

CREATE INDEX approval_step_due ON approval_step (due_at) WHERE state = 'asked' AND escalated_at IS NULL;

CREATE TABLE approval_decision (
    decision_id uuid PRIMARY KEY,
    request_id uuid NOT NULL REFERENCES approval_request,
    number integer NOT NULL,
    quote_id uuid NOT NULL,
    revision integer NOT NULL,
    authority text NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('approved', 'rejected')),
    seen text NOT NULL,
    policy_version integer NOT NULL,
    consequence jsonb NOT NULL,
    note text NOT NULL,
    subject text NOT NULL,
    on_behalf_of text,
    decided_at timestamptz NOT NULL,
    UNIQUE (request_id, number)
);

CREATE TABLE approval_delegation (
    delegation_id uuid PRIMARY KEY,
    from_subject text NOT NULL,
    to_subject text NOT NULL CHECK (to_subject <> from_subject),
    roles text[] NOT NULL,
    scope uuid[] NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
    note text NOT NULL,
    recorded_at timestamptz NOT NULL
);

CREATE INDEX approval_delegation_to ON approval_delegation (to_subject, ends_at);

CREATE TABLE approval_delegation_end (
    delegation_id uuid PRIMARY KEY REFERENCES approval_delegation,
    ended_by text NOT NULL,
    ended_at timestamptz NOT NULL
)
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    for table in ("approval_request", "approval_step"):
        grant(op, table)
    for table in ("price_policy", "approval_decision", "approval_delegation", "approval_delegation_end"):
        grant(op, table, append_only=True)
