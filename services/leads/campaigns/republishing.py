"""The source of `python -m services.leads republish`: what was told of campaigns."""

from collections.abc import Sequence
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.leads import CampaignCounted
from libs.common.messaging.republishing import Again, Source
from libs.common.sql import Query
from services.leads.campaigns.publishing import key_of

_TOLD = Query("""
    SELECT campaign_id, month, version, recorded_at, content::text AS content
    FROM campaign_told WHERE campaign_id = ANY(:ids) ORDER BY campaign_id, month, version
""")


async def _versions(session: AsyncSession, ids: Sequence[UUID]) -> list[Again]:
    found = []
    for row in await _TOLD.rows(session, {"ids": list(ids)}):
        said = {
            "campaign_id": row.campaign_id,
            "month": row.month,
            "version": row.version,
            "counted_at": row.recorded_at,
        }
        event, key = (
            CampaignCounted.model_validate(said | orjson.loads(row.content)),
            key_of(row.campaign_id, row.month),
        )
        subject = str(row.campaign_id)
        found.append(Again(event, key, row.version, row.recorded_at, row.recorded_at, subject=subject))
    return found


SOURCES = (Source("campaigns", (CampaignCounted,), table="campaign_told", column="campaign_id", versions=_versions),)
