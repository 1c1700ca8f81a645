"""Keys by which people of leads are compared: those of CRMs are told by the gateway, those captured here are made here."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0008"
down_revision = "0007"

TABLES = """
CREATE TABLE person_key (
    person_id uuid PRIMARY KEY,
    version bigint NOT NULL,
    mail text,
    phone text,
    domain text,
    name text,
    compared boolean NOT NULL DEFAULT false
);

COMMENT ON TABLE person_key IS 'Keyed digests of what the gateway knows of people; all null once it knows nothing more';

CREATE INDEX person_key_uncompared ON person_key (person_id) WHERE NOT compared;

CREATE INDEX lead_by_person ON lead (((state ->> 'person_id')::uuid)) WHERE version > 0;

CREATE TABLE match_secret (
    sole boolean PRIMARY KEY CHECK (sole),
    fingerprint text NOT NULL
);

CREATE FUNCTION compare_lead_without_person() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN UPDATE lead SET compared_version = 0 WHERE lead_id = OLD.lead_id; RETURN NULL; END $$;

CREATE TRIGGER lead_person_is_erased AFTER DELETE ON lead_person
    FOR EACH ROW EXECUTE FUNCTION compare_lead_without_person()
"""


def upgrade() -> None:
    # The person of a lead captured here is erased by deleting the row, by whatever hand: the keys made of it go with it.
    execute_script(op, TABLES)
    grant(op, "person_key")
    grant(op, "match_secret")
