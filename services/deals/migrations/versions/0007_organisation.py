"""What people state of the organisation: kept once, planned until it begins, revoked by a row of its own."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0007"
down_revision = "0006"

TABLES = """
CREATE TABLE org_statement (
    statement_id uuid PRIMARY KEY,
    kind text NOT NULL,
    valid_from timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL,
    position integer NOT NULL,
    unit_id uuid,
    parent_id uuid,
    name text,
    person_id uuid,
    lead_id uuid,
    into_id uuid,
    request_digest text NOT NULL
);
COMMENT ON TABLE org_statement IS 'What somebody said of a unit or a person; it holds from valid_from on unless it is revoked before';
CREATE INDEX org_statement_by_unit ON org_statement (unit_id);
CREATE INDEX org_statement_by_person ON org_statement (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX org_statement_by_time ON org_statement (valid_from, statement_id);
CREATE TABLE org_revocation (
    statement_id uuid PRIMARY KEY,
    revoked_at timestamptz NOT NULL,
    revoked_by text NOT NULL
);
CREATE TABLE org_planned (
    statement_id uuid PRIMARY KEY,
    valid_from timestamptz NOT NULL
);
COMMENT ON TABLE org_planned IS 'The statements that have not begun: a row leaves when one begins or is revoked';
CREATE INDEX org_planned_by_time ON org_planned (valid_from);
CREATE TABLE unit_named (
    unit_id uuid NOT NULL,
    valid_from timestamptz NOT NULL,
    parent_id uuid,
    name text NOT NULL,
    kind text NOT NULL,
    PRIMARY KEY (unit_id, valid_from)
);
COMMENT ON TABLE unit_named IS 'Since when the paths of CRM users name a unit; the earliest counts';
INSERT INTO unit_named
SELECT DISTINCT ON (unit_id) unit_id, valid_from, parent_id, name, kind FROM unit_version ORDER BY unit_id, valid_from;
ALTER TABLE unit_version ADD COLUMN lead_id uuid;
ALTER TABLE unit_version ADD COLUMN removed boolean NOT NULL DEFAULT false;
CREATE INDEX unit_version_by_parent ON unit_version (parent_id);
CREATE INDEX person_version_by_unit ON person_version (((content ->> 'unit_id')::uuid));
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    for table in ("org_statement", "org_revocation", "unit_named"):
        grant(op, table, append_only=True)
    grant(op, "org_planned")
