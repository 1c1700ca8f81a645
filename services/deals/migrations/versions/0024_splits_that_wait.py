"""Shares of CRMs that leave a rest, and marks of what is to be told of splits."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0024"
down_revision = "0023"

TABLES = """
CREATE TABLE split_rest (
    deal_id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    author text NOT NULL,
    version integer NOT NULL,
    said jsonb NOT NULL
);
COMMENT ON TABLE split_rest IS 'Revenue shares that the CRM told last, of deals of which it once told less than the whole; version: the last statement before them'
"""

MARKS = """
CREATE TABLE split_mark (
    deal_id uuid NOT NULL,
    mark_id bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (deal_id, mark_id)
);
COMMENT ON TABLE split_mark IS 'Deals of which something else may hold than was told; the teller takes away the marks that it saw';
CREATE FUNCTION mark_what_is_said_of_splits() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
    INSERT INTO split_mark (deal_id)
    SELECT deal_id FROM added WHERE part IN (''revenue'', ''overlay'')
    UNION SELECT d.absorbed_into FROM added JOIN deal d USING (deal_id)
          WHERE added.part IN (''revenue'', ''overlay'') AND d.absorbed_into IS NOT NULL; RETURN NULL; END';
CREATE FUNCTION mark_who_absorbs() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
    INSERT INTO split_mark (deal_id)
    SELECT heir FROM unnest(ARRAY[OLD.absorbed_into, NEW.absorbed_into]) AS of (heir) WHERE heir IS NOT NULL; RETURN NULL; END';
CREATE TRIGGER statements_are_to_be_told AFTER INSERT ON deal_statement REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION mark_what_is_said_of_splits();
CREATE TRIGGER absorptions_are_to_be_told AFTER UPDATE ON deal FOR EACH ROW
WHEN (OLD.absorbed_into IS DISTINCT FROM NEW.absorbed_into) EXECUTE FUNCTION mark_who_absorbs();
INSERT INTO split_mark (deal_id)
SELECT heir FROM deal_said WHERE part IN ('revenue', 'overlay') UNION SELECT deal_id FROM split_told
"""
"""Whoever adds a statement or moves an absorbed deal, by whatever way: the triggers see all, and mark in the same transaction."""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "split_rest")
    execute_script(op, MARKS)
    grant(op, "split_mark")
