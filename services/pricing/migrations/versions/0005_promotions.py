"""Promotions with their versions, what quotes take of them, and give-get pairs of requests for approval."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0005"
down_revision = "0004"

TABLES = """
CREATE TABLE promotion (
    promotion_id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version > 0),
    state text NOT NULL CHECK (state IN ('planned', 'approved', 'refused', 'running', 'ended')),
    name text NOT NULL,
    products uuid[] NOT NULL,
    markets text[] NOT NULL,
    segments text[] NOT NULL,
    starts_on date NOT NULL,
    ends_on date NOT NULL CHECK (ends_on >= starts_on),
    currency text NOT NULL,
    budget numeric NOT NULL CHECK (budget >= 0),
    kind text NOT NULL CHECK (kind IN ('percent', 'amount', 'free_months')),
    value numeric NOT NULL CHECK (value > 0),
    stacking text NOT NULL CHECK (stacking IN ('exclusive', 'with_others')),
    expected numeric,
    note text NOT NULL,
    authors text[] NOT NULL,
    decided_by text,
    ended_on date,
    changed_at timestamptz NOT NULL,
    request_digest text NOT NULL
);

CREATE INDEX promotion_newest ON promotion (starts_on DESC, promotion_id DESC);

CREATE INDEX promotion_due ON promotion (starts_on) WHERE state IN ('approved', 'running');

CREATE TABLE promotion_version (
    promotion_id uuid NOT NULL,
    version bigint NOT NULL,
    state text NOT NULL,
    plan jsonb NOT NULL,
    actor text NOT NULL,
    note text NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (promotion_id, version)
);

CREATE TABLE promotion_use (
    promotion_id uuid NOT NULL REFERENCES promotion,
    quote_id uuid NOT NULL REFERENCES quote,
    revision integer NOT NULL,
    position integer NOT NULL,
    amount numeric NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (promotion_id, quote_id, revision, position)
);

CREATE INDEX promotion_use_by_quote ON promotion_use (quote_id, revision);

ALTER TABLE approval_request ADD COLUMN pairs jsonb NOT NULL DEFAULT '[]';

ALTER TABLE approval_decision ADD COLUMN asks jsonb NOT NULL DEFAULT '[]'
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "promotion")
    for table in ("promotion_version", "promotion_use"):
        grant(op, table, append_only=True)
