"""Whose match keys are not told yet. Whoever is known already is told of after the migration, by the job."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0015"
down_revision = "0014"

TABLES = """
ALTER TABLE person ADD COLUMN keyed_at timestamptz;

COMMENT ON COLUMN person.keyed_at IS 'updated_at of the state whose match keys were told; null: none were';

CREATE INDEX person_untold ON person (id) WHERE kind <> 'user' AND keyed_at IS DISTINCT FROM updated_at;

CREATE SEQUENCE person_key_version;

CREATE TABLE person_erased (
    id uuid PRIMARY KEY
);

COMMENT ON TABLE person_erased IS 'Erased since keys were told last: consumers are still to drop theirs';

CREATE TABLE match_secret (
    sole boolean PRIMARY KEY CHECK (sole),
    fingerprint text NOT NULL
);

CREATE FUNCTION note_erased_person() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO person_erased (id) VALUES (OLD.id) ON CONFLICT DO NOTHING; RETURN NULL; END $$;

CREATE TRIGGER person_is_erased AFTER DELETE ON person
    FOR EACH ROW WHEN (OLD.keyed_at IS NOT NULL) EXECUTE FUNCTION note_erased_person()
"""


def upgrade() -> None:
    # A person is erased by deleting the row, by whatever hand and tool: the trigger sees all of them.
    execute_script(op, TABLES)
    grant(op, "person_erased")
    grant(op, "match_secret")
    op.execute("GRANT USAGE ON SEQUENCE person_key_version TO foretell_app")
