"""What was told of promotions and weighed quotes is kept as it was told, so that it can be told again."""

from alembic import op

from libs.common.migrations import execute_script

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE promotion_version ADD COLUMN told jsonb;
ALTER TABLE quote_weighed ADD COLUMN told jsonb;
COMMENT ON COLUMN promotion_version.told IS 'The event; null for versions from before it was kept';
COMMENT ON COLUMN quote_weighed.told IS 'The event and the version of the quote; null for what was told before it was kept'
"""


def upgrade() -> None:
    execute_script(op, TABLES)
