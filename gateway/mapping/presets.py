"""What each provider's records look like before a company changes anything: property names, stages, statuses, scales."""

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from decimal import Decimal

from gateway.mapping.schemas import Kind, LeadStatus, StageMapping
from libs.common.events.crm import Category


@dataclass(frozen=True)
class Preset:
    """The provider's defaults; `lead_when` decides whether a contact is a lead (None: contacts never are)."""

    fields: MappingType[Kind, MappingType[str, str]]
    stages: MappingType[str, StageMapping] = field(default_factory=dict)
    categories: MappingType[str, Category] = field(default_factory=dict)
    lead_statuses: MappingType[str, LeadStatus] = field(default_factory=dict)
    probability_scale: int = 100
    lead_when: str | None = None


def _stages(*rows: tuple[str, str, str, str | None]) -> dict[str, StageMapping]:
    return {
        key: StageMapping.model_validate(
            {"stage": key, "state": state, "probability": Decimal(p), "category": category}
        )
        for key, state, p, category in rows
    }


_OURS: dict[str, Category] = {
    "pipeline": "pipeline",
    "best_case": "best_case",
    "most_likely": "most_likely",
    "commit": "commit",
    "omitted": "omitted",
}
_STATUSES: dict[str, LeadStatus] = {
    "new": "new",
    "working": "working",
    "qualified": "qualified",
    "disqualified": "disqualified",
    "converted": "converted",
}

HUBSPOT = Preset(
    fields={
        "deal": {
            "name": "properties.dealname",
            "amount": "properties.amount",
            "currency": "properties.deal_currency_code",
            "close_date": "properties.closedate",
            "pipeline": "properties.pipeline",
            "stage": "properties.dealstage",
            "probability": "properties.hs_deal_stage_probability",
            "category": "properties.hs_manual_forecast_category",
            "owner_id": "properties.hubspot_owner_id",
            "account_id": "associations.company",
            "created_at": "properties.createdate",
            "loss_reason": "properties.closed_lost_reason",
        },
        "contact": {
            "first_name": "properties.firstname",
            "last_name": "properties.lastname",
            "email": "properties.email",
            "phone": "properties.phone",
        },
        "lead": {
            "company": "properties.company",
            "owner_id": "properties.hubspot_owner_id",
            "status": "properties.hs_lead_status",
            "source": "properties.hs_analytics_source",
            "employees": "properties.numemployees",
            "industry": "properties.industry",
            "role": "properties.jobtitle",
            "last_activity_at": "properties.notes_last_contacted",
            "created_at": "properties.createdate",
            "lifecycle": "properties.lifecyclestage",
        },
        "account": {
            "name": "properties.name",
            "parent_id": "properties.hs_parent_company_id",
            "created_at": "properties.createdate",
        },
        "product": {
            "code": "properties.hs_sku",
            "name": "properties.name",
            "list_price": "properties.price",
            "cost": "properties.hs_cost_of_goods_sold",
            "created_at": "properties.createdate",
        },
    },
    stages=_stages(
        ("appointmentscheduled", "open", "0.2", "pipeline"),
        ("qualifiedtobuy", "open", "0.4", "pipeline"),
        ("presentationscheduled", "open", "0.6", "best_case"),
        ("decisionmakerboughtin", "open", "0.8", "best_case"),
        ("contractsent", "open", "0.9", "commit"),
        ("closedwon", "won", "1", None),
        ("closedlost", "lost", "0", None),
    ),
    categories=_OURS
    | {
        "PIPELINE": "pipeline",
        "BEST_CASE": "best_case",
        "MOST_LIKELY": "most_likely",
        "COMMIT": "commit",
        "OMIT": "omitted",
    },
    lead_statuses=_STATUSES
    | {
        "NEW": "new",
        "OPEN": "new",
        "IN_PROGRESS": "working",
        "ATTEMPTED_TO_CONTACT": "working",
        "CONNECTED": "working",
        "BAD_TIMING": "working",
        "OPEN_DEAL": "converted",
        "UNQUALIFIED": "disqualified",
    },
    probability_scale=1,
    lead_when=(
        'properties.hs_lead_status || contains(`["lead","marketingqualifiedlead","salesqualifiedlead"]`,'
        ' not_null(properties.lifecyclestage, `""`))'
    ),
)

