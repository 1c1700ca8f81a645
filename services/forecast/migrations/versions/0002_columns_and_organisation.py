"""What readings of the past need: which versions a snapshot has not seen yet, and the organisation in two clocks."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE deal_version ADD COLUMN arrived_in xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX deal_version_arrived ON deal_version (arrived_in);
CREATE TABLE unit_version (
    unit_id uuid NOT NULL,
    version bigint NOT NULL,
    valid_from timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    parent_id uuid,
    name text NOT NULL,
    kind text NOT NULL,
    removed boolean NOT NULL,
    PRIMARY KEY (unit_id, version)
);
CREATE TABLE placement_version (
    person_id uuid NOT NULL,
    version bigint NOT NULL,
    valid_from timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    unit_id uuid NOT NULL,
    manager_id uuid,
    is_active boolean NOT NULL,
    PRIMARY KEY (person_id, version)
);
INSERT INTO unit_version
SELECT unit_id, version, valid_from, valid_from, parent_id, name, kind, removed FROM org_unit;
INSERT INTO placement_version
SELECT person_id, version, valid_from, valid_from, unit_id, manager_id, is_active FROM org_person;
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    for table in ("unit_version", "placement_version"):
        grant(op, table, append_only=True)
