"""What sales ops changed in the records of parked items: the record as read with a JSON merge patch (RFC 7396) over it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.connectors.items import FullRecord, Item
from libs.common.sql import Query

MAX_DEPTH = 64


@dataclass(frozen=True, slots=True)
class Edit:
    """The newest edit of an item, and whose it is."""

    patch: Mapping[str, Any]
    actor: str


_NEWEST = Query(
    """
    SELECT DISTINCT ON (delivery_id, position) delivery_id, position, patch, actor FROM item_edit
    WHERE delivery_id = ANY(cast(:ids AS uuid[])) ORDER BY delivery_id, position, edit_id DESC
    """
)


async def newest(session: AsyncSession, deliveries: Iterable[UUID]) -> dict[tuple[UUID, int], Edit]:
    """The newest edit of each item of these deliveries that has one, by delivery and position."""
    ids = list(deliveries)
    if not ids:
        return {}
    return {
        (row.delivery_id, row.position): Edit(row.patch, row.actor) for row in await _NEWEST.rows(session, {"ids": ids})
    }


Kind = TypeVar("Kind", bound="Item | None")


def edited(item: Kind, edit: Edit | None) -> Kind:
    """The item with its record edited; what carries no record is left as it is."""
    if edit is None or not isinstance(item, FullRecord) or item.record is None:
        return item
    record = merged(item.record, edit.patch)
    with_edit = replace(item, record=record, edited_by=edit.actor)
    return cast("Kind", with_edit)


def merged(target: Any, patch: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON merge patch applied: objects are merged, null removes, anything else replaces."""
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            result[name] = merged(result.get(name), value)
        else:
            result[name] = value
    return result


def depth(value: Any) -> int:
    """How deep objects and lists are nested; stops counting beyond what is allowed."""
    level, found = [value], 0
    while found <= MAX_DEPTH:
        holders = [each for each in level if isinstance(each, dict | list)]
        if not holders:
            break
        found += 1
        level = [child for each in holders for child in (each.values() if isinstance(each, dict) else each)]
    return found


def fields(patch: Mapping[str, Any], under: str = "") -> list[str]:
    """The names of what a patch touches, without values: `properties.dealstage`."""
    return [
        name
        for key, value in patch.items()
        for name in (fields(value, f"{under}{key}.") if isinstance(value, Mapping) and value else [f"{under}{key}"])
    ]
