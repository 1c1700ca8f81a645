"""Named queries over the books' statements."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.pricing.books.holding import BundleStatement, PriceStatement
from services.pricing.books.models import Kept, WantedBundle, WantedEntry

_ENTRY = "statement_id, product_id, kind, market, segment, currency, amount, holds_from, recorded_at"
_BUNDLE = "statement_id, product_id, parts, holds_from, recorded_at"

_ADD = text(
    """
    INSERT INTO book_statement (statement_id, product_id, kind, market, segment, currency, amount, holds_from, actor, recorded_at)
    SELECT * FROM unnest(
        cast(:statement_ids AS uuid[]), cast(:product_ids AS uuid[]), cast(:kinds AS text[]), cast(:markets AS text[]),
        cast(:segments AS text[]), cast(:currencies AS text[]), cast(:amounts AS numeric[]), cast(:days AS date[]),
        cast(:actors AS text[]), cast(:recorded AS timestamptz[])
    )
    ON CONFLICT DO NOTHING RETURNING statement_id
    """
)


async def add_entries(session: AsyncSession, rows: Sequence[tuple[Kept, WantedEntry]]) -> set[UUID]:
    """Keep statements; those that are kept already are left out of what is returned."""
    if not rows:
        return set()
    given = {
        "statement_ids": [kept.statement_id for kept, _ in rows],
        "product_ids": [entry.product_id for _, entry in rows],
        "kinds": [entry.kind for _, entry in rows],
        "markets": [entry.market for _, entry in rows],
        "segments": [entry.segment for _, entry in rows],
        "currencies": [entry.currency for _, entry in rows],
        "amounts": [entry.amount for _, entry in rows],
        "days": [entry.holds_from for _, entry in rows],
        "actors": [kept.actor for kept, _ in rows],
        "recorded": [kept.recorded_at for kept, _ in rows],
    }
    return set((await session.execute(_ADD, given)).scalars())


_ADD_BUNDLE = text(
    """
    INSERT INTO bundle_statement (statement_id, product_id, parts, holds_from, actor, recorded_at)
    VALUES (:statement_id, :product_id, cast(:parts AS jsonb), :holds_from, :actor, :recorded_at) ON CONFLICT DO NOTHING
    """
)


async def add_bundle(session: AsyncSession, kept: Kept, bundle: WantedBundle) -> None:
    parts = [{"product_id": str(part), "quantity": str(quantity)} for part, quantity in bundle.parts]
    given: dict[str, Any] = {"statement_id": kept.statement_id, "product_id": bundle.product_id}
    given |= {"parts": orjson.dumps(parts).decode(), "holds_from": bundle.holds_from}
    await session.execute(_ADD_BUNDLE, given | {"actor": kept.actor, "recorded_at": kept.recorded_at})


_BUNDLES = text(
    f"SELECT {_BUNDLE} FROM bundle_statement WHERE product_id = ANY(:ids) AND holds_from <= :day ORDER BY statement_id"  # noqa: S608
)
_PARTS = text(
    """
    WITH RECURSIVE inside AS (
        SELECT unnest(cast(:ids AS uuid[])) AS product_id
        UNION
        SELECT cast(part->>'product_id' AS uuid)
        FROM inside JOIN bundle_statement USING (product_id) CROSS JOIN LATERAL jsonb_array_elements(parts) AS part
        WHERE holds_from <= :day
    )
    SELECT product_id FROM inside
    """
)
_OF = text(
    f"""
    SELECT {_ENTRY} FROM book_statement
    WHERE product_id = ANY(:ids) AND currency = :currency AND holds_from <= :day ORDER BY statement_id
    """  # noqa: S608
)


async def with_parts(session: AsyncSession, ids: Iterable[UUID], *, on: date) -> list[UUID]:
    """The products and all that is inside those that are bundles."""
    return list((await session.execute(_PARTS, {"ids": list(ids), "day": on})).scalars())


async def said_of(
    session: AsyncSession, ids: Sequence[UUID], *, currency: str, on: date
) -> tuple[list[PriceStatement], list[BundleStatement]]:
    """All that was said of products up to a day, in one currency."""
    entries = await session.execute(_OF, {"ids": list(ids), "currency": currency, "day": on})
    bundles = await session.execute(_BUNDLES, {"ids": list(ids), "day": on})
    return [PriceStatement(*row) for row in entries], [_bundle(row) for row in bundles]


_STANDING = text(
    f"""
    SELECT DISTINCT ON (product_id, kind, market, segment, currency) {_ENTRY}
    FROM book_statement
    WHERE holds_from <= :day AND (cast(:known_at AS timestamptz) IS NULL OR recorded_at <= :known_at)
      AND (cast(:currency AS text) IS NULL OR currency = :currency)
      AND (cast(:market AS text) IS NULL OR market = :market)
      AND (cast(:segment AS text) IS NULL OR segment = :segment)
    ORDER BY product_id, kind, market, segment, currency, holds_from DESC, recorded_at DESC, statement_id DESC
    LIMIT :limit
    """  # noqa: S608
)


async def standing(
    session: AsyncSession,
    *,
    on: date,
    known_at: datetime | None,
    currency: str | None,
    market: str | None,
    segment: str | None,
    limit: int,
) -> list[PriceStatement]:
    """What stands in each place of the books on a day, as known at an instant; places that were ended are left out."""
    given: dict[str, Any] = {"day": on, "known_at": known_at, "currency": currency}
    rows = await session.execute(_STANDING, given | {"market": market, "segment": segment, "limit": limit})
    return [found for row in rows if (found := PriceStatement(*row)).amount is not None]


_HISTORY = text(
    f"""
    SELECT {_ENTRY}, actor FROM book_statement WHERE product_id = :product_id
    ORDER BY recorded_at DESC, statement_id DESC LIMIT :limit
    """  # noqa: S608
)


async def history(session: AsyncSession, product_id: UUID, *, limit: int) -> list[tuple[PriceStatement, str]]:
    """All that was said of a product with who said it, the newest first."""
    rows = await session.execute(_HISTORY, {"product_id": product_id, "limit": limit})
    return [(PriceStatement(*row[:-1]), row[-1]) for row in rows]


_CODES = text(
    """
    SELECT DISTINCT ON (lower(code)) lower(code), product_id FROM product
    WHERE version > 0 AND lower(code) = ANY(:codes) ORDER BY lower(code), is_active DESC, (connection IS NOT NULL), product_id
    """
)
_NAMES = text("SELECT product_id, code FROM product WHERE product_id = ANY(:ids) AND version > 0")


async def by_code(session: AsyncSession, codes: Iterable[str]) -> dict[str, UUID]:
    """Product of each code in lower case; an active one and one of our own go before others."""
    rows = await session.execute(_CODES, {"codes": sorted({code.lower() for code in codes})})
    return {row[0]: row[1] for row in rows}


async def codes_of(session: AsyncSession, ids: Iterable[UUID]) -> dict[UUID, str]:
    return {row[0]: row[1] for row in await session.execute(_NAMES, {"ids": sorted(set(ids))})}


def _bundle(row: Any) -> BundleStatement:
    parts = tuple((UUID(part["product_id"]), Decimal(part["quantity"])) for part in row.parts)
    return BundleStatement(row.statement_id, row.product_id, parts, row.holds_from, row.recorded_at)
