"""Pipedrive's form (API and webhooks version 2): numeric ids, UUID leads, custom fields under 40-digit hexadecimal keys."""

from datetime import UTC
from hashlib import sha1
from typing import Any
from uuid import UUID

from simulator.forms import LEAD_STATUS_IDS, STAGE_IDS
from simulator.records import PROBABILITY, AccountRecord, DealRecord, LeadRecord, UserRecord, iso

Data = dict[str, Any]


def custom_key(field: str) -> str:
    """The key under which this company's account has a custom field."""
    return sha1(f"custom field {field}".encode(), usedforsecurity=False).hexdigest()


def _seconds(instant: Any) -> str | None:
    return None if instant is None else f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _number(identifier: str | None) -> int | None:
    return int(identifier) if identifier else None


def _custom(**values: object) -> dict[str, object]:
    return {custom_key(name): value for name, value in values.items()}


def deal_data(deal: DealRecord) -> Data:
    """`stage_id` of a closed deal is the last stage it can be shown in; `status` says won or lost."""
    closed_at = _seconds(deal.changed_at) if deal.state != "open" else None
    stage = deal.stage if deal.state == "open" else "Negotiate"
    return {
        "id": int(deal.deal_id),
        "title": deal.name,
        "value": None if deal.amount is None else float(deal.amount),
        "currency": deal.currency,
        "status": "deleted" if deal.deleted else deal.state,
        "stage_id": int(STAGE_IDS["pipedrive"][stage]),
        "pipeline_id": 1,
        "probability": int(float(PROBABILITY[deal.stage]) * 100) if deal.state == "open" else None,
        "owner_id": _number(deal.owner_id),
        "person_id": None,
        "org_id": _number(deal.account_id),
        "expected_close_date": deal.close_date.isoformat() if deal.close_date else None,
        "add_time": _seconds(deal.created_at),
        "update_time": _seconds(deal.changed_at) if deal.changed_at > deal.created_at else None,
        "stage_change_time": None,
        "close_time": closed_at,
        "won_time": closed_at if deal.state == "won" else None,
        "lost_time": closed_at if deal.state == "lost" else None,
        "lost_reason": deal.loss_reason,
        "is_deleted": deal.deleted,
        "is_archived": False,
        "source_lead_id": deal.lead_id,
        "origin": "ManuallyCreated",
        "label_ids": [],
        "local_close_date": deal.closed_on.isoformat() if deal.closed_on else None,
        "custom_fields": _custom(
            region=deal.region,
            market=deal.market,
            segment=deal.segment,
            product=deal.product,
            source=deal.source,
            deal_type=deal.deal_type,
            value_basis=deal.value_basis,
            term_months=deal.term_months,
            lead_id=deal.lead_id,
            category=deal.category,
            next_step=deal.next_step,
            last_activity_at=iso(deal.last_activity_at) if deal.last_activity_at else None,
        ),
    }


def person_number(lead_id: str) -> int:
    """The id of the person behind a lead."""
    return 1_000_000 + UUID(lead_id).int % 2_000_000_000


def lead_data(lead: LeadRecord) -> Data:
    value = None if lead.amount is None else {"amount": float(lead.amount), "currency": lead.currency}
    return {
        "id": lead.lead_id,
        "title": f"{lead.company} lead",
        "owner_id": _number(lead.owner_id),
        "person_id": person_number(lead.lead_id),
        "organization_id": None,
        "source_name": lead.source,
        "is_archived": lead.status in {"disqualified", "converted"},
        "value": value,
        "expected_close_date": None,
        "label_ids": [],
        "origin": "API",
        "add_time": iso(lead.created_at),
        "update_time": iso(lead.changed_at),
        "custom_fields": _custom(
            status=LEAD_STATUS_IDS["pipedrive"][lead.status],
            company=lead.company,
            region=lead.region,
            market=lead.market,
            segment=lead.segment,
            product=lead.product,
            employees=lead.employees,
            industry=lead.industry,
            role=lead.role,
            engagement_count=lead.engagement_count,
            last_activity_at=iso(lead.last_activity_at) if lead.last_activity_at else None,
            converted_deal_id=lead.converted_deal_id,
        ),
    }


def person_data(lead: LeadRecord) -> Data:
    """The person behind a lead: name, mail and phone live here, not in the lead."""
    first, _, last = lead.person_name.partition(" ")
    return {
        "id": person_number(lead.lead_id),
        "name": lead.person_name,
        "first_name": first,
        "last_name": last,
        "emails": [{"label": "work", "value": lead.email, "primary": True}],
        "phones": [{"label": "work", "value": lead.phone, "primary": True}],
        "owner_id": _number(lead.owner_id),
        "org_id": None,
        "add_time": _seconds(lead.created_at),
        "update_time": _seconds(lead.changed_at),
        "is_deleted": lead.deleted,
        "custom_fields": {},
    }


def organization_data(account: AccountRecord) -> Data:
    return {
        "id": int(account.account_id),
        "name": account.name,
        "owner_id": None,
        "add_time": _seconds(account.changed_at),
        "update_time": _seconds(account.changed_at),
        "is_deleted": False,
        "custom_fields": _custom(
            region=account.region, market=account.market, segment=account.segment, tier=account.tier
        ),
    }


def user_data(user: UserRecord) -> Data:
    return {"id": int(user.user_id), "name": user.name, "email": user.email, "active_flag": user.active}
