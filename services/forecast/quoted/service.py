"""Keeping what pricing tells of quotes, in any order and repetition, and finding it by deal."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Received
from libs.common.events.pricing import QuoteWeighed
from libs.common.web.auth import ROLES, Principal, require, sees_costs
from services.forecast.quoted import repository
from services.forecast.quoted.models import Quoted


async def append(session: AsyncSession, events: Sequence[Received[QuoteWeighed]], *, principal: Principal) -> None:
    """Keep what quotes leave; a revision is told once and never changes."""
    require(principal, "system")
    await repository.append(session, events)


async def of_deals(
    session: AsyncSession, deals: Sequence[UUID], *, as_of: datetime, known_at: datetime, principal: Principal
) -> Mapping[UUID, Quoted]:
    """Of some deals, within scope, the quote that set the amount, as valid and known; those of which none was told are left out.

    Costs are unknown to those to whom none are shown.
    """
    require(principal, *ROLES)
    found = await repository.of_deals(session, deals, as_of=as_of, known_at=known_at, principal=principal)
    return _shown(found, principal)


async def of_open(
    session: AsyncSession, *, as_of: datetime, known_at: datetime, principal: Principal
) -> Mapping[UUID, Quoted]:
    """The same of every deal within scope that was open."""
    require(principal, *ROLES)
    found = await repository.of_open(session, as_of=as_of, known_at=known_at, principal=principal)
    return _shown(found, principal)


async def of_won(
    session: AsyncSession, *, as_of: datetime, known_at: datetime, principal: Principal
) -> Mapping[UUID, Quoted]:
    """The same of every deal within scope that was won."""
    require(principal, *ROLES)
    found = await repository.of_won(session, as_of=as_of, known_at=known_at, principal=principal)
    return _shown(found, principal)


def _shown(found: Mapping[UUID, Quoted], principal: Principal) -> Mapping[UUID, Quoted]:
    return found if sees_costs(principal) else {deal: replace(each, cost=None) for deal, each in found.items()}
