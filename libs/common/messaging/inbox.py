"""Recognising repetitions: an event id is claimed in the transaction that applies the event."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.sql import Query

_CLAIM = Query(
    """
    INSERT INTO inbox (event_id) SELECT DISTINCT unnest(cast(:ids AS uuid[])) ORDER BY 1
    ON CONFLICT DO NOTHING RETURNING event_id
    """
)


async def claim(session: AsyncSession, ids: Sequence[UUID]) -> set[UUID]:
    """The ids among `ids` that were not applied before; they count as applied when the transaction commits."""
    if not ids:
        return set()
    return set(await _CLAIM.column(session, {"ids": list(ids)}))
