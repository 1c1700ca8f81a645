"""The event door: every version of every deal, and the organisation that rolls them up."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import crash, organisation
from libs.common.events.base import EventData, Received
from libs.common.events.catalogue import DEAL_STATES
from libs.common.events.deals import DealState, PersonPlaced, UnitChanged
from libs.common.web.auth import Principal
from services.forecast.rollup import service as rollup

_SYSTEM = Principal.system("forecast")


async def on_deal(session: AsyncSession, events: Sequence[Received[DealState]]) -> None:
    await rollup.apply(session, events, principal=_SYSTEM)
    crash.point("forecast.applied_not_committed")


HANDLERS: Mapping[type[EventData], Any] = {
    **dict.fromkeys(DEAL_STATES, on_deal),
    UnitChanged: organisation.apply_units,
    PersonPlaced: organisation.apply_placements,
}
