"""Named queries over won quotes, publications and their bands."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.pricing.guidance.models import Path, PriceException, Publication, PublishedBand

_PUBLICATION = ", ".join(each.name for each in fields(Publication))
_BAND = ", ".join(each.name for each in fields(PublishedBand))
_LOCK = 0x47756964


@dataclass(frozen=True, slots=True)
class WonLines:
    """Columns of the lines of won quotes, one entry each; prices as text would be no number, so ratios are floats."""

    quote_ids: list[UUID]
    product_ids: list[UUID]
    products: list[str]
    families: list[str | None]
    markets: list[str | None]
    segments: list[str | None]
    ratios: list[float | None]
    excepted: list[bool]


_WON = text(
    """
    SELECT line.quote_id, line.product_id, coalesce(product.code, cast(line.product_id AS text)), product.line,
           heir.market, heir.segment,
           cast(line.unit_price * (1 - line.discount) / nullif(line.list_price, 0) AS double precision),
           EXISTS (SELECT 1 FROM price_exception WHERE price_exception.quote_id = quote.quote_id)
    FROM quote
    JOIN deal_reference deal USING (deal_id)
    JOIN deal_reference heir ON heir.deal_id = coalesce(deal.absorbed_into, deal.deal_id)
    JOIN quote_line line ON line.quote_id = quote.quote_id AND line.revision = quote.revision
    LEFT JOIN product ON product.product_id = line.product_id
    WHERE quote.status = 'accepted' AND heir.state = 'won' AND NOT heir.removed AND quote.valid_from >= :since
    ORDER BY line.quote_id, line.position
    """
)


async def won_lines(session: AsyncSession, *, since: datetime) -> WonLines:
    """Lines of accepted quotes of won deals; a quote of an absorbed deal counts for the deal that absorbed it."""
    columns = zip(*(await session.execute(_WON, {"since": since})).all(), strict=True)
    read = [list(column) for column in columns]
    return WonLines(*read) if read else WonLines([], [], [], [], [], [], [], [])


async def lock_publishing(session: AsyncSession) -> None:
    """One publication at a time, until the transaction ends."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


_IN_FORCE = text(
    f"SELECT {_PUBLICATION} FROM guidance_publication WHERE effective_from <= :at ORDER BY version DESC LIMIT 1"  # noqa: S608
)
_ALL = text(f"SELECT {_PUBLICATION} FROM guidance_publication ORDER BY version DESC")  # noqa: S608


async def in_force(session: AsyncSession, at: datetime) -> Publication | None:
    row = (await session.execute(_IN_FORCE, {"at": at})).one_or_none()
    return None if row is None else _publication(row)


async def publications(session: AsyncSession) -> list[Publication]:
    """All of them, newest first; four a year."""
    return [_publication(row) for row in await session.execute(_ALL)]


_BANDS = text(
    f"""
    SELECT {_BAND} FROM guidance_band
    WHERE version = :version AND (cast(:paths AS text[]) IS NULL OR path = ANY(:paths)) ORDER BY path
    """  # noqa: S608
)


async def bands(
    session: AsyncSession, version: int, *, only: Iterable[Path] | None = None
) -> dict[Path, PublishedBand]:
    """The bands of a publication, those of the paths in `only` where given, read at one go."""
    paths = None if only is None else [_key(path) for path in only]
    rows = await session.execute(_BANDS, {"version": version, "paths": paths})
    found = (PublishedBand(tuple(orjson.loads(row[0])), *row[1:]) for row in rows)
    return {band.path: band for band in found}


_ADD = text(
    f"""
    INSERT INTO guidance_publication ({_PUBLICATION})
    VALUES (:version, :quarter, :effective_from, :won_since, :levels, :quotes, :lines, :exceptions, :unlisted_lines)
    """  # noqa: S608
)
_ADD_BANDS = text(
    f"INSERT INTO guidance_band (version, {_BAND}) VALUES (:version, {', '.join(f':{each.name}' for each in fields(PublishedBand))})"  # noqa: S608
)


async def add_publication(session: AsyncSession, row: Publication, found: Sequence[PublishedBand]) -> None:
    await session.execute(_ADD, asdict(row) | {"levels": list(row.levels)})
    if found:
        await session.execute(
            _ADD_BANDS, [{"version": row.version, **asdict(band), "path": _key(band.path)} for band in found]
        )


_EXCEPT = text(
    """
    INSERT INTO price_exception (quote_id, reason, note, recorded_by, recorded_at)
    VALUES (:quote_id, :reason, :note, :recorded_by, :recorded_at) ON CONFLICT DO NOTHING
    """
)
_EXCEPTION = text(
    "SELECT quote_id, reason, note, recorded_by, recorded_at FROM price_exception WHERE quote_id = :quote_id"
)


async def add_exception(session: AsyncSession, wanted: PriceException) -> PriceException:
    """Record it unless the quote has one; the one that stands."""
    await session.execute(_EXCEPT, asdict(wanted))
    return PriceException(*(await session.execute(_EXCEPTION, {"quote_id": wanted.quote_id})).one())


async def find_exception(session: AsyncSession, quote_id: UUID) -> PriceException | None:
    row = (await session.execute(_EXCEPTION, {"quote_id": quote_id})).one_or_none()
    return None if row is None else PriceException(*row)


def _key(path: Path) -> str:
    return orjson.dumps(path).decode()


def _publication(row: Any) -> Publication:
    return Publication(**{**row._mapping, "levels": tuple(row.levels)})
