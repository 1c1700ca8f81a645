"""The sections of a scorecard that pricing, leads and deals tell, as known at its instants."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.calendar import Period, add_months
from libs.common.messaging.topics import LEAD_EVENTS, PRICING_EVENTS
from libs.common.web.auth import ROLES, Principal, require
from services.forecast.campaigns import service as campaigning
from services.forecast.campaigns.figures import CAVEAT, Line, total
from services.forecast.campaigns.figures import Touch as Touched
from services.forecast.cover import service as covering
from services.forecast.history import service as history
from services.forecast.quoted import service as quoted
from services.forecast.scorecard import figures
from services.forecast.scorecard.cutting import share
from services.forecast.scorecard.document import Unknown, Win
from services.forecast.scorecard.sales import Instants, Sales
from services.forecast.scorecard.sections import Campaign, Campaigns, Covered, Touch, Valued

TELLING = (PRICING_EVENTS, LEAD_EVENTS)
"""What others tell besides deals: all of it that was recorded by a closing has to be here before the month is signed."""

MONTHS: Final = 12
"""Of campaigns leads are looked at that arrived in so many months: those of one month have hardly become deals."""
NO_CAMPAIGNS: Final = Unknown(
    line="campaigns",
    label="Campaigns",
    reason="No campaign is told of: add campaigns and what they cost on Leads, Campaigns.",
)
NO_EXECUTIVE: Final = Unknown(
    line="executive_cover",
    label="Executive cover",
    reason="No account with open deals has an executive of ours: name one on its page.",
)
NO_TOUCHPOINTS: Final = "Nobody has told who spoke with whom, so what has lapsed is unknown."


async def has_arrived(session: AsyncSession, instants: Instants) -> bool:
    """Whether all that was told by then is here, as far as each topic has ever been heard of."""
    return all([await history.has_arrived(session, topic, instants.known_at) for topic in TELLING])


async def valued(
    session: AsyncSession, wins: Sequence[Win], sold: Sales, instants: Instants, *, principal: Principal
) -> tuple[list[Valued], list[Unknown]]:
    """What was left of the wins, which the caller has found, by the quotes that set their amounts.

    A document is the same for whoever reads it, so it tells the company's margin also to those to whom no deal's is shown.
    """
    require(principal, *ROLES)
    deals = [win.deal_id for win in wins]
    system = Principal.system("forecast")
    quotes = await quoted.of_deals(session, deals, as_of=instants.as_of, known_at=instants.known_at, principal=system)
    return figures.valued(wins, quotes, sold.worth)


async def campaigns(
    session: AsyncSession, month: Period, sold: Sales, instants: Instants, *, principal: Principal
) -> Campaigns | None:
    """What campaigns cost and brought by the end of a month; None when nobody told of any."""
    since = add_months(month.start, 1 - MONTHS)
    found = await campaigning.found(
        session, sold.rates, since=since, until=month.last_day, known_at=instants.known_at, principal=principal
    )
    if not found:
        return None
    return Campaigns(
        since=since,
        until=month.last_day,
        caveat=CAVEAT,
        total=_campaign("campaigns", total(found)),
        parts=[_campaign(f"campaign.{each.campaign_id}", each) for each in found],
    )


def _campaign(line: str, of: Line) -> Campaign:
    return Campaign(
        line=line,
        label=of.name,
        market=of.market,
        cost=of.cost,
        first=_touch(of, of.first),
        last=_touch(of, of.last),
        reason=of.why,
    )


def _touch(of: Line, touch: Touched) -> Touch:
    return Touch(leads=touch.leads, pipeline=touch.pipeline, won=touch.won, roi=of.roi(touch))


async def cover(
    session: AsyncSession, month: Period, sold: Sales, instants: Instants, *, principal: Principal
) -> Covered | None:
    """How accounts with open deals are covered; None when none of them has an executive."""
    found = await covering.read(session, sold.rates, month.last_day, known_at=instants.known_at, principal=principal)
    if found is None or not found.covered:
        return None
    part, whole = found.with_executive, found.open
    return Covered(
        line="executive_cover",
        label="Executive cover",
        open=found.open,
        with_executive=found.with_executive,
        share=None if part is None or whole is None else share(part, whole),
        at_risk=found.at_risk,
        lapsed=found.lapsed,
        accounts=found.accounts,
        covered=found.covered,
        reason=None if found.at_risk is not None else NO_TOUCHPOINTS,
    )
