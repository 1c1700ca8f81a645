"""The catalogue: products kept here by people, and products kept by a CRM. Each product has one authority."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.base import Cause, Received
from libs.common.events.crm import CrmProductChanged
from libs.common.events.pricing import ProductChanged
from libs.common.messaging import outbox
from libs.common.web import etags
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, NotFound
from libs.common.web.idempotency import sent
from libs.common.web.paging import UnreadableCursor, decode_cursor, encode_cursor
from services.pricing.catalogue import repository
from services.pricing.catalogue.models import ProductClock, ProductEntry, ProductRow, ProductState

WRITERS = ("sales_ops", "finance", "cso")
"""Roles that keep the catalogue."""

_TICK = timedelta(microseconds=1)
_PROVENANCE = {"received_at", "source_recorded_at", "reconstructed", "unobserved_since", "clock"}


class ProductNotFound(NotFound):
    """No such product."""


class ProductBelongsToCrm(Conflict):
    """A CRM is the authority on this product."""


class ProductCodeTaken(Conflict):
    """Another active product has the code."""


async def read_product(session: AsyncSession, product_id: UUID, *, principal: Principal) -> ProductRow:  # noqa: ARG001
    """A product; the catalogue is the company's, so everybody who may sign in may read it. Raises ProductNotFound."""
    found = await repository.find_products(session, [product_id])
    if product_id not in found:
        raise ProductNotFound(f"There is no product {product_id}.")
    return found[product_id]


async def find_products(
    session: AsyncSession,
    ids: Iterable[UUID],
    *,
    principal: Principal,  # noqa: ARG001
) -> dict[UUID, ProductRow]:
    """The known ones among `ids`."""
    return await repository.find_products(session, ids)


async def list_products(
    session: AsyncSession,
    *,
    line: str | None,
    include_inactive: bool,
    cursor: str | None,
    limit: int,
    principal: Principal,  # noqa: ARG001
) -> tuple[list[ProductRow], str | None]:
    """A page of products by code, and the cursor of the next."""
    rows = await repository.list_products(
        session, line=line, include_inactive=include_inactive, after=_sort_key(cursor), limit=limit + 1
    )
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], encode_cursor(last.state.code.lower() if last.state else "", last.product_id)


async def history(
    session: AsyncSession, product_id: UUID, *, as_of: datetime | None, limit: int, principal: Principal
) -> list[ProductEntry]:
    """What the product was, newest first, up to `as_of`. Raises ProductNotFound."""
    await read_product(session, product_id, principal=principal)
    return await repository.history(session, product_id, as_of=as_of, limit=limit)


async def create_product(
    session: AsyncSession, state: ProductState, *, idempotency_key: str | None, principal: Principal
) -> ProductRow:
    """A new product of our own; with a key, a repetition returns the product as it now stands.

    Raises ProductCodeTaken, IdempotencyKeyReused.
    """
    require(principal, *WRITERS)
    request = sent("product", repr(state), idempotency_key, principal=principal)
    row = (await repository.lock_products(session, [request.id]))[request.id]
    if row.version > 0 and request.was_taken(row.request_digest):
        return row
    return await _put(session, replace(row, request_digest=request.digest), state, principal=principal)


async def change_product(
    session: AsyncSession, product_id: UUID, state: ProductState, *, if_match: str | None, principal: Principal
) -> ProductRow:
    """Replace a product's state from now on; what it was stays in its history.

    Raises ProductNotFound, ProductBelongsToCrm, ProductCodeTaken, VersionHasMoved.
    """
    require(principal, *WRITERS)
    await read_product(session, product_id, principal=principal)
    row = (await repository.lock_products(session, [product_id]))[product_id]
    if row.connection is not None:
        raise ProductBelongsToCrm(f"Product {product_id} is kept by the CRM {row.connection}; change it there.")
    etags.check(if_match, row.version, noun=f"Product {product_id}")
    return await _put(session, row, state, principal=principal)


