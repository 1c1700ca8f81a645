"""Plans: what is wanted of every part of the business, version after version; what was approved can no longer be changed."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0016"
down_revision = "0015"

TABLES = """
CREATE TABLE plan (
    plan_id uuid PRIMARY KEY,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('unifying', 'federated')),
    unit_id uuid NOT NULL,
    period_key text NOT NULL,
    period_start date NOT NULL,
    period_end date NOT NULL,
    spans jsonb NOT NULL,
    deal_type text,
    value_basis text NOT NULL,
    measures text[] NOT NULL,
    currency text NOT NULL,
    rate_set text NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    request_digest text NOT NULL
);
COMMENT ON COLUMN plan.spans IS 'The periods as they were when the plan was made; a later calendar changes none of them';
CREATE INDEX plan_of_period ON plan (period_start, period_end, value_basis);
CREATE TABLE plan_entry (
    entry_id uuid PRIMARY KEY,
    plan_id uuid NOT NULL REFERENCES plan,
    version integer NOT NULL,
    sequence integer NOT NULL,
    kind text NOT NULL CHECK (kind IN ('drafted', 'edited', 'proposed', 'returned', 'approved', 'activated', 'superseded')),
    what text NOT NULL,
    note text,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    request_digest text NOT NULL,
    UNIQUE (plan_id, version, sequence)
);
COMMENT ON TABLE plan_entry IS 'The newest entry of a version is how it stands';
CREATE INDEX plan_entry_of_state ON plan_entry (kind, made_at) WHERE kind IN ('activated', 'superseded');
CREATE TABLE plan_node (
    plan_id uuid NOT NULL REFERENCES plan,
    version integer NOT NULL,
    sequence integer NOT NULL,
    node_id uuid NOT NULL,
    parent_id uuid,
    dimension text NOT NULL CHECK (dimension IN ('unit', 'person', 'market', 'product', 'region', 'segment', 'deal_type')),
    value text NOT NULL,
    label text NOT NULL,
    position integer NOT NULL,
    organisational boolean NOT NULL,
    removed boolean NOT NULL,
    PRIMARY KEY (plan_id, version, node_id, sequence)
);
COMMENT ON COLUMN plan_node.organisational IS 'It and all above it are units or people, so its bookings are their target';
CREATE TABLE plan_cell (
    plan_id uuid NOT NULL REFERENCES plan,
    version integer NOT NULL,
    sequence integer NOT NULL,
    node_id uuid NOT NULL,
    measure text NOT NULL CHECK (measure IN ('bookings', 'margin', 'pipeline_created', 'new_customers')),
    period_start date NOT NULL,
    period_end date NOT NULL,
    amount numeric CHECK (amount >= 0),
    manual boolean NOT NULL,
    PRIMARY KEY (plan_id, version, measure, node_id, period_start, period_end, sequence)
);
COMMENT ON COLUMN plan_cell.amount IS 'Null takes a number back: nothing is said any more. 0 is a number';
CREATE TABLE plan_text (
    plan_id uuid NOT NULL REFERENCES plan,
    version integer NOT NULL,
    sequence integer NOT NULL,
    market text NOT NULL,
    text text NOT NULL,
    campaigns uuid[] NOT NULL,
    promotions text[] NOT NULL,
    PRIMARY KEY (plan_id, version, market, sequence)
)
"""

DRAFTS_ONLY = """
CREATE FUNCTION only_drafts_of_plans_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE held record;
BEGIN
    SELECT n.plan_id, n.version, e.kind INTO held
    FROM (SELECT DISTINCT plan_id, version FROM added) n
    JOIN LATERAL (
        SELECT x.kind FROM plan_entry x WHERE x.plan_id = n.plan_id AND x.version = n.version
        ORDER BY x.sequence DESC LIMIT 1
    ) e ON e.kind NOT IN ('drafted', 'edited', 'returned')
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'version % of plan % is % and no longer a draft', held.version, held.plan_id, held.kind
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NULL;
END $$
"""
"""A second wall behind the rules of the service: with the rights of the app nothing is put into what was proposed or approved."""

NEVER_BACK = """
CREATE FUNCTION plans_never_go_back() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE before text;
BEGIN
    SELECT x.kind INTO before FROM plan_entry x WHERE x.plan_id = NEW.plan_id AND x.version = NEW.version
    ORDER BY x.sequence DESC LIMIT 1;
    IF before IN ('approved', 'activated', 'superseded') AND NOT (
        (before = 'approved' AND NEW.kind = 'activated') OR (before = 'activated' AND NEW.kind = 'superseded')) THEN
        RAISE EXCEPTION 'version % of plan % is % and cannot be %', NEW.version, NEW.plan_id, before, NEW.kind
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NEW;
END $$
"""
"""What was approved is activated and superseded, and nothing else."""

CONTENT = ("plan_node", "plan_cell", "plan_text")


def upgrade() -> None:
    execute_script(op, TABLES)
    op.execute(DRAFTS_ONLY)
    op.execute(NEVER_BACK)
    for table in ("plan", "plan_entry", *CONTENT):
        grant(op, table, append_only=True)
    for table in CONTENT:
        op.execute(
            f"CREATE TRIGGER {table}_of_a_draft AFTER INSERT ON {table} REFERENCING NEW TABLE AS added "
            "FOR EACH STATEMENT EXECUTE FUNCTION only_drafts_of_plans_change()"
        )
    op.execute(
        "CREATE TRIGGER plan_entry_never_goes_back BEFORE INSERT ON plan_entry "
        "FOR EACH ROW EXECUTE FUNCTION plans_never_go_back()"
    )
