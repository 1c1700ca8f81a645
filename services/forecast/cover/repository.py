"""What was told of how accounts are covered, which is only ever appended."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Received
from libs.common.events.deals import CoverCounted

_APPEND = text(
    """
    INSERT INTO cover_version (account_id, version, counted_at, has_executive, amounts, recorded_at)
    VALUES (:account_id, :version, :counted_at, :has_executive, cast(:amounts AS jsonb), :recorded_at) ON CONFLICT DO NOTHING
    """
)


async def append(session: AsyncSession, events: Sequence[Received[CoverCounted]]) -> None:
    """Keep versions; one that is known already stays as it is."""
    rows = [
        {
            **each.data.model_dump(include={"account_id", "version", "counted_at", "has_executive"}),
            "amounts": orjson.dumps(each.data.model_dump(mode="json")["amounts"]).decode(),
            "recorded_at": each.recorded_at,
        }
        for each in events
    ]
    await session.execute(_APPEND, rows)


_STOOD = text(
    """
    SELECT DISTINCT ON (account_id) has_executive, amounts FROM cover_version
    WHERE recorded_at <= :known_at ORDER BY account_id, version DESC
    """
)


async def stood(session: AsyncSession, *, known_at: datetime) -> list[Any]:
    """How every account was covered, as known at an instant."""
    return list(await session.execute(_STOOD, {"known_at": known_at}))
