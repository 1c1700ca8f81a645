"""The event door: which events come in, and the one call each leads to."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import EventData, Received
from libs.common.events.beside import (
    CrmActivityChanged,
    CrmDealCompetitorsChanged,
    CrmDealLinesChanged,
    CrmDealSplitsChanged,
)
from libs.common.events.catalogue import LEAD_STATES, QUOTE_STATES
from libs.common.events.crm import (
    CrmAccountChanged,
    CrmDealChanged,
    CrmDealsCompared,
    CrmEditAnswered,
    CrmUserChanged,
    CrmWriteBackOffered,
)
from libs.common.events.leads import LeadEvidenceHanded
from libs.common.messaging.applier import Handler
from libs.common.web.auth import Principal
from services.deals.accounts import service as accounts
from services.deals.comparisons import service as comparisons
from services.deals.competitors import heard as competitors
from services.deals.credit import following as splits
from services.deals.credit import heard as told
from services.deals.edits import service as edits
from services.deals.ledger import service as ledger
from services.deals.organisation import service as organisation
from services.deals.productlines import heard as lines
from services.deals.qualification import service as qualification
from services.deals.statements import heard
from services.deals.touchpoints import heard as activities

SELF = Principal.system("deals")


async def on_ledger_input(session: AsyncSession, events: Sequence[Received[Any]]) -> None:
    await ledger.apply(session, events, principal=SELF)
    records = [event for event in events if isinstance(event.data, CrmDealChanged)]
    if records:
        await edits.seen(session, records, principal=SELF)
        await splits.follow(session, {event.data.deal_id for event in records}, principal=SELF)


async def on_write_back(session: AsyncSession, events: Sequence[Received[CrmWriteBackOffered]]) -> None:
    await edits.offered(session, events, principal=SELF)


async def on_answer(session: AsyncSession, events: Sequence[Received[CrmEditAnswered]]) -> None:
    await edits.answered(session, events, principal=SELF)


async def on_account(session: AsyncSession, events: Sequence[Received[CrmAccountChanged]]) -> None:
    await accounts.apply(session, events, principal=SELF)


async def on_user(session: AsyncSession, events: Sequence[Received[CrmUserChanged]]) -> None:
    await organisation.apply(session, events, principal=SELF)


async def on_comparison(session: AsyncSession, events: Sequence[Received[CrmDealsCompared]]) -> None:
    await comparisons.hand_on(session, events, principal=SELF)


async def on_evidence(session: AsyncSession, events: Sequence[Received[LeadEvidenceHanded]]) -> None:
    await qualification.take(session, events, principal=SELF)


async def on_lines(session: AsyncSession, events: Sequence[Received[CrmDealLinesChanged]]) -> None:
    await heard.hear(session, "lines", events, lines.meaning, principal=SELF)


async def on_splits(session: AsyncSession, events: Sequence[Received[CrmDealSplitsChanged]]) -> None:
    await splits.hear(session, events, told.meaning, principal=SELF)


async def on_competitors(session: AsyncSession, events: Sequence[Received[CrmDealCompetitorsChanged]]) -> None:
    await heard.hear(session, "competitors", events, competitors.meaning, principal=SELF)


async def on_activity(session: AsyncSession, events: Sequence[Received[CrmActivityChanged]]) -> None:
    await activities.hear(session, events, principal=SELF)


HANDLERS: Mapping[type[EventData], Handler] = {
    CrmAccountChanged: on_account,
    CrmUserChanged: on_user,
    CrmDealsCompared: on_comparison,
    CrmWriteBackOffered: on_write_back,
    CrmEditAnswered: on_answer,
    LeadEvidenceHanded: on_evidence,
    CrmActivityChanged: on_activity,
    CrmDealLinesChanged: on_lines,
    CrmDealSplitsChanged: on_splits,
    CrmDealCompetitorsChanged: on_competitors,
    **dict.fromkeys((CrmDealChanged, *LEAD_STATES, *QUOTE_STATES), on_ledger_input),
}
