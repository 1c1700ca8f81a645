"""The event door: CRM records of leads, deals that came of them, and the organisation for scopes."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import crash, organisation
from libs.common.events.base import EventData, Received
from libs.common.events.catalogue import DEAL_STATES
from libs.common.events.crm import CrmLeadChanged, CrmPersonKeyed
from libs.common.events.deals import DealState, PersonPlaced, UnitChanged
from libs.common.messaging.applier import Handler
from libs.common.web.auth import Principal
from services.leads.campaigns import service as campaigns
from services.leads.duplicates import service as duplicates
from services.leads.evidence import service as evidence
from services.leads.register import service as register

_SYSTEM = Principal.system("leads")


async def on_record(session: AsyncSession, events: Sequence[Received[CrmLeadChanged]]) -> None:
    leads = await register.apply_records(session, events, principal=_SYSTEM)
    await evidence.hand_over(session, leads, principal=_SYSTEM)
    crash.point("leads.applied_not_committed")


async def on_keys(session: AsyncSession, events: Sequence[Received[CrmPersonKeyed]]) -> None:
    await duplicates.keep_keys(session, events, principal=_SYSTEM)


async def on_deal(session: AsyncSession, events: Sequence[Received[DealState]]) -> None:
    leads = await register.apply_deals(session, events, principal=_SYSTEM)
    await evidence.hand_over(session, leads, principal=_SYSTEM)
    await campaigns.keep_deals(session, events, principal=_SYSTEM)


HANDLERS: Mapping[type[EventData], Handler] = {
    CrmLeadChanged: on_record,
    CrmPersonKeyed: on_keys,
    **dict.fromkeys(DEAL_STATES, on_deal),
    UnitChanged: organisation.apply_units,
    PersonPlaced: organisation.apply_placements,
}