SALESFORCE = Preset(
    fields={
        "deal": {
            "name": "Name",
            "amount": "Amount",
            "currency": "CurrencyIsoCode",
            "close_date": "CloseDate",
            "stage": "StageName",
            "is_closed": "IsClosed",
            "is_won": "IsWon",
            "probability": "Probability",
            "category": "ForecastCategory",
            "owner_id": "OwnerId",
            "account_id": "AccountId",
            "source": "LeadSource",
            "created_at": "CreatedDate",
        },
        "lead": {
            "first_name": "FirstName",
            "last_name": "LastName",
            "email": "Email",
            "phone": "Phone",
            "company": "Company",
            "owner_id": "OwnerId",
            "status": "Status",
            "source": "LeadSource",
            "currency": "CurrencyIsoCode",
            "employees": "NumberOfEmployees",
            "industry": "Industry",
            "role": "Title",
            "last_activity_at": "LastActivityDate",
            "converted_deal_id": "ConvertedOpportunityId",
            "created_at": "CreatedDate",
        },
        "contact": {"first_name": "FirstName", "last_name": "LastName", "email": "Email", "phone": "Phone"},
        "account": {"name": "Name", "parent_id": "ParentId", "created_at": "CreatedDate"},
        "user": {
            "name": "Name",
            "email": "Email",
            "is_active": "IsActive",
            "manager_id": "ManagerId",
        },
        "product": {"code": "ProductCode", "name": "Name", "line": "Family", "created_at": "CreatedDate"},
    },
    stages=_stages(
        ("Prospecting", "open", "0.1", "pipeline"),
        ("Qualification", "open", "0.1", "pipeline"),
        ("Needs Analysis", "open", "0.2", "pipeline"),
        ("Value Proposition", "open", "0.5", "pipeline"),
        ("Id. Decision Makers", "open", "0.6", "pipeline"),
        ("Perception Analysis", "open", "0.7", "pipeline"),
        ("Proposal/Price Quote", "open", "0.75", "best_case"),
        ("Negotiation/Review", "open", "0.9", "commit"),
        ("Closed Won", "won", "1", None),
        ("Closed Lost", "lost", "0", None),
    ),
    categories=_OURS
    | {
        "Pipeline": "pipeline",
        "BestCase": "best_case",
        "Best Case": "best_case",
        "MostLikely": "most_likely",
        "Most Likely": "most_likely",
        "Forecast": "commit",
        "Commit": "commit",
        "Omitted": "omitted",
    },
    lead_statuses=_STATUSES
    | {
        "Open - Not Contacted": "new",
        "Working - Contacted": "working",
        "Qualified": "qualified",
        "Closed - Converted": "converted",
        "Closed - Not Converted": "disqualified",
    },
    probability_scale=100,
)

PIPEDRIVE = Preset(
    fields={
        "deal": {
            "name": "title",
            "amount": "value",
            "currency": "currency",
            "close_date": "expected_close_date",
            "closed_on": "local_close_date || won_time || lost_time || close_time",
            "pipeline": "to_string(pipeline_id)",
            "stage": "to_string(stage_id)",
            "state": "status",
            "probability": "probability",
            "owner_id": "owner_id",
            "account_id": "org_id",
            "lead_id": "source_lead_id",
            "created_at": "add_time",
            "loss_reason": "lost_reason",
        },
        "lead": {
            "person_id": "person_id",
            "owner_id": "owner_id",
            "status": "is_archived && 'disqualified' || 'new'",
            "source": "source_name",
            "amount": "value.amount",
            "currency": "value.currency",
            "created_at": "add_time",
        },
        "contact": {"name": "name", "email": "emails[0].value", "phone": "phones[0].value"},
        "account": {"name": "name", "created_at": "add_time"},
        "user": {"name": "name", "email": "email", "is_active": "active_flag"},
        "product": {
            "code": "code",
            "name": "name",
            "list_price": "prices[0].price",
            "cost": "prices[0].cost",
            "currency": "prices[0].currency",
            "created_at": "add_time",
        },
    },
    categories=_OURS,
    lead_statuses=_STATUSES,
    probability_scale=100,
)

