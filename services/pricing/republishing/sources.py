"""The sources of `python -m services.pricing republish`."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.pricing import PromotionChanged, QuoteWeighed
from libs.common.messaging import outbox
from libs.common.messaging.republishing import Source, Told
from libs.common.sql import Query

_PROMOTIONS = Query("""
    SELECT promotion_id FROM promotion WHERE :after::uuid IS NULL OR promotion_id > :after ORDER BY promotion_id LIMIT :limit
""")
_PROMOTION_VERSIONS = Query("""
    SELECT promotion_id AS key, version, recorded_at AS at, told::text AS event, recorded_at
    FROM promotion_version WHERE promotion_id = ANY(:ids) AND told IS NOT NULL ORDER BY promotion_id, version
""")
_QUOTES = Query("""
    SELECT DISTINCT quote_id FROM quote_weighed WHERE :after::uuid IS NULL OR quote_id > :after ORDER BY quote_id LIMIT :limit
""")
_WEIGHED = Query("""
    SELECT told.quote_id AS key, (told.told ->> 'version')::bigint AS version, said.revised_at AS at,
           (told.told -> 'event')::text AS event, told.recorded_at
    FROM quote_weighed told JOIN quote_revision said USING (quote_id, revision)
    WHERE told.quote_id = ANY(:ids) AND told.told IS NOT NULL ORDER BY told.quote_id, told.revision
""")


def _kept(
    ids: Query, told: Query, kind: type[PromotionChanged] | type[QuoteWeighed]
) -> Callable[[AsyncSession, UUID | None, int], Awaitable[Told]]:
    """Tells events as they were kept, of the next things that `ids` finds."""

    async def tell(session: AsyncSession, after: UUID | None, limit: int) -> Told:
        found = await ids.column(session, {"after": after, "limit": limit})
        rows = await told.rows(session, {"ids": found}) if found else []
        for row in rows:
            event = kind.model_validate(orjson.loads(row.event))
            outbox.add(
                session,
                event,
                key=row.key,
                version=row.version,
                occurred_at=event.valid_from if isinstance(event, PromotionChanged) else row.at,
                recorded_at=row.recorded_at,
            )
        return Told(len(found), len(rows), found[-1] if len(found) == limit else None)

    return tell


SOURCES = (
    Source("promotions", (PromotionChanged,), _kept(_PROMOTIONS, _PROMOTION_VERSIONS, PromotionChanged)),
    Source("quotes", (QuoteWeighed,), _kept(_QUOTES, _WEIGHED, QuoteWeighed)),
)
