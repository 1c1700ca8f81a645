"""Lists of deals to work on: their indices, what a deal lacks as a column, and kept views."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0011"
down_revision = "0010"

TABLES = """
ALTER TABLE deal ADD COLUMN lacks_next_step boolean GENERATED ALWAYS AS (
    state = 'open' AND coalesce(content->>'next_step_known', 'false') = 'true' AND content->>'next_step' IS NULL
) STORED;

CREATE INDEX deal_open_by_close ON deal ((coalesce(close_date, cast('infinity' AS date))), deal_id)
    WHERE state = 'open' AND version > 0 AND NOT removed;

CREATE INDEX deal_open_by_owner ON deal (owner_id, (coalesce(close_date, cast('infinity' AS date))), deal_id)
    WHERE state = 'open' AND version > 0 AND NOT removed;

CREATE INDEX deal_open_by_stage ON deal (stage, (coalesce(close_date, cast('infinity' AS date))), deal_id)
    WHERE state = 'open' AND version > 0 AND NOT removed;

CREATE INDEX deal_open_by_amount ON deal ((-coalesce(amount, -1)), deal_id)
    WHERE state = 'open' AND version > 0 AND NOT removed;

CREATE INDEX deal_open_by_name ON deal ((lower(name)), deal_id) WHERE state = 'open' AND version > 0 AND NOT removed;

CREATE INDEX deal_by_words ON deal USING gin (to_tsvector('simple', coalesce(name, '')));

CREATE TABLE deal_view (
    view_id uuid PRIMARY KEY,
    author text NOT NULL,
    units uuid[] NOT NULL,
    name text NOT NULL,
    query text NOT NULL,
    for_others boolean NOT NULL,
    request_digest text NOT NULL,
    created_at timestamptz NOT NULL,
    removed_at timestamptz
);

COMMENT ON TABLE deal_view IS 'Filters under a name; units: the scope of who made it, within which it may be shared';

CREATE INDEX deal_view_by_author ON deal_view (author) WHERE removed_at IS NULL
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "deal_view")
