"""The policy that holds until one is published: below a floor only as an exception that the CSO agrees to."""

from alembic import op

from libs.common.migrations import execute_script

revision = "0008"
down_revision = "0007"

DOCUMENT = """{"rules": [], "minima": [], "chain": [{"level": 1, "authorities": ["cso"]}], "escalate_after_hours": 24,
"below_floor_level": 1, "over_budget_level": 1, "budgets": [], "planned_margins": []}"""
"""From ever, so that there is a policy at any time; what was published begins later and so goes before it."""
STARTING = f"""
ALTER TABLE price_policy DROP CONSTRAINT price_policy_version_check;
ALTER TABLE price_policy ADD CONSTRAINT price_policy_version_check CHECK (version >= 0) NOT VALID;
ALTER TABLE price_policy VALIDATE CONSTRAINT price_policy_version_check;
INSERT INTO price_policy (version, valid_from, document, note, published_by, recorded_at) VALUES (
    0, '1970-01-01T00:00:00Z', '{DOCUMENT}',
    'Shipped: what is sold below its floor is an exception with a reason, and the CSO agrees to it.', 'system:pricing', now()
)
"""


def upgrade() -> None:
    execute_script(op, STARTING)
