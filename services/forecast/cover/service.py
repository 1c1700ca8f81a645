"""Keeping what deals tell of how accounts are covered, in any order and repetition."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Received
from libs.common.events.deals import CoverCounted
from libs.common.organisation import sees_everything
from libs.common.web.auth import ROLES, Principal, require
from services.forecast.cover import repository
from services.forecast.cover.figures import Cover, Told, covered
from services.forecast.rates.conversion import Rates


async def append(session: AsyncSession, events: Sequence[Received[CoverCounted]], *, principal: Principal) -> None:
    """Keep how accounts are covered; of an account the greatest version is how it is."""
    require(principal, "system")
    await repository.append(session, events)


async def read(
    session: AsyncSession, held: Rates, day: date, *, known_at: datetime, principal: Principal
) -> Cover | None:
    """Cover of the whole company as known at an instant, at the rates of a day.

    None when no account with open deals was told of, and for who sees only a part of the company.
    """
    require(principal, *ROLES)
    if not sees_everything(principal):
        return None
    rows = await repository.stood(session, known_at=known_at)
    told = [Told(row.has_executive, row.amounts) for row in rows]
    found = covered(told, lambda amount, currency: held.convert(amount, currency, day))
    return found if found.accounts else None
