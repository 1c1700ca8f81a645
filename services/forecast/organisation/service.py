"""The organisation that rolls deals up: as it is today, or as it was."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Received
from libs.common.events.deals import PersonPlaced, UnitChanged
from services.forecast.organisation import repository
from services.forecast.organisation.tree import Organisation

Basis = Literal["is", "was"]
"""`is`: today's organisation. `was`: valid at `as_of` as known at `known_at`."""


async def append_units(session: AsyncSession, events: Sequence[Received[UnitChanged]]) -> None:
    """Keep every version of units."""
    await repository.append_units(session, events)


async def append_placements(session: AsyncSession, events: Sequence[Received[PersonPlaced]]) -> None:
    """Keep every version of where people stand."""
    await repository.append_placements(session, events)


async def read(session: AsyncSession, basis: Basis, *, as_of: datetime, known_at: datetime) -> Organisation:
    """The organisation to roll up by; the same question about the past always has the same answer."""
    return await (repository.today(session) if basis == "is" else repository.at(session, as_of, known_at))
