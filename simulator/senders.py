"""Turns a change of a record into the exact signed HTTP request that its CRM sends.

    request = senders.deal_request(connection, deal)                            # the deal changed
    request = senders.lead_request(connection, lead, event="created")
    httpx.request(request.method, request.url, headers=request.headers, content=request.body)

Pure: the same arguments give the same bytes. `at` is the moment of sending (default: the record's `changed_at`); a receiver refuses
signatures older than about five minutes. Message and event ids come from the content, so a repeated call is the same delivery again.

HubSpot's events are thin: the receiver fetches the record back, so put it into `fakecrm.CrmState` first (`put_deal`).
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID
from xml.sax.saxutils import escape

from libs.common import clock
from simulator.config import Provider, SimConnection
from simulator.forms import hubspot, pipedrive, salesforce, standard
from simulator.records import AccountRecord, DealRecord, LeadRecord, iso
from simulator.signing import basic_authorization, sign_hubspot, sign_standard

__all__ = [
    "Change",
    "Event",
    "Request",
    "basic_authorization",
    "deal_request",
    "lead_request",
    "person_request",
    "requests",
    "sign_hubspot",
    "sign_standard",
]

Event = Literal["created", "changed", "deleted", "restored", "merged"]
Changeable = DealRecord | LeadRecord | AccountRecord


@dataclass(frozen=True)
class Request:
    """One HTTP request, ready to send as it stands: the signature covers exactly these bytes."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Change:
    """A record's new state with what happened to it.

    `previous` tells which properties changed; without it the usual ones are named. `merged_into` is the external id of the
    record that lives on (event `merged`: this record has gone into that one).
    """

    record: Changeable
    event: Event = "changed"
    previous: Changeable | None = None
    merged_into: str | None = None

    @property
    def kind(self) -> Literal["deal", "lead", "account"]:
        match self.record:
            case DealRecord():
                return "deal"
            case LeadRecord():
                return "lead"
            case AccountRecord():
                return "account"


def deal_request(
    connection: SimConnection,
    deal: DealRecord,
    event: Event = "changed",
    *,
    previous: DealRecord | None = None,
    merged_into: str | None = None,
    at: datetime | None = None,
) -> Request:
    """The one request that tells of one change of a deal."""
    return requests(connection, [Change(deal, event, previous, merged_into)], at=at)[0]


def lead_request(
    connection: SimConnection,
    lead: LeadRecord,
    event: Event = "changed",
    *,
    previous: LeadRecord | None = None,
    merged_into: str | None = None,
    at: datetime | None = None,
) -> Request:
    """The one request that tells of one change of a lead (HubSpot: a contact)."""
    return requests(connection, [Change(lead, event, previous, merged_into)], at=at)[0]


def person_request(
    connection: SimConnection, lead: LeadRecord, event: Event = "changed", *, at: datetime | None = None
) -> Request:
    """Pipedrive only: the webhook of the person behind a lead, which carries name, mail and phone."""
    if connection.provider != "pipedrive":
        raise ValueError("only Pipedrive sends persons apart from leads")
    data = pipedrive.person_data(lead)
    return _pipedrive_request(
        connection, Change(lead, event), at or lead.changed_at, entity="person", data=data, before=None
    )


def requests(connection: SimConnection, changes: Sequence[Change], *, at: datetime | None = None) -> list[Request]:
    """Requests for changes of one CRM: HubSpot and Salesforce put up to 100 into one, the others send one each."""
    if not changes:
        return []
    sent = at or max(change.record.changed_at for change in changes)
    return _SENDERS[connection.provider](connection, changes, sent)


def _identifier(connection: SimConnection, change: Change, extra: str = "") -> int:
    """A stable 120-bit number of this change: a redelivery has the same one."""
    record = change.record
    parts = (connection.key, change.kind, record.external_id, change.event, record.changed_at.isoformat(), extra)
    return int.from_bytes(hashlib.sha256("|".join(parts).encode()).digest()[:15], "big")


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


# HubSpot: an array of thin events

_OBJECT = {"deal": "deal", "lead": "contact", "account": "company"}
_USUAL: dict[str, tuple[str, ...]] = {
    "deal": ("dealstage", "amount", "closedate"),
    "lead": ("hs_lead_status", "lifecyclestage"),
    "account": ("name",),
}
_SILENT = frozenset({"hs_object_id", "createdate", "hs_lastmodifieddate", "lastmodifieddate"})


def _hubspot(connection: SimConnection, changes: Sequence[Change], at: datetime) -> list[Request]:
    events = [event for change in changes for event in _hubspot_events(connection, change)]
    return [_hubspot_request(connection, events[i : i + 100], at) for i in range(0, len(events), 100)]


