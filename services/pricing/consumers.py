"""The event door: deals that quotes are for, products that a CRM keeps, and the organisation for scopes."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import crash, organisation
from libs.common.events.base import EventData, Received
from libs.common.events.catalogue import DEAL_STATES
from libs.common.events.crm import CrmProductChanged, CrmRightsChanged
from libs.common.events.deals import DealState, PersonPlaced, UnitChanged
from libs.common.messaging.applier import Handler
from libs.common.web.auth import Principal
from services.pricing.approvals import delegations
from services.pricing.catalogue import service as catalogue
from services.pricing.quotes import known

_SYSTEM = Principal.system("pricing")


async def on_deal(session: AsyncSession, events: Sequence[Received[DealState]]) -> None:
    await known.apply_deals(session, events, principal=_SYSTEM)
    crash.point("pricing.applied_not_committed")


async def on_product(session: AsyncSession, events: Sequence[Received[CrmProductChanged]]) -> None:
    await catalogue.apply_records(session, events, principal=_SYSTEM)


async def on_rights(session: AsyncSession, events: Sequence[Received[CrmRightsChanged]]) -> None:
    await delegations.keep_rights(session, events, principal=_SYSTEM)


HANDLERS: Mapping[type[EventData], Handler] = {
    **dict.fromkeys(DEAL_STATES, on_deal),
    CrmProductChanged: on_product,
    CrmRightsChanged: on_rights,
    UnitChanged: organisation.apply_units,
    PersonPlaced: organisation.apply_placements,
}
