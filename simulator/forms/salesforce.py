"""Salesforce's form: sObjects with typed fields; custom ones end in `__c`. Dates and times as the SOAP and REST APIs write them."""

from decimal import Decimal

from simulator.forms import LEAD_STATUS_IDS, STAGE_IDS, split_name
from simulator.records import PROBABILITY, AccountRecord, DealRecord, LeadRecord, UserRecord, iso

Value = str | int | float | bool | None
Fields = dict[str, Value]

SOBJECTS = {"deal": "Opportunity", "lead": "Lead", "account": "Account", "user": "User"}
FORECAST_CATEGORY = {"pipeline": "Pipeline", "best_case": "BestCase", "commit": "Forecast", "omitted": "Omitted"}


def deal_fields(deal: DealRecord) -> Fields:
    closed = deal.state != "open"
    day = deal.closed_on if closed and deal.closed_on else deal.close_date
    return {
        "Id": deal.deal_id,
        "Name": deal.name,
        "AccountId": deal.account_id,
        "Amount": None if deal.amount is None else float(deal.amount),
        "CurrencyIsoCode": deal.currency,
        "StageName": STAGE_IDS["salesforce"][deal.stage],
        "Probability": float(Decimal(PROBABILITY[deal.stage]) * 100),
        "ForecastCategory": "Closed"
        if deal.state == "won"
        else FORECAST_CATEGORY.get(deal.category or "omitted", "Omitted"),
        "CloseDate": day.isoformat() if day else None,
        "OwnerId": deal.owner_id,
        "IsClosed": closed,
        "IsWon": deal.state == "won",
        "IsDeleted": deal.deleted,
        "LeadSource": deal.source,
        "NextStep": deal.next_step,
        "LastActivityDate": deal.last_activity_at.date().isoformat() if deal.last_activity_at else None,
        "CreatedDate": iso(deal.created_at),
        "LastModifiedDate": iso(deal.changed_at),
        "LastModifiedById": deal.changed_by,
        "SystemModstamp": iso(deal.changed_at),
        "Region__c": deal.region,
        "Market__c": deal.market,
        "Segment__c": deal.segment,
        "Product__c": deal.product,
        "Source__c": deal.source,
        "Deal_Type__c": deal.deal_type,
        "Value_Basis__c": deal.value_basis,
        "Term_Months__c": deal.term_months,
        "Lead_Id__c": deal.lead_id,
        "Category__c": deal.category,
        "Loss_Reason__c": deal.loss_reason,
    }


def lead_fields(lead: LeadRecord) -> Fields:
    first, last = split_name(lead.person_name)
    return {
        "Id": lead.lead_id,
        "FirstName": first,
        "LastName": last,
        "Email": lead.email,
        "Phone": lead.phone,
        "Company": lead.company,
        "Title": lead.role,
        "Industry": lead.industry,
        "NumberOfEmployees": lead.employees,
        "Status": LEAD_STATUS_IDS["salesforce"][lead.status],
        "LeadSource": lead.source,
        "OwnerId": lead.owner_id,
        "IsConverted": lead.status == "converted",
        "ConvertedOpportunityId": lead.converted_deal_id,
        "IsDeleted": lead.deleted,
        "LastActivityDate": lead.last_activity_at.date().isoformat() if lead.last_activity_at else None,
        "CreatedDate": iso(lead.created_at),
        "LastModifiedDate": iso(lead.changed_at),
        "SystemModstamp": iso(lead.changed_at),
        "CurrencyIsoCode": lead.currency,
        "Amount__c": None if lead.amount is None else float(lead.amount),
        "Region__c": lead.region,
        "Market__c": lead.market,
        "Segment__c": lead.segment,
        "Product__c": lead.product,
        "Engagement_Count__c": lead.engagement_count,
    }


def account_fields(account: AccountRecord) -> Fields:
    return {
        "Id": account.account_id,
        "Name": account.name,
        "ParentId": account.parent_id,
        "Industry": account.market,
        "IsDeleted": False,
        "CreatedDate": iso(account.changed_at),
        "LastModifiedDate": iso(account.changed_at),
        "SystemModstamp": iso(account.changed_at),
        "Region__c": account.region,
        "Market__c": account.market,
        "Segment__c": account.segment,
        "Tier__c": account.tier,
    }


def user_fields(user: UserRecord) -> Fields:
    return {
        "Id": user.user_id,
        "Name": user.name,
        "Email": user.email,
        "IsActive": user.active,
        "ManagerId": user.manager_id,
        "Team_Path__c": user.team_path,
        "SystemModstamp": iso(user.changed_at),
    }


def fields_of(record: DealRecord | LeadRecord | AccountRecord | UserRecord) -> Fields:
    match record:
        case DealRecord():
            return deal_fields(record)
        case LeadRecord():
            return lead_fields(record)
        case AccountRecord():
            return account_fields(record)
        case UserRecord():
            return user_fields(record)
