"""The connection documents that make the gateway understand the simulated CRMs.

JMESPath expressions apply to the provider's record: HubSpot's object with `properties`, Salesforce's sObject as an object of its fields,
Pipedrive's `data`, Standard Webhooks' `data`. Only what a provider's own property names do not say is listed.
"""

from typing import Any

import yaml

from simulator.config import PROVIDERS, Provider, SimConfig, SimConnection
from simulator.fakecrm.edits import TARGETS
from simulator.forms import CUSTOM, LEAD_STATUS_IDS, STAGE_IDS
from simulator.forms.pipedrive import custom_key
from simulator.records import LEAD_STATUSES, PROBABILITY, STAGE_CATEGORY, STAGES

NAMES: dict[Provider, str] = {
    "hubspot": "EMEA (HubSpot)",
    "salesforce": "North America (Salesforce)",
    "pipedrive": "LATAM (Pipedrive)",
    "standard": "APAC (in-house CRM)",
}


def documents(config: SimConfig) -> list[dict[str, Any]]:
    """One document per configured connection, in the form that `connection-put` reads."""
    return [_document(config, config.connection(provider)) for provider in PROVIDERS if provider in config.connections]


def as_yaml(config: SimConfig) -> str:
    return yaml.safe_dump(documents(config), sort_keys=False, allow_unicode=True)


def _document(config: SimConfig, connection: SimConnection) -> dict[str, Any]:
    provider = connection.provider
    return {
        "key": connection.key,
        "provider": provider,
        "name": NAMES[provider],
        "secrets": dict(connection.secrets),
        "settings": dict(connection.settings) | _api_base(config, provider) | _write_back(config, provider),
        "mapping": {
            "version": 1,
            "fields": {
                "deal": _deal_fields(provider),
                "lead": _lead_fields(provider),
                "account": _account_fields(provider),
            },
            "stages": _stages(provider),
            "lead_statuses": {LEAD_STATUS_IDS[provider][status]: status for status in LEAD_STATUSES},
            "currency": "EUR",
        },
    }


def _api_base(config: SimConfig, provider: Provider) -> dict[str, str]:
    if provider == "standard":
        return {}
    return {"api_base": f"http://127.0.0.1:{config.port}/{provider}"}


def _write_back(config: SimConfig, provider: Provider) -> dict[str, Any]:
    """What the connection takes back from the system, where the configuration wants that."""
    return {"write_back": dict(TARGETS[provider])} if config.write_back and provider in TARGETS else {}


def _stages(provider: Provider) -> dict[str, dict[str, Any]]:
    return {
        STAGE_IDS[provider][stage]: {
            "stage": stage,
            "state": {"Won": "won", "Lost": "lost"}.get(stage, "open"),
            "probability": PROBABILITY[stage],
            "category": STAGE_CATEGORY[stage],
        }
        for stage in STAGES
    }


def _deal_fields(provider: Provider) -> dict[str, str]:
    match provider:
        case "hubspot":
            return {name: f"properties.ft_{name}" for name in CUSTOM} | {"loss_reason": "properties.closed_lost_reason"}
        case "salesforce":
            names = ("region", "market", "segment", "product", "source", "category")
            fields = {name: f"{name.title()}__c" for name in names}
            return fields | {
                "deal_type": "Deal_Type__c",
                "value_basis": "Value_Basis__c",
                "term_months": "Term_Months__c",
                "lead_id": "Lead_Id__c",
                "loss_reason": "Loss_Reason__c",
            }
        case "pipedrive":
            custom = (*CUSTOM, "next_step", "last_activity_at")
            fields = {name: f'custom_fields."{custom_key(name)}"' for name in custom}
            stage = "(status == 'won' || status == 'lost') && status || to_string(stage_id)"
            return fields | {"stage": stage, "loss_reason": "lost_reason", "closed_on": "local_close_date"}
        case "standard":
            return {}


def _lead_fields(provider: Provider) -> dict[str, str]:
    shared = ("region", "market", "segment", "product", "engagement_count", "converted_deal_id")
    match provider:
        case "hubspot":
            return {name: f"properties.ft_{name}" for name in (*shared, "source", "amount", "currency")} | {
                "status": "properties.hs_lead_status",
                "last_activity_at": "properties.notes_last_contacted",
                "employees": "properties.numemployees",
                "industry": "properties.industry",
                "role": "properties.jobtitle",
            }
        case "salesforce":
            fields = {name: f"{name.title()}__c" for name in ("region", "market", "segment", "product", "amount")}
            return fields | {
                "engagement_count": "Engagement_Count__c",
                "converted_deal_id": "ConvertedOpportunityId",
                "last_activity_at": "LastActivityDate",
                "employees": "NumberOfEmployees",
                "industry": "Industry",
                "role": "Title",
            }
        case "pipedrive":
            names = (*shared, "status", "company", "employees", "industry", "role", "last_activity_at")
            return {name: f'custom_fields."{custom_key(name)}"' for name in names}
        case "standard":
            return {}


def _account_fields(provider: Provider) -> dict[str, str]:
    names = ("region", "market", "segment", "tier")
    match provider:
        case "hubspot":
            return {name: f"properties.ft_{name}" for name in names}
        case "salesforce":
            return {name: f"{name.title()}__c" for name in names}
        case "pipedrive":
            return {name: f'custom_fields."{custom_key(name)}"' for name in names}
        case "standard":
            return {}
