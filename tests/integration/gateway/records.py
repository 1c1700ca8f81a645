"""A deal and a lead as the simulated CRMs know them."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from libs.common import clock
from simulator.records import DealRecord, LeadRecord

DEAL_IDS = {"hubspot": "9001", "salesforce": "0067F000003pmdWQAQ", "pipedrive": "77", "standard": "D-114"}
LEAD_IDS = {
    "hubspot": "4001",
    "salesforce": "00Q7F000003pmdWUAQ",
    "pipedrive": "3f1b2a10-0000-4000-8000-000000000001",
    "standard": "L-9",
}


def deal(provider: str, **changes: Any) -> DealRecord:
    """An open deal that changed just now."""
    now = clock.now().replace(microsecond=0)
    record = DealRecord(
        deal_id=DEAL_IDS[provider],
        changed_at=now,
        name="Ovens for Bakery & Söhne",
        amount=Decimal("1234.50"),
        currency="EUR",
        stage="Propose",
        close_date=date(2026, 12, 18),
        category="commit",
        owner_id={"salesforce": "0057F000003pmdWQAQ"}.get(provider, "55"),
        account_id={"salesforce": "0017F000003pmdWQAQ"}.get(provider, "66"),
        lead_id=LEAD_IDS[provider],
        region="EMEA",
        market="Food",
        segment="Mid",
        product="OVEN-1",
        source="Fair",
        deal_type="new",
        value_basis="tcv",
        term_months=12,
        created_at=datetime(2026, 1, 5, 9, tzinfo=UTC),
    )
    return replace(record, **changes)


def lead(provider: str, **changes: Any) -> LeadRecord:
    record = LeadRecord(
        lead_id=LEAD_IDS[provider],
        changed_at=clock.now().replace(microsecond=0),
        person_name="Ada Brandt",
        email="ada@example.com",
        phone="+49 30 1234",
        company="Bakery & Söhne",
        status="working",
        source="Fair",
        region="EMEA",
        market="Food",
        segment="Mid",
        product="OVEN-1",
        amount=Decimal("900.00"),
        currency="EUR",
        employees=40,
        industry="Food",
        role="Owner",
        engagement_count=3,
        last_activity_at=datetime(2026, 11, 1, tzinfo=UTC),
        owner_id={"salesforce": "0057F000003pmdWQAQ"}.get(provider, "55"),
        converted_deal_id=None,
        created_at=datetime(2026, 1, 5, 9, tzinfo=UTC),
    )
    return replace(record, **changes)
