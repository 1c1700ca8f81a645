"""The sections of a scorecard that pricing, leads and deals tell, as known at its instants."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.messaging.topics import LEAD_EVENTS, PRICING_EVENTS
from libs.common.web.auth import Principal
from services.forecast.history import service as history
from services.forecast.quoted import service as quoted
from services.forecast.scorecard import figures
from services.forecast.scorecard.document import Unknown, Valued, Win
from services.forecast.scorecard.sales import Instants, Sales

TELLING = (PRICING_EVENTS, LEAD_EVENTS)
"""What others tell besides deals: all of it that was recorded by a closing has to be here before the month is signed."""


async def has_arrived(session: AsyncSession, instants: Instants) -> bool:
    """Whether all that was told by then is here, as far as each topic has ever been heard of."""
    return all([await history.has_arrived(session, topic, instants.known_at) for topic in TELLING])


async def valued(
    session: AsyncSession, wins: Sequence[Win], sold: Sales, instants: Instants, *, principal: Principal
) -> tuple[list[Valued], list[Unknown]]:
    """What was left of the wins by the quotes that set their amounts."""
    deals = [win.deal_id for win in wins]
    quotes = await quoted.of_deals(
        session, deals, as_of=instants.as_of, known_at=instants.known_at, principal=principal
    )
    return figures.valued(wins, quotes, sold.worth)
