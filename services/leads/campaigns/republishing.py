"""The source of `python -m services.leads republish`: what was told of campaigns."""

from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.leads import CampaignCounted
from libs.common.messaging import outbox
from libs.common.messaging.republishing import Source, Told
from libs.common.sql import Query
from services.leads.campaigns.publishing import key_of

_IDS = Query("""
    SELECT DISTINCT campaign_id FROM campaign_told WHERE :after::uuid IS NULL OR campaign_id > :after
    ORDER BY campaign_id LIMIT :limit
""")
_TOLD = Query("""
    SELECT campaign_id, month, version, recorded_at, content::text AS content
    FROM campaign_told WHERE campaign_id = ANY(:ids) ORDER BY campaign_id, month, version
""")


async def _tell(session: AsyncSession, after: UUID | None, limit: int) -> Told:
    ids = await _IDS.column(session, {"after": after, "limit": limit})
    rows = await _TOLD.rows(session, {"ids": ids}) if ids else []
    for row in rows:
        event = CampaignCounted.model_validate(
            {
                "campaign_id": row.campaign_id,
                "month": row.month,
                "version": row.version,
                "counted_at": row.recorded_at,
                **orjson.loads(row.content),
            }
        )
        outbox.add(
            session,
            event,
            key=key_of(row.campaign_id, row.month),
            version=row.version,
            occurred_at=row.recorded_at,
            subject=str(row.campaign_id),
            recorded_at=row.recorded_at,
        )
    return Told(len(ids), len(rows), ids[-1] if len(ids) == limit else None)


SOURCES = (Source("campaigns", (CampaignCounted,), _tell),)
