"""The sources of `python -m services.pricing republish`."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.pricing import PromotionChanged, QuoteWeighed
from libs.common.messaging.republishing import Again, Source
from libs.common.sql import Query

_PROMOTIONS = Query("""
    SELECT promotion_id, version, told::text AS told, recorded_at
    FROM promotion_version WHERE promotion_id = ANY(:ids) AND told IS NOT NULL ORDER BY promotion_id, version
""")
_QUOTES = Query("""
    SELECT told.quote_id, (told.told ->> 'version')::bigint AS version, said.revised_at,
           (told.told -> 'event')::text AS told, told.recorded_at
    FROM quote_weighed told JOIN quote_revision said USING (quote_id, revision)
    WHERE told.quote_id = ANY(:ids) AND told.told IS NOT NULL ORDER BY told.quote_id, told.revision
""")


async def _promotions(session: AsyncSession, ids: Sequence[UUID]) -> list[Again]:
    found = []
    for row in await _PROMOTIONS.rows(session, {"ids": list(ids)}):
        event = PromotionChanged.model_validate_json(row.told)
        found.append(Again(event, row.promotion_id, row.version, event.valid_from, row.recorded_at))
    return found


async def _quotes(session: AsyncSession, ids: Sequence[UUID]) -> list[Again]:
    return [
        Again(QuoteWeighed.model_validate_json(row.told), row.quote_id, row.version, row.revised_at, row.recorded_at)
        for row in await _QUOTES.rows(session, {"ids": list(ids)})
    ]


SOURCES = (
    Source("promotions", (PromotionChanged,), table="promotion_version", column="promotion_id", versions=_promotions),
    Source("quotes", (QuoteWeighed,), table="quote_weighed", column="quote_id", versions=_quotes),
)
