"""Deals as far as quotes need them: taken over from their events, found within a scope, asked whether they can be quoted for."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Received
from libs.common.events.deals import DealState
from libs.common.web.auth import Principal
from libs.common.web.errors import Conflict, NotFound
from services.pricing.quotes import repository
from services.pricing.quotes.models import DealReference


class DealNotFound(NotFound):
    """No such deal within the principal's scope."""


class DealIsClosed(Conflict):
    """The deal is won or lost."""


class DealIsGone(Conflict):
    """The deal was removed or absorbed by another."""


async def apply_deals(
    session: AsyncSession,
    events: Sequence[Received[DealState]],
    *,
    principal: Principal,  # noqa: ARG001
) -> None:
    """Take over what quotes need of deals; the newest entry of a deal's timeline is the deal, and it is kept when it was last lost."""
    newest: dict[UUID, DealState] = {}
    lost: dict[UUID, datetime] = {}
    for event in events:
        deal = event.data
        if deal.state == "lost" or deal.removed:
            lost[deal.deal_id] = max(deal.valid_from, lost.get(deal.deal_id, deal.valid_from))
        known = newest.get(deal.deal_id)
        if known is None or (known.valid_from, known.version) < (deal.valid_from, deal.version):
            newest[deal.deal_id] = deal
    await repository.put_deals(
        session,
        [
            DealReference(
                deal_id=deal.deal_id,
                version=deal.version,
                valid_from=deal.valid_from,
                name=deal.name,
                state=deal.state,
                owner_id=deal.owner_id,
                absorbed_into=deal.absorbed_into,
                removed=deal.removed,
                market=deal.market,
                segment=deal.segment,
                amount=deal.amount,
                currency=deal.currency,
                account_id=deal.account_id,
            )
            for deal in newest.values()
        ],
    )
    await repository.put_lost(session, lost)


async def read_deal(session: AsyncSession, deal_id: UUID, *, principal: Principal) -> DealReference:
    """What quotes know of a deal. Raises DealNotFound."""
    deal = await repository.find_deal(session, deal_id, principal=principal)
    if deal is None:
        raise DealNotFound(f"There is no deal {deal_id} among those you may see.")
    return deal


async def list_deals(
    session: AsyncSession, *, search: str | None, limit: int, principal: Principal
) -> list[DealReference]:
    """Open deals that can be quoted for."""
    return await repository.quotable(session, search=search, limit=limit, principal=principal)


async def lock_deal(session: AsyncSession, deal_id: UUID, *, principal: Principal) -> DealReference:
    """The deal, locked until the transaction ends. Raises DealNotFound."""
    deal = await repository.lock_deal(session, deal_id, principal=principal)
    if deal is None:
        raise DealNotFound(f"There is no deal {deal_id} among those you may see.")
    return deal


def require_open(deal: DealReference) -> None:
    """Raises DealIsGone, DealIsClosed."""
    if deal.absorbed_into is not None:
        raise DealIsGone(
            f"Deal {deal.deal_id} was absorbed by deal {deal.absorbed_into}; quote for that one.",
            absorbed_into=deal.absorbed_into,
        )
    if deal.removed:
        raise DealIsGone(f"Deal {deal.deal_id} was removed in the CRM; restore it there before quoting for it.")
    if deal.state != "open":
        raise DealIsClosed(f"Deal {deal.deal_id} is {deal.state}; reopen it before quoting for it.", state=deal.state)
