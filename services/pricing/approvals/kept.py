"""Of which revisions of quotes it was told what they leave."""

from dataclasses import fields
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.pricing import QuoteWeighed
from services.pricing.quotes.models import Quote

_QUOTE: Final = ", ".join(f"quote.{each.name}" for each in fields(Quote))
_KEEP = text(
    """
    INSERT INTO quote_weighed (quote_id, revision, recorded_at, told)
    VALUES (:quote_id, :revision, :at, jsonb_build_object('version', cast(:version AS bigint), 'event', cast(:event AS jsonb)))
    ON CONFLICT DO NOTHING RETURNING 1
    """
)
_FIND = text("SELECT 1 FROM quote_weighed WHERE quote_id = :quote_id AND revision = :revision")
_UNTOLD = text(
    f"""
    SELECT {_QUOTE} FROM quote
    WHERE quote.status IN ('approved', 'accepted') AND NOT EXISTS (
        SELECT 1 FROM quote_weighed told WHERE told.quote_id = quote.quote_id AND told.revision = quote.revision
    )
    ORDER BY quote.quote_id LIMIT :limit
    """  # noqa: S608 - names of a class of ours
)


async def is_told(session: AsyncSession, quote: Quote) -> bool:
    """Whether it was told what this revision leaves."""
    given = {"quote_id": quote.quote_id, "revision": quote.revision}
    return (await session.execute(_FIND, given)).first() is not None


async def keep(session: AsyncSession, quote: Quote, event: QuoteWeighed, *, at: datetime) -> bool:
    """Keep what is told of a revision; False where somebody else told it meanwhile."""
    given = {"quote_id": quote.quote_id, "revision": quote.revision, "at": at, "version": quote.version}
    return (await session.execute(_KEEP, given | {"event": event.model_dump_json()})).first() is not None


async def untold(session: AsyncSession, *, limit: int) -> list[Quote]:
    """Quotes that were approved or accepted, by whatever version of this service, and of which nothing was told."""
    return [Quote(*row) for row in await session.execute(_UNTOLD, {"limit": limit})]
