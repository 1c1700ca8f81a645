"""The event door: every version of every deal, the organisation that rolls them up, and what others tell of both."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import crash, organisation
from libs.common.events.base import EventData, Received
from libs.common.events.catalogue import DEAL_STATES
from libs.common.events.deals import (
    AccountChanged,
    ClosePlanMoved,
    CoverCounted,
    DealsCompared,
    DealState,
    PersonPlaced,
    UnitChanged,
)
from libs.common.events.leads import CampaignCounted
from libs.common.events.pricing import PromotionChanged, QuoteWeighed
from libs.common.events.splits import SplitsStated
from libs.common.events.whitespace import WhitespaceStated
from libs.common.web.auth import Principal
from services.forecast.campaigns import service as campaigns
from services.forecast.closeplans import service as closeplans
from services.forecast.completeness import service as completeness
from services.forecast.cover import service as cover
from services.forecast.credit import service as credit
from services.forecast.focus import statements as focus
from services.forecast.organisation import service as history
from services.forecast.promotions import service as promotions
from services.forecast.quoted import service as quoted
from services.forecast.rollup import service as rollup

_SYSTEM = Principal.system("forecast")


async def on_deal(session: AsyncSession, events: Sequence[Received[DealState]]) -> None:
    await rollup.apply(session, events, principal=_SYSTEM)
    crash.point("forecast.applied_not_committed")


async def on_unit(session: AsyncSession, events: Sequence[Received[UnitChanged]]) -> None:
    await history.append_units(session, events)
    await organisation.apply_units(session, events)


async def on_placement(session: AsyncSession, events: Sequence[Received[PersonPlaced]]) -> None:
    await history.append_placements(session, events)
    await organisation.apply_placements(session, events)


async def on_split(session: AsyncSession, events: Sequence[Received[SplitsStated]]) -> None:
    await credit.append(session, events, principal=_SYSTEM)
    await rollup.credit_anew(session, [each.data.deal_id for each in events], principal=_SYSTEM)


async def on_comparison(session: AsyncSession, events: Sequence[Received[DealsCompared]]) -> None:
    await completeness.append(session, events, principal=_SYSTEM)


async def on_close_plan(session: AsyncSession, events: Sequence[Received[ClosePlanMoved]]) -> None:
    await closeplans.append(session, events, principal=_SYSTEM)


async def on_account(session: AsyncSession, events: Sequence[Received[AccountChanged]]) -> None:
    await focus.keep_accounts(session, events, principal=_SYSTEM)


async def on_whitespace(session: AsyncSession, events: Sequence[Received[WhitespaceStated]]) -> None:
    await focus.keep_whitespace(session, events, principal=_SYSTEM)


async def on_promotion(session: AsyncSession, events: Sequence[Received[PromotionChanged]]) -> None:
    await promotions.append(session, events, principal=_SYSTEM)


async def on_quote(session: AsyncSession, events: Sequence[Received[QuoteWeighed]]) -> None:
    await quoted.append(session, events, principal=_SYSTEM)


async def on_campaign(session: AsyncSession, events: Sequence[Received[CampaignCounted]]) -> None:
    await campaigns.append(session, events, principal=_SYSTEM)


async def on_cover(session: AsyncSession, events: Sequence[Received[CoverCounted]]) -> None:
    await cover.append(session, events, principal=_SYSTEM)


HANDLERS: Mapping[type[EventData], Any] = {
    **dict.fromkeys(DEAL_STATES, on_deal),
    UnitChanged: on_unit,
    PersonPlaced: on_placement,
    DealsCompared: on_comparison,
    ClosePlanMoved: on_close_plan,
    AccountChanged: on_account,
    WhitespaceStated: on_whitespace,
    PromotionChanged: on_promotion,
    CoverCounted: on_cover,
    SplitsStated: on_split,
    QuoteWeighed: on_quote,
    CampaignCounted: on_campaign,
}
