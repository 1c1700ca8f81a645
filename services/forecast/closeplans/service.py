"""Keeping what the deals service tells of close plans, in any order and repetition."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Received
from libs.common.events.deals import ClosePlanMoved
from libs.common.web.auth import Principal, require
from services.forecast.closeplans import repository


async def append(session: AsyncSession, events: Sequence[Received[ClosePlanMoved]], *, principal: Principal) -> None:
    """Keep how plans stood; of a deal the greatest version is how its plan stands."""
    require(principal, "system")
    await repository.append(session, events)