async def retire_product(
    session: AsyncSession, product_id: UUID, *, if_match: str | None, principal: Principal
) -> ProductRow:
    """Take a product out of sale; quotes that have it keep it. Raises as `change_product` does."""
    row = await read_product(session, product_id, principal=principal)
    assert row.state is not None  # noqa: S101 - placeholders are not read
    retired = replace(row.state, is_active=False)
    return await change_product(session, product_id, retired, if_match=if_match, principal=principal)


async def _put(session: AsyncSession, row: ProductRow, state: ProductState, *, principal: Principal) -> ProductRow:
    if row.state == state:
        return row
    if state.is_active and (other := await repository.other_with_code(session, state.code, row.product_id)):
        raise ProductCodeTaken(
            f"Product {other} already has the code {state.code!r}; choose another or retire that one."
        )
    recorded_at = await outbox.stamp(session)
    now = clock.now()
    valid_from = now if row.clock is None else max(now, row.clock.valid_from + _TICK)
    entry = ProductEntry(row.product_id, None, state, ProductClock(valid_from), principal.subject)
    after = replace(row, version=row.version + 1, state=state, clock=entry.clock)
    await repository.append_history(session, [entry], recorded_at=recorded_at)
    await repository.write_products(session, [after])
    _publish(session, after, cause=None, actor=principal.subject)
    return after


async def apply_records(
    session: AsyncSession,
    events: Sequence[Received[CrmProductChanged]],
    *,
    principal: Principal,  # noqa: ARG001
) -> None:
    """Take over products from CRM records, in any order and with repetitions.

    The greatest clock is the product. A deletion retires it and leaves the facts of the newest record that had some.
    """
    rows = await repository.lock_products(session, (event.data.product_id for event in events))
    recorded_at = await outbox.stamp(session)
    await repository.append_history(session, [_entry_of(event) for event in events], recorded_at=recorded_at)
    newest = await repository.newest(session, rows)
    last = {event.data.product_id: event for event in events}
    written = []
    for product_id, row in rows.items():
        entry = newest[product_id]
        if row.clock == entry.clock and row.state == entry.state:
            continue
        after = replace(row, connection=entry.connection, state=entry.state, clock=entry.clock)
        if row.state != entry.state:
            after = replace(after, version=row.version + 1)
            came = last[product_id]
            cause = Cause(connection=came.cause.connection, delivery=came.cause.delivery, event=came.id)
            _publish(session, after, cause=cause, actor=came.actor)
        written.append(after)
    await repository.write_products(session, written)


def _entry_of(event: Received[CrmProductChanged]) -> ProductEntry:
    record = event.data
    digest = record.clock.digest or hashlib.sha256(record.model_dump_json(exclude=_PROVENANCE).encode()).hexdigest()
    state = ProductState(
        code=record.code,
        name=record.name,
        line=record.line,
        list_price=record.list_price,
        cost=record.cost,
        currency=record.currency,
        is_active=not record.deleted,
    )
    at = ProductClock(record.clock.crm_time, record.clock.sequence, record.clock.mapping_version, digest)
    return ProductEntry(record.product_id, record.connection, state, at)


def _publish(session: AsyncSession, row: ProductRow, *, cause: Cause | None, actor: str | None) -> None:
    assert row.state is not None  # noqa: S101 - only products with a state are published
    assert row.clock is not None  # noqa: S101
    event = ProductChanged(
        product_id=row.product_id,
        version=row.version,
        code=row.state.code,
        name=row.state.name,
        line=row.state.line,
        list_price=row.state.list_price,
        cost=row.state.cost,
        currency=row.state.currency,
        is_active=row.state.is_active,
    )
    outbox.add(
        session,
        event,
        key=row.product_id,
        version=row.version,
        occurred_at=row.clock.valid_from,
        cause=cause,
        actor=actor,
    )


def _sort_key(cursor: str | None) -> tuple[str, UUID] | None:
    values = decode_cursor(cursor, 2)
    if values is None:
        return None
    try:
        return str(values[0]), UUID(values[1])
    except (TypeError, ValueError, AttributeError):
        raise UnreadableCursor("The cursor is not one that this list gave; start without a cursor.") from None
