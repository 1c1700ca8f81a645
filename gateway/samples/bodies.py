"""One body per provider and object, with nothing but what the provider's own field names say. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from xml.sax.saxutils import escape

import orjson

from libs.common.ids import new_id

Kind = Literal["deal", "lead"]
NAME = "Foretell sample"
NEXT_STEP = "Look whether this arrives"


@dataclass(frozen=True)
class Sample:
    """A request ready to be sent; it holds a credential, so it is never logged or printed. `stored`: the body as it will be kept."""

    url: str
    headers: dict[str, str]
    body: bytes
    stored: bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the sample shall tell of. `stage` is the CRM's own id of a stage; `external_id` is none of a real record by default."""

    kind: Kind
    at: datetime
    external_id: str | None
    stage: str
    pipeline: str
    status: str
    currency: str
    settings: dict[str, Any]

    @property
    def second(self) -> str:
        return f"{self.at:%Y-%m-%dT%H:%M:%SZ}"

    @property
    def close_date(self) -> str:
        return (self.at + timedelta(days=30)).date().isoformat()

    def id_or(self, sample: str) -> str:
        return self.external_id or sample


def hubspot(wanted: Wanted) -> bytes:
    """A thin event: HubSpot's record is fetched back, so only one of a record that it has can have an effect."""
    event = {
        "eventId": int(wanted.at.timestamp()) % 2**31,
        "subscriptionId": 1,
        "portalId": int(wanted.settings.get("portal_id") or 0),
        "appId": 1,
        "occurredAt": int(wanted.at.timestamp() * 1000),
        "subscriptionType": "deal.creation" if wanted.kind == "deal" else "contact.creation",
        "attemptNumber": 0,
        "objectId": int(wanted.id_or("1")),
        "changeFlag": "NEW",
        "changeSource": "CRM_UI",
    }
    return orjson.dumps([event])


def salesforce(wanted: Wanted) -> bytes:
    """An outbound message with one notification."""
    if wanted.kind == "deal":
        sobject, fields = "Opportunity", {
            "Id": wanted.id_or("006000000000SAMPLE"),
            "Name": NAME,
            "Amount": "1000.0",
            "StageName": wanted.stage,
            "CloseDate": wanted.close_date,
            "NextStep": NEXT_STEP,
            "LastActivityDate": wanted.at.date().isoformat(),
        }  # fmt: skip
    else:
        sobject, fields = "Lead", {
            "Id": wanted.id_or("00Q000000000SAMPLE"),
            "LastName": "Sample",
            "Company": NAME,
            "Status": wanted.status,
        }  # fmt: skip
    fields |= {"CreatedDate": wanted.second, "LastModifiedDate": wanted.second, "SystemModstamp": wanted.second}
    cells = "".join(f"<sf:{name}>{escape(value)}</sf:{name}>" for name, value in fields.items())
    organization = escape(str(wanted.settings.get("organization_id") or "00D000000000000AAA"))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
        f'<notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>{organization}</OrganizationId>'
        f'<ActionId>04k000000000000AAA</ActionId><SessionId xsi:nil="true"/><Notification><Id>04l{int(wanted.at.timestamp()):015d}</Id>'
        f'<sObject xsi:type="sf:{sobject}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">{cells}</sObject>'
        "</Notification></notifications></soapenv:Body></soapenv:Envelope>"
    ).encode()


def change_event(wanted: Wanted) -> bytes:
    """A Salesforce change event by a callout: the record is fetched back, so only one that Salesforce has can have an effect."""
    prefix, sobject = ("006", "Opportunity") if wanted.kind == "deal" else ("00Q", "Lead")
    header = {
        "entityName": sobject,
        "recordIds": [wanted.id_or(f"{prefix}000000000SAM")],
        "changeType": "UPDATE",
        "changedFields": ["StageName", "LastModifiedDate"],
        "changeOrigin": "com/salesforce/api/soap/61.0;client=Sample",
        "transactionKey": str(new_id()),
        "sequenceNumber": 1,
        "commitTimestamp": int(wanted.at.timestamp() * 1000),
        "commitUser": "005000000000SAM",
        "commitNumber": 1,
    }
    organisation = wanted.settings.get("organization_id") or "00D000000000000AAA"
    return orjson.dumps({"organizationId": organisation, "events": [{"ChangeEventHeader": header}]})


def pipedrive(wanted: Wanted) -> bytes:
    """A version 2 webhook with the whole record."""
    identifier = wanted.id_or("999999999" if wanted.kind == "deal" else "00000000-0000-4000-8000-000000000001")
    if wanted.kind == "deal":
        data: dict[str, Any] = {
            "id": int(identifier),
            "title": NAME,
            "value": 1000,
            "currency": wanted.currency,
            "status": "open",
            "stage_id": int(wanted.stage) if wanted.stage.isdigit() else wanted.stage,
            "pipeline_id": int(wanted.pipeline) if wanted.pipeline.isdigit() else 1,
            "expected_close_date": wanted.close_date,
            "next_activity_subject": NEXT_STEP,
            "last_activity_date": wanted.at.date().isoformat(),
        }
    else:
        value = {"amount": 1000, "currency": wanted.currency}
        data = {"id": identifier, "title": NAME, "value": value, "is_archived": False}
    data |= {"add_time": wanted.second, "update_time": wanted.second}
    meta = {
        "action": "create",
        "entity": wanted.kind,
        "entity_id": identifier,
        "id": f"sample-{wanted.at.timestamp():.0f}",
        "timestamp": wanted.second,
        "version": "2.0",
    }
    return orjson.dumps({"data": data, "previous": None, "meta": meta})


def dataverse(wanted: Wanted) -> bytes:
    """The context of an update: the row is fetched back, so only one of a row that it has can have an effect."""
    context = {
        "MessageName": "Update",
        "Stage": 40,
        "PrimaryEntityName": "opportunity" if wanted.kind == "deal" else "lead",
        "PrimaryEntityId": wanted.id_or("00000000-0000-4000-8000-000000000001"),
        "OrganizationId": "00000000-0000-4000-8000-000000000002",
        "OperationId": str(new_id()),
        "OperationCreatedOn": f"/Date({int(wanted.at.timestamp() * 1000)})/",
        "InputParameters": [],
    }
    return orjson.dumps(context)


def standard(wanted: Wanted) -> bytes:
    """Foretell's own body in a Standard Webhooks envelope."""
    data: dict[str, Any] = {
        f"{wanted.kind}_id": wanted.id_or("foretell-sample"),
        "version_time": wanted.at.isoformat(),
        "created_at": wanted.at.isoformat(),
        "amount": "1000.00",
        "currency": wanted.currency,
    }
    if wanted.kind == "deal":
        data |= {"name": NAME, "stage": wanted.stage, "pipeline": wanted.pipeline, "close_date": wanted.close_date}
        data |= {"next_step": NEXT_STEP, "last_activity_at": wanted.at.isoformat()}
    else:
        data |= {"company": NAME, "status": wanted.status}
    return orjson.dumps({"type": f"{wanted.kind}.created", "timestamp": wanted.at.isoformat(), "data": data})


BODIES: dict[str, Callable[[Wanted], bytes]] = {
    "hubspot": hubspot,
    "salesforce": salesforce,
    "pipedrive": pipedrive,
    "dataverse": dataverse,
    "standard": standard,
}
