"""HubSpot: an array of thin, signed events, up to 100 in one request."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from libs.common import clock
from simulator.config import SimConnection
from simulator.forms import hubspot
from simulator.sending.change import Change, Request, identifier, json_bytes
from simulator.signing import sign_hubspot

_OBJECT = {"deal": "deal", "lead": "contact", "account": "company"}
_USUAL: dict[str, tuple[str, ...]] = {
    "deal": ("dealstage", "amount", "closedate"),
    "lead": ("hs_lead_status", "lifecyclestage"),
    "account": ("name",),
}
_SILENT = frozenset({"hs_object_id", "createdate", "hs_lastmodifieddate", "lastmodifieddate"})


def hubspot_requests(connection: SimConnection, changes: Sequence[Change], at: datetime, attempt: int) -> list[Request]:
    events = [event for change in changes for event in _hubspot_events(connection, change, attempt)]
    return [_hubspot_request(connection, events[i : i + 100], at) for i in range(0, len(events), 100)]


def _hubspot_request(connection: SimConnection, events: list[dict[str, Any]], at: datetime) -> Request:
    body = json_bytes(events)
    signature = sign_hubspot(
        connection.secrets["client_secret"],
        method="POST",
        url=connection.url,
        body=body,
        timestamp_ms=clock.to_millis(at),
    )
    headers = {"Content-Type": "application/json", "User-Agent": "HubSpot Connect 2.0 (webhooks)"}
    return Request("POST", connection.url, headers | signature, body)


def _hubspot_events(connection: SimConnection, change: Change, attempt: int) -> list[dict[str, Any]]:
    name = _OBJECT[change.kind]
    base = {
        "subscriptionId": 686627,
        "portalId": int(connection.settings.get("portal_id", "62515")),
        "appId": 54321,
        "occurredAt": clock.to_millis(change.record.changed_at),
        "attemptNumber": attempt,
        "changeSource": "CRM_UI",
        "sourceId": "userId:12415231",
    }

    def event(subscription: str, extra: dict[str, Any]) -> dict[str, Any]:
        number = identifier(connection, change, f"{subscription}:{extra.get('propertyName', '')}") % 2**32
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
