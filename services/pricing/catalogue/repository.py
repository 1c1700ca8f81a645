"""Named queries over products and their history."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.pricing.catalogue.models import ProductClock, ProductEntry, ProductRow, ProductState

_STATE = "code, name, line, list_price, cost, currency, is_active"
_CLOCK = "valid_from, sequence, mapping_version, digest"
_ROW = f"product_id, version, connection, {_STATE}, {_CLOCK}, request_digest"

_PLACEHOLDERS = text(
    """
    INSERT INTO product (product_id)
    SELECT id FROM unnest(cast(:ids AS uuid[])) AS n (id) ORDER BY id
    ON CONFLICT DO NOTHING
    """
)
_LOCK = text(f"SELECT {_ROW} FROM product WHERE product_id = ANY(:ids) ORDER BY product_id FOR UPDATE")  # noqa: S608


async def lock_products(session: AsyncSession, ids: Iterable[UUID]) -> dict[UUID, ProductRow]:
    """Lock the rows in id order, with placeholders for products that are not known yet."""
    ordered = sorted(set(ids))
    await session.execute(_PLACEHOLDERS, {"ids": ordered})
    rows = (await session.execute(_LOCK, {"ids": ordered})).mappings()
    return {row["product_id"]: product_row(row) for row in rows}


_FIND = text(f"SELECT {_ROW} FROM product WHERE product_id = ANY(:ids) AND version > 0")  # noqa: S608


async def find_products(session: AsyncSession, ids: Iterable[UUID]) -> dict[UUID, ProductRow]:
    rows = (await session.execute(_FIND, {"ids": list(ids)})).mappings()
    return {row["product_id"]: product_row(row) for row in rows}


_LIST = text(
    f"""
    SELECT {_ROW} FROM product
    WHERE version > 0 AND (:include_inactive OR is_active)
      AND (cast(:line AS text) IS NULL OR line = :line)
      AND (cast(:after_code AS text) IS NULL
           OR (lower(code), product_id) > (cast(:after_code AS text), cast(:after_id AS uuid)))
    ORDER BY lower(code), product_id
    LIMIT :limit
    """  # noqa: S608
)


async def list_products(
    session: AsyncSession, *, line: str | None, include_inactive: bool, after: tuple[str, UUID] | None, limit: int
) -> list[ProductRow]:
    """Products by code, after the sort key `after`."""
    after_code, after_id = after or (None, None)
    given = {
        "line": line,
        "include_inactive": include_inactive,
        "after_code": after_code,
        "after_id": after_id,
        "limit": limit,
    }
    return [product_row(row) for row in (await session.execute(_LIST, given)).mappings()]


_HAS_CODE = text(
    """
    SELECT product_id FROM product
    WHERE connection IS NULL AND is_active AND lower(code) = lower(:code) AND product_id <> :product_id
    """
)


async def other_with_code(session: AsyncSession, code: str, product_id: UUID) -> UUID | None:
    """Another active product of ours with this code."""
    found: UUID | None = await session.scalar(_HAS_CODE, {"code": code, "product_id": product_id})
    return found


_APPEND = text(
    """
    INSERT INTO product_version (product_id, valid_from, sequence, mapping_version, digest, connection, code, name, line,
                                 list_price, cost, currency, is_active, actor, recorded_at)
    VALUES (:product_id, :valid_from, :sequence, :mapping_version, :digest, :connection, :code, :name, :line,
            :list_price, :cost, :currency, :is_active, :actor, :recorded_at)
    ON CONFLICT DO NOTHING
    """
)


async def append_history(session: AsyncSession, entries: Sequence[ProductEntry], *, recorded_at: datetime) -> None:
    """Keep states for ever; one that is there already stays as it is."""
    rows = [
        {
            "product_id": entry.product_id,
            "connection": entry.connection,
            "actor": entry.actor,
            "recorded_at": recorded_at,
            **_fields(entry.state, entry.clock),
        }
        for entry in entries
    ]
    await session.execute(_APPEND, rows)


_NEWEST = f"""
    SELECT DISTINCT ON (product_id) product_id, connection, {_STATE}, {_CLOCK}, actor FROM product_version
    WHERE product_id = ANY(:ids) AND (is_active OR NOT :only_active)
    ORDER BY product_id, valid_from DESC, sequence DESC, mapping_version DESC, digest DESC
"""  # noqa: S608


async def newest(session: AsyncSession, ids: Iterable[UUID]) -> dict[UUID, ProductEntry]:
    """The greatest entry of each product's history; a retirement has the facts of the newest active entry, if any."""
    wanted = list(ids)
    last = await session.execute(text(_NEWEST), {"ids": wanted, "only_active": False})
    active = await session.execute(text(_NEWEST), {"ids": wanted, "only_active": True})
    facts = {row["product_id"]: _state(row) for row in active.mappings()}
    found = {}
    for entry in map(_entry, last.mappings()):
        known = entry.state if entry.state.is_active else facts.get(entry.product_id, entry.state)
        found[entry.product_id] = replace(entry, state=replace(known, is_active=entry.state.is_active))
    return found


_WRITE = text(
    """
    UPDATE product
    SET version = :version, connection = :connection, code = :code, name = :name, line = :line,
        list_price = :list_price, cost = :cost, currency = :currency, is_active = :is_active, valid_from = :valid_from,
        sequence = :sequence, mapping_version = :mapping_version, digest = :digest, request_digest = :request_digest
    WHERE product_id = :product_id
    """
)


async def write_products(session: AsyncSession, rows: Sequence[ProductRow]) -> None:
    """Replace rows that are locked; each has a state."""
    given = [
        {
            "product_id": row.product_id,
            "version": row.version,
            "connection": row.connection,
            "request_digest": row.request_digest,
            **_fields(row.state, row.clock),
        }
        for row in rows
        if row.state is not None and row.clock is not None
    ]
    if given:
        await session.execute(_WRITE, given)


_HISTORY = text(
    f"""
    SELECT product_id, connection, {_STATE}, {_CLOCK}, actor FROM product_version
    WHERE product_id = :product_id AND (cast(:as_of AS timestamptz) IS NULL OR valid_from <= :as_of)
    ORDER BY valid_from DESC, sequence DESC, mapping_version DESC, digest DESC
    LIMIT :limit
    """  # noqa: S608
)


async def history(session: AsyncSession, product_id: UUID, *, as_of: datetime | None, limit: int) -> list[ProductEntry]:
    """The product's states up to `as_of`, newest first."""
    rows = await session.execute(_HISTORY, {"product_id": product_id, "as_of": as_of, "limit": limit})
    return [_entry(row) for row in rows.mappings()]


def product_row(row: Mapping[Any, Any]) -> ProductRow:
    known = row["version"] > 0
    return ProductRow(
        product_id=row["product_id"],
        version=row["version"],
        connection=row["connection"],
        state=_state(row) if known else None,
        clock=_clock(row) if known else None,
        request_digest=row["request_digest"],
    )


def _entry(row: Mapping[Any, Any]) -> ProductEntry:
    return ProductEntry(row["product_id"], row["connection"], _state(row), _clock(row), row["actor"])


def _state(row: Mapping[Any, Any]) -> ProductState:
    return ProductState(**{name: row[name] for name in _STATE.split(", ")})


def _clock(row: Mapping[Any, Any]) -> ProductClock:
    return ProductClock(**{name: row[name] for name in _CLOCK.split(", ")})


def _fields(state: ProductState, clock: ProductClock) -> dict[str, Any]:
    given = {name: getattr(state, name) for name in _STATE.split(", ")}
    return given | {name: getattr(clock, name) for name in _CLOCK.split(", ")}
