"""Dataverse webhooks: the context of one operation on one row, of which only the changed attributes are there.

So an operation is a signal: the row is read back. Only a deletion says all there is to say.
"""

import re
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
from gateway.mapping.values import MappingError, instant
from libs.common import clock

OBJECT_TYPES: Mapping[str, ObjectType] = {
    "opportunity": "deal",
    "lead": "lead",
    "account": "account",
    "contact": "contact",
    "systemuser": "user",
    "product": "product",
}
_DATE = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def parse(delivery: StoredDelivery) -> list[Item]:
    """One item, or two for a merge. Raises UnreadableBody for what is no execution context."""
    try:
        body = orjson.loads(delivery.body)
    except orjson.JSONDecodeError as error:
        raise UnreadableBody(f"the body is not JSON: {error}") from None
    if not isinstance(body, dict) or not isinstance(body.get("MessageName"), str):
        raise UnreadableBody("the body has no MessageName, so it is not the execution context of a Dataverse webhook")
    return _items(body)


def _items(body: Mapping[str, Any]) -> list[Item]:
    entity, message = str(body.get("PrimaryEntityName") or ""), str(body["MessageName"])
    external_id, key = _id(body.get("PrimaryEntityId")), dedupe_key(body)
    object_type = OBJECT_TYPES.get(entity)
    if object_type is None:
        return [Ignored(f"{entity or 'a table without a name'} is not kept", entity or None, external_id, key)]
    if external_id is None:
        return [Unreadable("the context names no row", "", object_type, None, key)]
    try:
        at = moment("OperationCreatedOn", body.get("OperationCreatedOn"))
    except MappingError as error:
        return [Unreadable(str(error), error.advice, object_type, external_id, key)]
    if message == "Delete":
        return [FullRecord(object_type, external_id, None, at, deleted=True, dedupe_key=key)]
    items: list[Item] = [Signal(object_type, external_id, at, key)]
    if message == "Merge" and (other := _id(_parameter(body, "SubordinateId"))) is not None:
        items.append(Signal(object_type, other, at, f"{key}|{other}"))
    return items


def moment(name: str, value: Any) -> datetime:
    """A time as the plug-in format or the Web API writes it. Raises MappingError."""
    found = _DATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return instant(name, value)
    try:
        return clock.from_millis(int(found[1]))
    except ValueError:
        raise MappingError(name, str(value), "Compare with what Dataverse sends; the time is out of range.") from None


def dedupe_key(body: Mapping[str, Any]) -> str:
    """The operation's id, which a second attempt has too; without one what names the step of the operation."""
    organisation, operation = _id(body.get("OrganizationId")), _id(body.get("OperationId"))
    if operation is not None and set(operation) != {"0", "-"}:
        return f"{organisation}|{operation}"
    names = ("CorrelationId", "PrimaryEntityId", "MessageName", "Stage")
    return "|".join([str(organisation), *(str(body.get(name, "")) for name in names)])


def _parameter(body: Mapping[str, Any], name: str) -> Any:
    rows = body.get("InputParameters")
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and row.get("key") == name:
            return row.get("value")
    return None


def _id(value: Any) -> str | None:
    """A row's id, in lower case without braces; None for what is none."""
    written = str(value or "").strip("{}").lower()
    return written if _ID.fullmatch(written) else None
