"""Foretell's own webhook body for any sender, in a Standard Webhooks envelope: `{"type", "timestamp", "data"}`."""

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.connectors.items import (
    FullRecord,
    Ignored,
    Item,
    ObjectType,
    StoredDelivery,
    Unreadable,
    UnreadableBody,
)
from gateway.mapping.values import MappingError, instant, text

OBJECT_TYPES: Mapping[str, ObjectType] = {
    "deal": "deal",
    "lead": "lead",
    "account": "account",
    "user": "user",
    "product": "product",
    "person": "contact",
}
IDS: Mapping[ObjectType, str] = {
    "deal": "deal_id",
    "lead": "lead_id",
    "account": "account_id",
    "user": "user_id",
    "product": "code",
    "contact": "person_id",
}
GONE = frozenset({"deleted", "merged"})


def parse(delivery: StoredDelivery) -> list[Item]:
    """One item. Raises UnreadableBody."""
    try:
        body = orjson.loads(delivery.body)
    except orjson.JSONDecodeError as error:
        raise UnreadableBody(f"the body is not JSON: {error}") from None
    if not isinstance(body, dict) or not isinstance(body.get("data"), dict):
        raise UnreadableBody("the body has no data object; expected type, timestamp and data")
    return [_item(body, delivery.headers.get("webhook-id"))]


def _item(body: Mapping[str, Any], message_id: str | None) -> Item:
    name, _, happened = str(body.get("type", "")).partition(".")
    data: Mapping[str, Any] = body["data"]
    object_type = OBJECT_TYPES.get(name)
    if object_type is None:
        return Ignored(f"{body.get('type') or 'message without a type'} is not kept", name or None, None, message_id)
    external_id = str(data.get(IDS[object_type]) or data.get("id") or "").strip()
    if not external_id:
        return Unreadable(
            f"data has no {IDS[object_type]}",
            f"Send {IDS[object_type]} with every {name}.",
            object_type,
            None,
            message_id,
        )
    stamped = data.get("version_time") or data.get("changed_at") or body.get("timestamp")
    try:
        crm_time = instant("version_time", stamped)
    except MappingError as error:
        return Unreadable(str(error), error.advice, object_type, external_id, message_id)
    return FullRecord(
        object_type,
        external_id,
        data,
        crm_time,
        deleted=happened in GONE or str(data.get("deleted", "")).lower() == "true",
        merged_into=str(data["merged_into"]) if data.get("merged_into") else None,
        dedupe_key=message_id,
        actor=text(data.get("changed_by")),
    )
