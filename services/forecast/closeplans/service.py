"""Keeping what the deals service tells of close plans, in any order and repetition."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Received
from libs.common.events.deals import ClosePlanMoved
from libs.common.web.auth import ROLES, Principal, require
from services.forecast.closeplans import repository


async def append(session: AsyncSession, events: Sequence[Received[ClosePlanMoved]], *, principal: Principal) -> None:
    """Keep how plans stood; of a deal the greatest version is how its plan stands."""
    require(principal, "system")
    await repository.append(session, events)


async def ends(session: AsyncSession, *, day: date, known_at: datetime, principal: Principal) -> Mapping[UUID, date]:
    """By deal when half of the cases are done by its plan; the caller looks up only deals that it found within scope."""
    require(principal, *ROLES)
    return await repository.ends(session, day=day, known_at=known_at)
