"""A quote is approved, and others are told what one that was approved or accepted leaves: list, pocket, cost, below its floors."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.pricing import QuoteWeighed
from libs.common.messaging import outbox
from libs.common.web.auth import Principal
from services.pricing.approvals import found, kept
from services.pricing.approvals.found import Assessed
from services.pricing.approvals.models import Request
from services.pricing.guidance import service as guidance
from services.pricing.policies import service as policies
from services.pricing.policies.judging import below_floor
from services.pricing.quotes import known
from services.pricing.quotes import service as quotes
from services.pricing.quotes.models import Quote

_SYSTEM = Principal.system("pricing")


async def conclude(
    session: AsyncSession, quote: Quote, request: Request, *, at: datetime, principal: Principal
) -> Quote:
    """All have agreed: the quote is approved, and a sale below the floor is recorded as the exception it is."""
    if request.shortfall > 0 and request.reason is not None:
        await guidance.note_exception(
            session, quote.quote_id, reason=request.reason, note=request.note or "approved", principal=principal
        )
    approved = await quotes.move(session, quote, "approved", at=at, principal=principal)
    return await weigh(session, approved, principal=principal)


async def weigh(session: AsyncSession, quote: Quote, *, principal: Principal) -> Quote:
    """Tell what a revision leaves, once; the caller has found the quote, which is returned, within its principal's scope."""
    if await kept.is_told(session, quote):
        return quote
    _, lines = await quotes.read_quote(session, quote.quote_id, principal=_SYSTEM)
    deal = await known.read_deal(session, quote.deal_id, principal=_SYSTEM)
    held = await policies.in_force(session, principal=_SYSTEM)
    assessed = await found.assess(session, quote, lines, deal, held=held, reason=None, principal=_SYSTEM)
    event = QuoteWeighed(
        quote_id=quote.quote_id,
        revision=quote.revision,
        deal_id=quote.deal_id,
        currency=quote.currency,
        net_amount=quote.net_amount,
        list_amount=quote.list_amount,
        pocket_amount=quote.pocket_amount,
        cost_amount=quote.cost_amount,
        below_floor=_below(assessed, quote.currency),
    )
    if await kept.keep(session, quote, event, at=await outbox.stamp(session)):
        outbox.add(
            session,
            event,
            key=quote.quote_id,
            version=quote.version,
            occurred_at=quote.revised_at,
            actor=principal.subject,
        )
    return quote


def _below(assessed: Assessed, currency: str) -> Decimal | None:
    """What is missing to the floors, line by line; None where a line has no floor or no list price."""
    lines = assessed.facts.lines
    if any(line.floor is None or line.listed is None for line in lines):
        return None
    return sum((below_floor(line, currency) for line in lines), Decimal())
