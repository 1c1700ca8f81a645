"""Price guidance: publications of bands, exceptions that bands leave out, and of deals the market and segment."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0002"
down_revision = "0001"

TABLES = """
ALTER TABLE deal_reference ADD COLUMN market text, ADD COLUMN segment text;

CREATE TABLE guidance_publication (
    version integer PRIMARY KEY CHECK (version > 0),
    quarter text NOT NULL UNIQUE,
    effective_from timestamptz NOT NULL,
    won_since timestamptz NOT NULL,
    levels text[] NOT NULL,
    quotes integer NOT NULL,
    lines integer NOT NULL,
    exceptions integer NOT NULL,
    unlisted_lines integer NOT NULL
);

CREATE TABLE guidance_band (
    version integer NOT NULL REFERENCES guidance_publication,
    path text NOT NULL,
    quotes integer NOT NULL,
    effective_quotes numeric NOT NULL,
    shrunk_share numeric NOT NULL CHECK (shrunk_share BETWEEN 0 AND 1),
    floor numeric NOT NULL CHECK (floor >= 0),
    floor_low numeric,
    floor_high numeric,
    target numeric NOT NULL,
    target_low numeric,
    target_high numeric,
    stretch numeric NOT NULL,
    stretch_low numeric,
    stretch_high numeric,
    PRIMARY KEY (version, path),
    CHECK (floor <= target AND target <= stretch)
);

CREATE TABLE price_exception (
    quote_id uuid PRIMARY KEY REFERENCES quote,
    reason text NOT NULL CHECK (reason IN ('new_logo', 'displacement', 'churn_defence')),
    note text NOT NULL,
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL
)
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    for table in ("guidance_publication", "guidance_band", "price_exception"):
        grant(op, table, append_only=True)
