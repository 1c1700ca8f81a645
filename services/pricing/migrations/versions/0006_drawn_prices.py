"""Prices drawn at random where that was opted into, and what people may do now, for what they delegated."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0006"
down_revision = "0005"

TABLES = """
CREATE TABLE price_draw_scope (
    scope_id uuid PRIMARY KEY,
    product_id uuid NOT NULL,
    market text,
    segment text,
    floor numeric NOT NULL,
    target numeric NOT NULL,
    stretch numeric NOT NULL,
    band_version integer NOT NULL,
    width numeric NOT NULL CHECK (width > 0 AND width <= 0.05),
    levels numeric[] NOT NULL CHECK (cardinality(levels) >= 2),
    secret bytea NOT NULL,
    note text NOT NULL,
    opened_by text NOT NULL,
    opened_at timestamptz NOT NULL
);
COMMENT ON COLUMN price_draw_scope.secret IS 'Key of the draw; told by nobody before the scope has ended';

CREATE TABLE price_draw_scope_end (
    scope_id uuid PRIMARY KEY REFERENCES price_draw_scope,
    ended_by text NOT NULL,
    ended_at timestamptz NOT NULL
);

CREATE TABLE drawn_price (
    scope_id uuid NOT NULL REFERENCES price_draw_scope,
    deal_id uuid NOT NULL REFERENCES deal_reference,
    of_list numeric NOT NULL CHECK (of_list > 0),
    probability numeric NOT NULL CHECK (probability BETWEEN 0 AND 1),
    drawn_by text NOT NULL,
    drawn_at timestamptz NOT NULL,
    PRIMARY KEY (scope_id, deal_id)
);

CREATE INDEX drawn_price_by_deal ON drawn_price (deal_id);

CREATE TABLE known_rights (
    subject text PRIMARY KEY,
    version bigint NOT NULL,
    roles text[] NOT NULL,
    scope uuid[] NOT NULL
)
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "known_rights")
    for table in ("price_draw_scope", "price_draw_scope_end", "drawn_price"):
        grant(op, table, append_only=True)
