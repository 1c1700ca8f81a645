"""Publishing bands: once a quarter, all at once, never changed afterwards; and what would be published next."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.calendar import local_date
from libs.common.db import Database
from libs.common.web.auth import Principal, require
from services.pricing.config import Level, settings_of
from services.pricing.guidance import repository
from services.pricing.guidance.bands.tree import Band, Quantile, Sold, bands
from services.pricing.guidance.checking.standing import rounded
from services.pricing.guidance.models import Change, Publication, PublishedBand
from services.pricing.guidance.repository import WonLines
from services.pricing.guidance.service import READERS, PublicationNotFound

PREVIEWERS = ("sales_ops", "finance", "cso", "ceo")
"""Roles that may see bands before they are published."""
_TENTH = Decimal("0.1")


class Draft(NamedTuple):
    publication: Publication
    bands: list[PublishedBand]


async def publish_quarterly(database: Database, *, principal: Principal) -> Publication | None:
    """Publish this quarter's bands unless they are, or nothing was won yet; None then. For the scheduler, at any time.

    The first publication holds at once, later ones from the next local midnight: they are kept before they hold, so a quote never
    stands under a version that its writer could not see.
    """
    async with database.reading() as session:
        before = await repository.publications(session)
        quarter = _quarter(session, clock.now())
        if before and before[0].quarter == quarter:
            return None
    draft = await _draft(database, principal=principal)
    if not draft.bands:
        return None
    async with database.transaction() as session:
        await repository.lock_publishing(session)
        newest = await repository.publications(session)
        if newest and (
            newest[0].quarter == draft.publication.quarter or newest[0].version >= draft.publication.version
        ):
            return None
        await repository.add_publication(session, draft.publication, draft.bands)
    return draft.publication


async def list_publications(session: AsyncSession, *, principal: Principal) -> list[Publication]:
    """Newest first. Bands are of the whole company and name no deal."""
    require(principal, *READERS)
    return await repository.publications(session)


async def read_publication(
    session: AsyncSession, version: int, *, principal: Principal
) -> tuple[Publication, list[Change]]:
    """A publication, and every band beside the one of the publication before. Raises PublicationNotFound."""
    require(principal, *READERS)
    rows = {row.version: row for row in await repository.publications(session)}
    if version not in rows:
        raise PublicationNotFound(f"There is no version {version} of the bands; {len(rows)} were published.")
    after = await repository.bands(session, version)
    before = await repository.bands(session, version - 1)
    return rows[version], _changes(before, list(after.values()))


async def preview(database: Database, *, principal: Principal) -> tuple[Publication, list[Change]]:
    """What would be published now, beside the newest publication; nothing is kept."""
    require(principal, *PREVIEWERS)
    draft = await _draft(database, principal=principal)
    async with database.reading() as session:
        before = await repository.bands(session, draft.publication.version - 1)
    return draft.publication, _changes(before, draft.bands)


async def _draft(database: Database, *, principal: Principal) -> Draft:  # noqa: ARG001
    now = clock.now()
    async with database.reading() as session:
        settings = settings_of(session)
        known = await repository.publications(session)
        since = now - timedelta(days=settings.guidance_days)
        won = await repository.won_lines(session, since=since)
        quarter = _quarter(session, now)
    levels = settings.guidance_segments
    used = [place for place, ratio in enumerate(won.ratios) if ratio is not None and not won.excepted[place]]
    found = await asyncio.to_thread(_bands, won, used, levels)
    row = Publication(
        version=known[0].version + 1 if known else 1,
        quarter=quarter,
        effective_from=_midnight_after(now, settings.org_timezone) if known else now,
        won_since=since,
        levels=levels,
        quotes=len({won.quote_ids[place] for place in used}),
        lines=len(used),
        exceptions=len({quote for quote, excepted in zip(won.quote_ids, won.excepted, strict=True) if excepted}),
        unlisted_lines=sum(
            ratio is None and not excepted for ratio, excepted in zip(won.ratios, won.excepted, strict=True)
        ),
    )
    return Draft(row, found)


def _bands(won: WonLines, used: list[int], levels: tuple[Level, ...]) -> list[PublishedBand]:
    columns: dict[Level, list[str] | list[str | None]] = {
        "market": won.markets,
        "segment": won.segments,
        "family": won.families,
        "product": won.products,
    }
    chosen = [columns[level] for level in levels]
    numbers = {quote: number for number, quote in enumerate(dict.fromkeys(won.quote_ids))}
    sold = Sold(
        [tuple(column[place] or "" for column in chosen) for place in used],
        np.array([numbers[won.quote_ids[place]] for place in used], dtype=np.int64),
        np.array([won.ratios[place] for place in used], dtype=float),
    )
    return [_published(band) for band in bands(sold).values()]


def _published(band: Band) -> PublishedBand:
    return PublishedBand(
        band.path,
        band.quotes,
        Decimal(band.effective_quotes).quantize(_TENTH),
        rounded(Decimal(band.shrunk)),
        *_ends(band.floor),
        *_ends(band.target),
        *_ends(band.stretch),
    )


def _ends(quantile: Quantile) -> tuple[Decimal, Decimal | None, Decimal | None]:
    low, high = (None if end is None else rounded(Decimal(end)) for end in (quantile.low, quantile.high))
    return rounded(Decimal(quantile.value)), low, high


def _changes(before: dict[tuple[str, ...], PublishedBand], after: list[PublishedBand]) -> list[Change]:
    now = {band.path: band for band in after}
    return [Change(path, before.get(path), now.get(path)) for path in sorted({*before, *now})]


def _quarter(session: AsyncSession, at: datetime) -> str:
    settings = settings_of(session)
    return settings.calendar.quarter(local_date(at, settings.org_timezone)).key


def _midnight_after(at: datetime, zone: str) -> datetime:
    local = at.astimezone(ZoneInfo(zone))
    day = local.date() + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(at.tzinfo)
