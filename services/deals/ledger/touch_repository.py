"""Who spoke with whom, as far as the timelines of deals tell of it."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.sql import Query
from services.deals.relationship import Touch

_TOUCHES = Query("""
    SELECT deal_id, touchpoint_id, at, direction, contacts FROM touchpoint
    WHERE deal_id = ANY(ARRAY(SELECT unnest(CAST(:deals AS uuid[])))) AND NOT withdrawn
""")


async def touches_of(session: AsyncSession, deals: Collection[UUID]) -> dict[UUID, list[Touch]]:
    """The touchpoints that name each of the deals and stand, in no order."""
    found: dict[UUID, list[Touch]] = {}
    if deals:
        for row in await _TOUCHES.rows(session, {"deals": list(deals)}):
            touch = Touch(row.touchpoint_id, row.at, row.direction, tuple(row.contacts))
            found.setdefault(row.deal_id, []).append(touch)
    return found
