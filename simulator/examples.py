"""Records of a company that needs no history: what checks and measurements send when only a few fields matter."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from simulator.records import DealRecord, LeadRecord

REGIONS = ("EMEA", "North America", "LATAM", "APAC")


def deal(external_id: str, at: datetime, amount: Decimal, **changes: Any) -> DealRecord:
    """An open deal of EMEA, made at `at`, that closes that day; `changes` are fields of the record."""
    record = DealRecord(
        deal_id=external_id,
        changed_at=at,
        name=f"Deal {external_id}",
        amount=amount,
        currency="EUR",
        stage="Propose",
        close_date=at.date(),
        category=None,
        owner_id=None,
        account_id=None,
        lead_id=None,
        region="EMEA",
        market="Industry",
        segment="Mid-market",
        product=None,
        source="Referral",
        deal_type="new",
        value_basis="tcv",
        term_months=12,
        created_at=at,
    )
    return replace(record, **changes)


def lead(external_id: str, at: datetime, amount: Decimal | None, **changes: Any) -> LeadRecord:
    """A new lead of EMEA that fits well and is active; `changes` are fields of the record."""
    record = LeadRecord(
        lead_id=external_id,
        changed_at=at,
        person_name="Ada Example",
        email="ada@example.com",
        phone="+49 30 1234567",
        company="Example Ltd",
        status="new",
        source="Referral",
        region="EMEA",
        market="Industry",
        segment="Mid-market",
        product=None,
        amount=amount,
        currency="EUR",
        employees=250,
        industry="Industry",
        role="Director",
        engagement_count=5,
        last_activity_at=at,
        owner_id=None,
        converted_deal_id=None,
        created_at=at,
    )
    return replace(record, **changes)
