"""Who made a change, and what is known of an economic buyer: facts that entries tell from here on."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("ALTER TABLE deal_version ADD COLUMN changed_by uuid")
    # A fold that knows nothing of statements made before must not be continued: the next input folds from the beginning.
    op.execute(
        """
        WITH RECURSIVE said AS (
            SELECT lead_id, deal_id FROM evidence WHERE payload ->> 'element' = 'meddpicc.economic_buyer'
        ), leads AS (
            SELECT lead_id FROM said WHERE lead_id IS NOT NULL
            UNION SELECT l.merged_into FROM lead l JOIN leads USING (lead_id) WHERE l.merged_into IS NOT NULL
        )
        UPDATE deal SET fold = NULL
        WHERE deal_id IN (
            SELECT deal_id FROM said WHERE deal_id IS NOT NULL
            UNION SELECT deal_id FROM lead_link JOIN leads USING (lead_id)
            UNION SELECT converted_deal_id FROM lead JOIN leads USING (lead_id) WHERE converted_deal_id IS NOT NULL
        )
        """
    )
