"""Pipedrive webhooks, version 2: one full record per request under `data`, the last state of a deleted one under `previous`."""

from collections.abc import Mapping
from dataclasses import replace
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
from gateway.connectors.pipedrive import activities
from gateway.connectors.reads import SETTING
from gateway.mapping.values import MappingError, instant, text
from libs.common import clock

OBJECT_TYPES: Mapping[str, ObjectType] = {
    "deal": "deal",
    "lead": "lead",
    "organization": "account",
    "person": "contact",
    "user": "user",
    "product": "product",
}


def parse(delivery: StoredDelivery) -> list[Item]:
    """One item. Raises UnreadableBody for what is no webhook of version 2."""
    try:
        body = orjson.loads(delivery.body)
    except orjson.JSONDecodeError as error:
        raise UnreadableBody(f"the body is not JSON: {error}") from None
    meta = body.get("meta") if isinstance(body, dict) else None
    if not isinstance(meta, dict):
        raise UnreadableBody("the body has no meta object, so it is not a Pipedrive webhook of version 2")
    return [_item(body, meta, delivery.settings)]


def _item(body: Mapping[str, Any], meta: Mapping[str, Any], settings: Mapping[str, Any]) -> Item:
    entity, key = str(meta.get("entity", "")), dedupe_key(meta)
    content = body.get("data") or body.get("previous")
    external_id = str(meta.get("entity_id") or (content.get("id") if isinstance(content, dict) else "") or "")
    if entity == "deal_product" and "lines" in (settings.get(SETTING) or ()):
        return _with_lines(content, key)
    object_type = OBJECT_TYPES.get(entity)
    if entity == "activity" and "activities" in (settings.get(SETTING) or ()):
        if not isinstance(content, dict) or not activities.is_touch(content):
            return Ignored("an activity that is no call, mail or meeting", entity, external_id, key)
        object_type = "activity"
    if object_type is None:
        return Ignored(f"{entity or 'entity without a name'} is not kept", entity or None, external_id, key)
    if not external_id or not isinstance(content, dict):
        return Unreadable("the webhook names no record, or has no content", "", object_type, external_id or None, key)
    merged_into = str(meta["merged_to_id"]) if meta.get("merged_to_id") else None
    gone = meta.get("action") == "delete" or merged_into is not None
    try:
        sent_at = instant("meta.timestamp", meta.get("timestamp"))
        record = full_record(object_type, external_id, content, sent_at, gone=gone, merged_into=merged_into, key=key)
        record = activities.activity(record) if object_type == "activity" else record
        return replace(record, actor=text(meta.get("user_id")))
    except MappingError as error:
        return Unreadable(str(error), error.advice, object_type, external_id, key)


def _with_lines(content: Any, key: str) -> Item:
    """A product of a deal was added, changed or taken away: the deal is asked for, and after it all its products."""
    deal_id = str(content.get("deal_id") or "") if isinstance(content, dict) else ""
    if not deal_id:
        return Unreadable("the product names no deal", "", "deal", None, key)
    return Signal("deal", deal_id, None, key)


def full_record(
    object_type: ObjectType,
    external_id: str,
    content: Mapping[str, Any],
    sent_at: datetime | None,
    *,
    gone: bool = False,
    merged_into: str | None = None,
    key: str | None = None,
) -> FullRecord:
    """The record by `update_time`, which is null on creation and has whole seconds; `sent_at` orders within one.

    A deletion has no time in the record: it happened when it was sent, cut to the same whole seconds. Raises MappingError.
    """
    stamped = content.get("update_time") or content.get("add_time")
    crm_time = instant("update_time", stamped) if stamped or sent_at is None else sent_at
    if gone and sent_at is not None:
        crm_time = max(crm_time, sent_at.replace(microsecond=0))
    return FullRecord(
        object_type,
        external_id,
        content,
        crm_time,
        sequence=clock.to_millis(sent_at) if sent_at else 0,
        deleted=gone or content.get("status") == "deleted" or bool(content.get("is_deleted")),
        merged_into=merged_into,
        dedupe_key=key,
    )


def dedupe_key(meta: Mapping[str, Any]) -> str:
    """`meta.id`, the same on every attempt; without one the fields that make up an event."""
    if meta.get("id"):
        return str(meta["id"])
    return "|".join(str(meta.get(name, "")) for name in ("webhook_id", "entity", "entity_id", "timestamp"))
