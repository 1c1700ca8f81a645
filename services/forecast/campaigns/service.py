"""Keeping what leads tell of campaigns, in any order and repetition, and reading it in one currency."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.base import Received
from libs.common.events.leads import CampaignCounted
from libs.common.organisation import sees_everything
from libs.common.web.auth import ROLES, Principal, require
from libs.common.web.errors import Invalid
from services.forecast.campaigns import repository
from services.forecast.campaigns.figures import CAVEAT, Line, Told, Touch, lines, total
from services.forecast.campaigns.schemas import CampaignOut, CampaignsReading, TouchOut
from services.forecast.rates import service as rates
from services.forecast.rates.conversion import Rates

COMPANY_ONLY: Final = "Figures of campaigns are of the whole company, and your scope is a part of it."


class MonthsTheWrongWayRound(Invalid):
    """The last month lies before the first."""


async def append(session: AsyncSession, events: Sequence[Received[CampaignCounted]], *, principal: Principal) -> None:
    """Keep how campaigns stood; of a campaign and month the greatest version is how it stands."""
    require(principal, "system")
    await repository.append(session, events)


async def found(
    session: AsyncSession,
    held: Rates,
    *,
    since: date,
    until: date,
    known_at: datetime,
    campaigns: Sequence[UUID] | None = None,
    principal: Principal,
) -> list[Line]:
    """A line per campaign of the months of two days, as known at an instant; none for who sees only a part of the company."""
    require(principal, *ROLES)
    if not sees_everything(principal):
        return []
    first, last = since.replace(day=1), until.replace(day=1)
    rows = await repository.stood(session, campaigns, since=first, until=last, known_at=known_at)
    told = [Told(row.campaign_id, row.month, row.name, row.market, row.told) for row in rows]
    return lines(told, held.convert)


async def read(
    session: AsyncSession, *, since: date, until: date, campaigns: Sequence[UUID] | None, principal: Principal
) -> CampaignsReading:
    """What campaigns cost and brought in some months, as known now. Raises MonthsTheWrongWayRound, NoBaseRate."""
    if until < since:
        raise MonthsTheWrongWayRound(f"until: {until} lies before {since}.")
    now = clock.now()
    held = await rates.load(session)
    every = await found(session, held, since=since, until=until, known_at=now, campaigns=campaigns, principal=principal)
    return CampaignsReading(
        since=since.replace(day=1),
        until=until,
        known_at=now,
        currency=held.base,
        caveat=CAVEAT,
        hidden=None if sees_everything(principal) else COMPANY_ONLY,
        total=campaign_out(total(every)) if every else None,
        items=[campaign_out(each) for each in every],
    )


def campaign_out(line: Line) -> CampaignOut:
    """A line as it is told."""
    return CampaignOut(
        campaign_id=line.campaign_id,
        name=line.name,
        market=line.market,
        cost=line.cost,
        first=_touch(line, line.first),
        last=_touch(line, line.last),
        why=line.why,
    )


def _touch(line: Line, touch: Touch) -> TouchOut:
    return TouchOut(
        leads=touch.leads,
        accepted=touch.accepted,
        deals=touch.deals,
        won_deals=touch.won_deals,
        pipeline=touch.pipeline,
        won=touch.won,
        roi=line.roi(touch),
    )