def _hubspot_request(connection: SimConnection, events: list[dict[str, Any]], at: datetime) -> Request:
    body = _json(events)
    signature = sign_hubspot(
        connection.secrets["client_secret"],
        method="POST",
        url=connection.url,
        body=body,
        timestamp_ms=clock.to_millis(at),
    )
    headers = {"Content-Type": "application/json", "User-Agent": "HubSpot Connect 2.0 (webhooks)"}
    return Request("POST", connection.url, headers | signature, body)


def _hubspot_events(connection: SimConnection, change: Change) -> list[dict[str, Any]]:
    name = _OBJECT[change.kind]
    base = {
        "subscriptionId": 686627,
        "portalId": int(connection.settings.get("portal_id", "62515")),
        "appId": 54321,
        "occurredAt": clock.to_millis(change.record.changed_at),
        "attemptNumber": 0,
        "changeSource": "CRM_UI",
        "sourceId": "userId:12415231",
    }

    def event(subscription: str, extra: dict[str, Any]) -> dict[str, Any]:
        number = _identifier(connection, change, f"{subscription}:{extra.get('propertyName', '')}") % 2**32
        object_id = {"objectId": int(change.record.external_id)} | extra
        return {"eventId": number, **base, "subscriptionType": f"{name}.{subscription}", **object_id}

    match change.event:
        case "created":
            return [event("creation", {"changeFlag": "NEW"})]
        case "deleted":
            return [event("deletion", {"changeFlag": "DELETED"})]
        case "restored":
            return [event("restore", {"changeFlag": "RESTORED"})]
        case "merged":
            survivor = int(change.merged_into or 0)
            gone = [int(change.record.external_id)]
            merge = {
                "objectId": survivor,
                "primaryObjectId": survivor,
                "mergedObjectIds": gone,
                "newObjectId": survivor,
            }
            return [event("merge", merge | {"changeFlag": "MERGED", "numberOfPropertiesMoved": 0})]
        case "changed":
            return [
                event("propertyChange", {"propertyName": key, "propertyValue": value or ""})
                for key, value in _changed_properties(change).items()
            ]


def _changed_properties(change: Change) -> dict[str, str | None]:
    now = hubspot.properties(change.record)
    if change.previous is None:
        return {key: now[key] for key in _USUAL[change.kind]}
    before = hubspot.properties(change.previous)
    moved = {key: value for key, value in now.items() if key not in _SILENT and before.get(key) != value}
    return moved or {_USUAL[change.kind][0]: now[_USUAL[change.kind][0]]}


# Salesforce: an outbound message with up to 100 notifications

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def salesforce_id(prefix: str, number: int) -> str:
    """An 18-character id: 3-character prefix, twelve base-62 digits of `number`, and the three that make it case-safe."""
    digits = ""
    for _ in range(12):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    short = prefix + digits
    return short + "".join(
        _SUFFIX[sum(1 << bit for bit, char in enumerate(short[part : part + 5]) if char.isupper())]
        for part in (0, 5, 10)
    )


def _salesforce(connection: SimConnection, changes: Sequence[Change], at: datetime) -> list[Request]:
    del at  # an outbound message carries no time of sending
    return [
        _salesforce_request(connection, kind, chosen[i : i + 100])
        for kind in ("deal", "lead", "account")
        if (chosen := [change for change in changes if change.kind == kind])
        for i in range(0, len(chosen), 100)
    ]


def _salesforce_request(connection: SimConnection, kind: str, changes: Sequence[Change]) -> Request:
    """All notifications of one message are of one sObject type: an outbound message belongs to one."""
    sobject = salesforce.SOBJECTS[kind]
    organization = connection.settings.get("organization_id", "00D7F00000107XsUAI")
    notifications = "".join(_notification(connection, sobject, change) for change in changes)
    action = {"Opportunity": "04k7F0000008V3hQAE", "Lead": "04k7F0000008V3mQAE"}.get(sobject, "04k7F0000008V3rQAE")
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
        ' <soapenv:Body>\n  <notifications xmlns="http://soap.sforce.com/2005/09/outbound">\n'
        f"   <OrganizationId>{escape(organization)}</OrganizationId>\n   <ActionId>{action}</ActionId>\n"
        '   <SessionId xsi:nil="true"/>\n'
        "   <EnterpriseUrl>https://simulated.example/services/Soap/c/61.0</EnterpriseUrl>\n"
        "   <PartnerUrl>https://simulated.example/services/Soap/u/61.0</PartnerUrl>\n"
        f"{notifications}  </notifications>\n </soapenv:Body>\n</soapenv:Envelope>"
    )
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""', "User-Agent": "Salesforce/61.0"}
    return Request("POST", connection.url, headers, body.encode())


