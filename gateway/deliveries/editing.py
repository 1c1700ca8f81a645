"""Mending a parked record by hand: a patch over what was read, for this item alone, and read again with it."""

from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import service as audit
from gateway.config import Settings
from gateway.connections import service as connections
from gateway.connectors import edits
from gateway.connectors.items import FullRecord, Item, Signal
from gateway.connectors.repository import Unread
from gateway.connectors.understanding import parse
from gateway.deliveries import repository, service
from gateway.deliveries.schemas import EditIn, EditOut, ItemOut, ItemRecord
from libs.common import clock
from libs.common.ids import new_id
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, Invalid, NotFound

MAX_PATCH = 64 * 1024
"""Bytes."""


class UnknownItem(NotFound):
    """The delivery has no item at that place."""


class NothingToEdit(Conflict):
    """The item holds no record that could be edited."""


class UnusablePatch(Invalid):
    """The patch is too large, too deep, or changes nothing."""


async def edit(
    session: AsyncSession,
    delivery_id: UUID,
    position: int,
    wanted: EditIn,
    *,
    settings: Settings,
    principal: Principal,
) -> EditOut:
    """Keep the patch for a parked item and have the delivery read again with it. The bytes that came stay as they are.

    A later edit takes the place of an earlier one. What the item has as its edit already changes nothing, whether it was
    applied or is still parked. Raises what is wrong with the delivery, the item or the patch.
    """
    require(principal, "sales_ops")
    _check(wanted.patch)
    await repository.lock(session, delivery_id)
    found = await service.detail(session, delivery_id, principal=principal)
    item = _item(found.items, delivery_id, position)
    if item.edit is not None and item.edit.patch == wanted.patch:
        return EditOut(changed=False, delivery=found)
    if item.outcome != "parked":
        raise NothingToEdit(
            f"Item {position} of delivery {delivery_id} is {item.outcome}: only a parked one is edited."
        )
    row = await repository.one(session, delivery_id)
    read = (await _read(session, row, settings)).get(position) if row is not None else None
    if isinstance(read, FullRecord) and read.record is not None:
        if edits.merged(read.record, wanted.patch) == dict(read.record):
            raise UnusablePatch("The patch leaves the record as it was read; change a field of it.")
    elif not isinstance(read, Signal):
        raise NothingToEdit(f"Nothing was read of item {position} that could be edited: {item.reason}.")
    at = clock.now()
    await repository.add_edit(
        session,
        {
            "edit_id": new_id(at),
            "delivery_id": delivery_id,
            "position": position,
            "at": at,
            "actor": principal.subject,
            "reason": wanted.reason,
            "patch": orjson.dumps(wanted.patch).decode(),
        },
    )
    await service.replay(session, delivery_id, principal=principal)
    detail = {
        "position": position,
        "record": f"{item.object_type} {item.external_id}",
        "was_parked_because": item.reason,
        "fields": edits.fields(wanted.patch)[:50],
        "reason": wanted.reason,
    }
    await audit.record(
        session, "delivery.item_edited", actor=principal.subject, on=f"delivery:{delivery_id}", detail=detail
    )
    return EditOut(changed=True, delivery=await service.detail(session, delivery_id, principal=principal))


async def records(
    session: AsyncSession, delivery_id: UUID, *, settings: Settings, principal: Principal
) -> list[ItemRecord]:
    """The parked items that can be edited, with their records as they were read. Raises UnknownDelivery."""
    require(principal, "sales_ops")
    found = await service.detail(session, delivery_id, principal=principal)
    row = await repository.one(session, delivery_id)
    if row is None or found.body is None or found.state != "parked":
        return []
    read = await _read(session, row, settings)
    shown = []
    for item in found.items:
        held = read.get(item.position)
        if item.outcome != "parked" or not isinstance(held, FullRecord | Signal):
            continue
        record = dict(held.record) if isinstance(held, FullRecord) and held.record is not None else None
        if record is None and isinstance(held, FullRecord):
            continue
        patched = edits.merged(record, item.edit.patch) if record is not None and item.edit is not None else record
        shown.append(ItemRecord(position=item.position, as_read=record, as_edited=patched))
    return shown


def _check(patch: dict[str, Any]) -> None:
    if edits.depth(patch) > edits.MAX_DEPTH:
        raise UnusablePatch(f"The patch is nested more than {edits.MAX_DEPTH} levels deep.")
    if len(orjson.dumps(patch)) > MAX_PATCH:
        raise UnusablePatch(f"The patch has more than {MAX_PATCH} bytes; change fewer fields.")


def _item(items: list[ItemOut], delivery_id: UUID, position: int) -> ItemOut:
    for item in items:
        if item.position == position:
            return item
    raise UnknownItem(f"Delivery {delivery_id} has no item {position}.")


async def _read(session: AsyncSession, row: RowMapping, settings: Settings) -> dict[int, Item | None]:
    """The items of a stored delivery as its connection reads it now, by position; none once the body is forgotten."""
    if row["body"] is None:
        return {}
    known = await connections.load(session, settings)
    delivery = Unread(
        row["id"],
        row["connection"],
        row["received_at"],
        row["headers"],
        bytes(row["body"]),
        None,
        None,
        row["received_at"],
    )
    return {entry.position: entry.item for entry in parse(delivery, known[row["connection"]])}
