"""How each CRM writes a record: its property names, types, stage and status identifiers. Pure; one module per CRM."""

from simulator.config import Provider

CUSTOM = (
    "region",
    "market",
    "segment",
    "product",
    "source",
    "deal_type",
    "value_basis",
    "term_months",
    "lead_id",
    "category",
)
"""Deal fields that no CRM has by itself; each CRM carries them as custom fields."""

LEAD_CUSTOM = ("region", "market", "segment", "product", "engagement_count", "converted_deal_id")
"""Lead fields that every CRM here carries as custom fields; more are custom in some."""

STAGE_IDS: dict[Provider, dict[str, str]] = {
    "hubspot": {
        "Qualify": "appointmentscheduled",
        "Discover": "qualifiedtobuy",
        "Propose": "presentationscheduled",
        "Negotiate": "contractsent",
        "Won": "closedwon",
        "Lost": "closedlost",
    },
    "salesforce": {
        "Qualify": "Qualification",
        "Discover": "Needs Analysis",
        "Propose": "Proposal/Price Quote",
        "Negotiate": "Negotiation/Review",
        "Won": "Closed Won",
        "Lost": "Closed Lost",
    },
    "pipedrive": {"Qualify": "1", "Discover": "2", "Propose": "3", "Negotiate": "4", "Won": "won", "Lost": "lost"},
    "standard": {name: name for name in ("Qualify", "Discover", "Propose", "Negotiate", "Won", "Lost")},
}
"""Our stage -> the CRM's identifier. Pipedrive has no closed stages: there `won` and `lost` are the deal's status."""

LEAD_STATUS_IDS: dict[Provider, dict[str, str]] = {
    "hubspot": {
        "new": "NEW",
        "working": "IN_PROGRESS",
        "qualified": "CONNECTED",
        "disqualified": "UNQUALIFIED",
        "converted": "OPEN_DEAL",
    },
    "salesforce": {
        "new": "Open - Not Contacted",
        "working": "Working - Contacted",
        "qualified": "Qualified",
        "disqualified": "Closed - Not Converted",
        "converted": "Closed - Converted",
    },
    "pipedrive": {
        "new": "New",
        "working": "Contacted",
        "qualified": "Qualified",
        "disqualified": "Disqualified",
        "converted": "Converted",
    },
    "standard": {name: name for name in ("new", "working", "qualified", "disqualified", "converted")},
}


def split_name(person_name: str) -> tuple[str, str]:
    """First name and last name of a full name."""
    first, _, last = person_name.partition(" ")
    return first, last
