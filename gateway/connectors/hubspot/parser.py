"""HubSpot's webhook bodies: arrays of thin events. Values in them are never used, only what changed and when."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from gateway.connectors.items import (
    FullRecord,
    Ignored,
    Item,
    ObjectType,
    Signal,
    StoredDelivery,
    Unreadable,
    UnreadableBody,
)
from libs.common import clock

OBJECT_TYPES: Mapping[str, ObjectType] = {
    "contact": "contact",
    "0-1": "contact",
    "company": "account",
    "0-2": "account",
    "deal": "deal",
    "0-3": "deal",
    "product": "product",
    "0-7": "product",
}


def parse(delivery: StoredDelivery) -> list[Item]:
    """Signals for objects that Foretell keeps; a merge also gives a tombstone for each record that was taken in.

    Raises UnreadableBody.
    """
    try:
        events = orjson.loads(delivery.body)
    except orjson.JSONDecodeError as error:
        raise UnreadableBody(f"the body is not JSON: {error}") from None
    if isinstance(events, dict):
        events = [events]
    if not isinstance(events, list):
        raise UnreadableBody("the body is not an array of events")
    portal = str(delivery.settings.get("portal_id") or "")
    return [item for event in events for item in _items(event, portal)]


def _items(event: Any, portal: str) -> list[Item]:
    if not isinstance(event, dict):
        return [Unreadable("an event is not an object")]
    kind, _, happened = str(event.get("subscriptionType", "")).partition(".")
    name = str(event.get("objectTypeId", "")) if kind == "object" else kind
    external_id = str(event.get("objectId") or event.get("primaryObjectId") or event.get("fromObjectId") or "")
    key = dedupe_key(event)
    if portal and str(event.get("portalId")) != portal:
        return [
            Unreadable(
                f"the event is for portal {event.get('portalId')}",
                f"This connection is portal {portal}: give the other portal a connection of its own.",
                name,
                external_id,
                key,
            )
        ]
    object_type = OBJECT_TYPES.get(name)
    if object_type is None:
        return [Ignored(f"{name or 'object without a type'} is not kept", name, external_id, key)]
    try:
        occurred_at = clock.from_millis(int(event["occurredAt"]))
    except (KeyError, TypeError, ValueError):
        return [Unreadable("occurredAt is not a time", "", object_type, external_id, key)]
    if happened == "merge":
        return _merged(event, object_type, occurred_at, key)
    if not external_id:
        return [Unreadable("the event names no object", "", object_type, None, key)]
    restored_at = occurred_at if happened == "restore" else None
    return [Signal(object_type, external_id, occurred_at, key, restored_at)]


def _merged(event: Mapping[str, Any], object_type: ObjectType, occurred_at: datetime, key: str) -> list[Item]:
    survivor = str(event.get("newObjectId") or event.get("primaryObjectId") or event.get("objectId") or "")
    taken_in = [str(each) for each in event.get("mergedObjectIds") or ()]
    if event.get("primaryObjectId"):
        taken_in.append(str(event["primaryObjectId"]))
    tombstones = [
        FullRecord(
            object_type,
            each,
            record=None,
            crm_time=occurred_at,
            deleted=True,
            merged_into=survivor,
            dedupe_key=f"{key}:{each}",
        )
        for each in dict.fromkeys(taken_in)
        if each != survivor
    ]
    if not survivor:
        return [Unreadable("the merge names no surviving object", "", object_type, None, key)]
    return [Signal(object_type, survivor, occurred_at, key), *tombstones]


def dedupe_key(event: Mapping[str, Any]) -> str:
    """HubSpot promises no unique event id, so the key is everything that identifies an event, without the attempt."""
    names = ("portalId", "subscriptionType", "objectTypeId", "objectId", "eventId", "occurredAt", "propertyName")
    association = ("associationType", "fromObjectId", "toObjectId", "associationRemoved")
    return "|".join(str(event.get(name, "")) for name in (*names, *association)).rstrip("|")
