"""What was told of campaigns, which is only ever appended."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Received
from libs.common.events.leads import CampaignCounted

_APPEND = text(
    """
    INSERT INTO campaign_version (campaign_id, month, version, counted_at, name, market, told, recorded_at)
    VALUES (:campaign_id, :month, :version, :counted_at, :name, :market, cast(:told AS jsonb), :recorded_at)
    ON CONFLICT DO NOTHING
    """
)


async def append(session: AsyncSession, events: Sequence[Received[CampaignCounted]]) -> None:
    """Keep versions; one that is known already stays as it is."""
    rows = [
        {
            **each.data.model_dump(include={"campaign_id", "month", "version", "counted_at", "name", "market"}),
            "told": orjson.dumps(each.data.model_dump(mode="json", include={"cost", "first", "last"})).decode(),
            "recorded_at": each.recorded_at,
        }
        for each in events
    ]
    await session.execute(_APPEND, rows)


_STOOD = text(
    """
    SELECT DISTINCT ON (campaign_id, month) campaign_id, month, name, market, told, counted_at FROM campaign_version
    WHERE month >= :since AND month <= :until AND recorded_at <= :known_at
      AND (cast(:campaigns AS uuid[]) IS NULL OR campaign_id = ANY(cast(:campaigns AS uuid[])))
    ORDER BY campaign_id, month, version DESC
    """
)


async def stood(
    session: AsyncSession, campaigns: Sequence[UUID] | None, *, since: date, until: date, known_at: datetime
) -> list[Any]:
    """How campaigns stood with the leads of some months, as known at an instant; of `campaigns` only, unless None."""
    given = {"campaigns": None if campaigns is None else list(campaigns), "since": since, "until": until}
    return list(await session.execute(_STOOD, given | {"known_at": known_at}))
