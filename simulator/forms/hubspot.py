"""HubSpot's form: objects with an id and `properties`, every value a string, unknown is null."""

from datetime import UTC, datetime, time
from typing import Any

from simulator.forms import LEAD_STATUS_IDS, STAGE_IDS, split_name
from simulator.records import AccountRecord, DealRecord, LeadRecord, UserRecord, iso, text

OBJECT_TYPES = {"deal": "0-3", "lead": "0-1", "account": "0-2"}
"""A lead is a contact whose lifecycle stage is lead, sales qualified lead or opportunity."""

Properties = dict[str, str | None]


def _text(value: object) -> str | None:
    return None if value is None else text(value)


def deal_properties(deal: DealRecord) -> Properties:
    closed = deal.state != "open"
    at = deal.closed_on if closed and deal.closed_on else deal.close_date
    return {
        "hs_object_id": deal.deal_id,
        "dealname": deal.name,
        "amount": _text(deal.amount),
        "deal_currency_code": deal.currency,
        "pipeline": "default",
        "dealstage": STAGE_IDS["hubspot"][deal.stage],
        "closedate": iso(datetime.combine(at, time(12), UTC)) if at else None,
        "hubspot_owner_id": deal.owner_id,
        "hs_is_closed": text(closed),
        "hs_is_closed_won": text(deal.state == "won"),
        "closed_lost_reason": deal.loss_reason,
        "hs_next_step": deal.next_step,
        "notes_last_updated": _text(deal.last_activity_at),
        "hs_updated_by_user_id": str(user_number(deal.changed_by)) if deal.changed_by else None,
        "createdate": iso(deal.created_at),
        "hs_lastmodifieddate": iso(deal.changed_at),
        "ft_region": deal.region,
        "ft_market": deal.market,
        "ft_segment": deal.segment,
        "ft_product": deal.product,
        "ft_source": deal.source,
        "ft_deal_type": deal.deal_type,
        "ft_value_basis": deal.value_basis,
        "ft_term_months": _text(deal.term_months),
        "ft_lead_id": deal.lead_id,
        "ft_category": deal.category,
    }


LIFECYCLE = {
    "new": "lead",
    "working": "lead",
    "qualified": "salesqualifiedlead",
    "disqualified": "lead",
    "converted": "opportunity",
}


def lead_properties(lead: LeadRecord) -> Properties:
    first, last = split_name(lead.person_name)
    return {
        "hs_object_id": lead.lead_id,
        "firstname": first,
        "lastname": last,
        "email": lead.email,
        "phone": lead.phone,
        "company": lead.company,
        "jobtitle": lead.role,
        "industry": lead.industry,
        "numemployees": _text(lead.employees),
        "lifecyclestage": LIFECYCLE[lead.status],
        "hs_lead_status": LEAD_STATUS_IDS["hubspot"][lead.status],
        "hubspot_owner_id": lead.owner_id,
        "notes_last_contacted": _text(lead.last_activity_at),
        "createdate": iso(lead.created_at),
        "lastmodifieddate": iso(lead.changed_at),
        "ft_source": lead.source,
        "ft_region": lead.region,
        "ft_market": lead.market,
        "ft_segment": lead.segment,
        "ft_product": lead.product,
        "ft_amount": _text(lead.amount),
        "ft_currency": lead.currency,
        "ft_engagement_count": _text(lead.engagement_count),
        "ft_converted_deal_id": lead.converted_deal_id,
    }


def account_properties(account: AccountRecord) -> Properties:
    return {
        "hs_object_id": account.account_id,
        "name": account.name,
        "industry": account.market,
        "hs_parent_company_id": account.parent_id,
        "createdate": iso(account.changed_at),
        "hs_lastmodifieddate": iso(account.changed_at),
        "ft_region": account.region,
        "ft_market": account.market,
        "ft_segment": account.segment,
        "ft_tier": account.tier,
    }


def properties(record: DealRecord | LeadRecord | AccountRecord) -> Properties:
    match record:
        case DealRecord():
            return deal_properties(record)
        case LeadRecord():
            return lead_properties(record)
        case AccountRecord():
            return account_properties(record)


def crm_object(record: DealRecord | LeadRecord | AccountRecord, wanted: list[str] | None = None) -> dict[str, Any]:
    """The record as `batch/read` answers it, with the wanted properties only (unknown names are left out)."""
    everything = properties(record)
    modified = iso(record.changed_at)
    archived = not isinstance(record, AccountRecord) and record.deleted
    always = {"hs_object_id", "createdate", "hs_lastmodifieddate", "lastmodifieddate"}
    chosen = {k: v for k, v in everything.items() if wanted is None or k in wanted or k in always}
    found: dict[str, Any] = {
        "id": record.external_id,
        "properties": chosen,
        "createdAt": everything["createdate"],
        "updatedAt": modified,
        "archived": archived,
    }
    return found | ({"archivedAt": modified} if archived else {})


def user_number(owner_id: str) -> int:
    """HubSpot counts its users apart from the owners that they are."""
    return int(owner_id) + 1


def owner(user: UserRecord) -> dict[str, Any]:
    first, last = split_name(user.name)
    return {
        "id": user.user_id,
        "email": user.email,
        "type": "PERSON",
        "firstName": first,
        "lastName": last,
        "userId": user_number(user.user_id),
        "createdAt": iso(user.changed_at),
        "updatedAt": iso(user.changed_at),
        "archived": not user.active,
        "teams": [{"id": user.team_path, "name": user.team_path, "primary": True}],
    }