def _notification(connection: SimConnection, sobject: str, change: Change) -> str:
    number = salesforce_id("04l", _identifier(connection, change) % 62**12)
    values = salesforce.fields_of(change.record)
    if change.merged_into:
        values |= {"MasterRecordId": change.merged_into, "IsDeleted": True}
    cells = "".join(_cell(name, value) for name, value in values.items() if value is not None)
    return (
        f"   <Notification>\n    <Id>{number}</Id>\n"
        f'    <sObject xsi:type="sf:{sobject}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">{cells}</sObject>\n'
        "   </Notification>\n"
    )


def _cell(name: str, value: salesforce.Value) -> str:
    if isinstance(value, bool):
        return f"<sf:{name}>{'true' if value else 'false'}</sf:{name}>"
    return f"<sf:{name}>{escape(str(value))}</sf:{name}>"


# Pipedrive: one request per change, data, previous and meta

_ACTION = {"created": "create", "changed": "change", "restored": "change", "deleted": "delete", "merged": "delete"}


def _pipedrive(connection: SimConnection, changes: Sequence[Change], at: datetime) -> list[Request]:
    del at  # basic authentication: nothing depends on the time of sending
    return [_pipedrive_change(connection, change) for change in changes]


def _pipedrive_change(connection: SimConnection, change: Change) -> Request:
    forms: dict[str, Callable[[Any], dict[str, Any]]] = {
        "deal": pipedrive.deal_data,
        "lead": pipedrive.lead_data,
        "account": pipedrive.organization_data,
    }
    form = forms[change.kind]
    data = form(change.record)
    before = form(change.previous) if change.previous else None
    entity = {"deal": "deal", "lead": "lead", "account": "organization"}[change.kind]
    return _pipedrive_request(connection, change, change.record.changed_at, entity=entity, data=data, before=before)


def _pipedrive_request(
    connection: SimConnection,
    change: Change,
    at: datetime,
    *,
    entity: str,
    data: dict[str, Any],
    before: dict[str, Any] | None,
) -> Request:
    gone = change.event in {"deleted", "merged"}
    previous: dict[str, Any] | None = None
    if gone:
        previous = before or data
    elif change.event != "created":
        previous = {k: v for k, v in before.items() if data.get(k) != v} if before else {}
    meta: dict[str, Any] = {
        "action": _ACTION[change.event],
        "entity": entity,
        "entity_id": str(data["id"]),
        "id": str(UUID(int=_identifier(connection, change, entity))),
        "company_id": "8087566",
        "correlation_id": str(UUID(int=_identifier(connection, change, entity + ":correlation"))),
        "timestamp": iso(at),
        "version": "2.0",
        "type": "general",
        "user_id": "12415231",
        "webhook_id": "4710827",
        "webhook_owner_id": "12094821",
        "change_source": "app",
        "attempt": 1,
        "is_bulk_edit": False,
        "host": "simulated.pipedrive.example",
    }
    if change.merged_into:
        meta["merged_to_id"] = change.merged_into
    body = _json({"data": None if gone else data, "previous": previous, "meta": meta})
    headers = {"Content-Type": "application/json", "User-Agent": "Pipedrive Webhooks"}
    authorization = basic_authorization(connection.secrets["username"], connection.secrets["password"])
    return Request("POST", connection.url, headers | authorization, body)


# Standard Webhooks: one request per change, the full record

_VERB = {"created": "created", "changed": "updated", "deleted": "deleted", "restored": "restored", "merged": "merged"}


def _standard(connection: SimConnection, changes: Sequence[Change], at: datetime) -> list[Request]:
    return [_standard_request(connection, change, at) for change in changes]


def _standard_request(connection: SimConnection, change: Change, at: datetime) -> Request:
    data = standard.data(change.record)
    if change.event in {"deleted", "merged"}:
        data["deleted"] = True
    if change.merged_into:
        data["merged_into"] = change.merged_into
    body = _json({"type": f"{change.kind}.{_VERB[change.event]}", "timestamp": iso(at), "data": data})
    message_id = f"msg_{_identifier(connection, change):030x}"
    signature = sign_standard(
        connection.secrets["secret"], message_id=message_id, timestamp=int(at.timestamp()), body=body
    )
    return Request("POST", connection.url, {"Content-Type": "application/json"} | signature, body)


_SENDERS: dict[Provider, Callable[[SimConnection, Sequence[Change], datetime], list[Request]]] = {
    "hubspot": _hubspot,
    "salesforce": _salesforce,
    "pipedrive": _pipedrive,
    "standard": _standard,
}