DATAVERSE = Preset(
    fields={
        "deal": {
            "name": "name",
            "amount": "statecode == `1` && actualvalue || estimatedvalue",
            "currency": "transactioncurrencyid.isocurrencycode",
            "close_date": "estimatedclosedate",
            "closed_on": "actualclosedate",
            "stage": "statecode == `1` && 'Won' || statecode == `2` && 'Lost' || stepname || 'In Progress'",
            "state": "statecode == `0` && 'open' || statecode == `1` && 'won' || statecode == `2` && 'lost'",
            "probability": "closeprobability",
            "owner_id": "_ownerid_value",
            "account_id": "_parentaccountid_value",
            "lead_id": "_originatingleadid_value",
            "created_at": "createdon",
            "loss_reason": '"statuscode@OData.Community.Display.V1.FormattedValue" || to_string(statuscode)',
        },
        "lead": {
            "first_name": "firstname",
            "last_name": "lastname",
            "email": "emailaddress1",
            "phone": "telephone1",
            "company": "companyname",
            "owner_id": "_ownerid_value",
            "status": (
                "statecode == `0` && 'new' || statecode == `2` && 'disqualified'"
                " || _qualifyingopportunityid_value && 'converted' || 'qualified'"
            ),
            "amount": "estimatedamount",
            "currency": "transactioncurrencyid.isocurrencycode",
            "employees": "numberofemployees",
            "role": "jobtitle",
            "converted_deal_id": "_qualifyingopportunityid_value",
            "created_at": "createdon",
        },
        "contact": {
            "first_name": "firstname",
            "last_name": "lastname",
            "email": "emailaddress1",
            "phone": "telephone1",
        },
        "account": {"name": "name", "parent_id": "_parentaccountid_value", "created_at": "createdon"},
        "user": {
            "name": "fullname",
            "email": "internalemailaddress",
            "is_active": "isdisabled == `false`",
            "manager_id": "_parentsystemuserid_value",
        },
        "product": {
            "code": "productnumber",
            "name": "name",
            "list_price": "price",
            "cost": "standardcost",
            "currency": "transactioncurrencyid.isocurrencycode",
            "created_at": "createdon",
        },
    },
    stages=_stages(
        ("In Progress", "open", "0.1", "pipeline"),
        ("1-Qualify", "open", "0.1", "pipeline"),
        ("2-Develop", "open", "0.3", "pipeline"),
        ("3-Propose", "open", "0.6", "best_case"),
        ("4-Close", "open", "0.9", "commit"),
        ("Won", "won", "1", None),
        ("Lost", "lost", "0", None),
    ),
    categories=_OURS,
    lead_statuses=_STATUSES,
    probability_scale=100,
)
"""Columns of the Sales application's tables. None of this was tried against an environment: compare with one of your own."""

_DEAL_FIELDS = (
    "name amount currency close_date closed_on pipeline stage state probability category owner_id account_id lead_id region market"
    " segment product source deal_type value_basis term_months created_at loss_reason"
)
_LEAD_FIELDS = (
    "company status owner_id source region market segment product amount currency employees industry role engagement_count"
    " last_activity_at converted_deal_id created_at email phone"
)

STANDARD = Preset(
    fields={
        "deal": {name: name for name in _DEAL_FIELDS.split()},
        "lead": {name: name for name in _LEAD_FIELDS.split()} | {"name": "person_name"},
        "contact": {"name": "name || person_name", "email": "email", "phone": "phone"},
        "account": {name: name for name in ["name", "region", "market", "segment", "tier", "parent_id", "created_at"]},
        "user": {name: name for name in ["name", "email", "team_path", "manager_id"]} | {"is_active": "active"},
        "product": {name: name for name in ["code", "name", "line", "list_price", "cost", "currency"]},
    },
    categories=_OURS,
    lead_statuses=_STATUSES,
    probability_scale=1,
)

GENERIC = Preset(fields={}, categories=_OURS, lead_statuses=_STATUSES, probability_scale=1)
"""Nothing is assumed: a mapping names its fields, and a probability in percent is parked until it says so."""

PRESETS: dict[str, Preset] = {
    "hubspot": HUBSPOT,
    "salesforce": SALESFORCE,
    "pipedrive": PIPEDRIVE,
    "dataverse": DATAVERSE,
    "standard": STANDARD,
    "generic": GENERIC,
}
