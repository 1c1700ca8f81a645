"""Quotes: offered in revisions that never change, then accepted or withdrawn. A deal has at most one accepted quote."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.pricing import (
    QuoteAccepted,
    QuoteApproved,
    QuoteCreated,
    QuoteExpired,
    QuoteRejected,
    QuoteRevised,
    QuoteState,
    QuoteSubmitted,
    QuoteWithdrawn,
)
from libs.common.messaging import outbox
from libs.common.web import etags
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, NotFound
from libs.common.web.idempotency import sent
from libs.common.web.paging import UnreadableCursor, decode_cursor, encode_cursor
from services.pricing.config import business_day
from services.pricing.promotions import granting
from services.pricing.quotes import offering, repository
from services.pricing.quotes.known import lock_deal, require_open
from services.pricing.quotes.models import (
    DealReference,
    Quote,
    QuoteLine,
    QuoteStatus,
    Revision,
    StateEntry,
    Terms,
    WantedLine,
)

WRITERS = ("seller", "manager", "sales_ops", "cso")
"""Roles that make, accept and withdraw quotes."""

_TICK = timedelta(microseconds=1)
_EVENTS: dict[QuoteStatus, type[QuoteState]] = {
    "draft": QuoteRevised,
    "submitted": QuoteSubmitted,
    "approved": QuoteApproved,
    "rejected": QuoteRejected,
    "accepted": QuoteAccepted,
    "withdrawn": QuoteWithdrawn,
    "expired": QuoteExpired,
}

Admission = Callable[[AsyncSession, DealReference, Quote], Awaitable[None]]
"""Raises when a quote may not be accepted; asked with deal and quotes locked."""


class QuoteNotFound(NotFound):
    """No such quote, or none of a deal within the principal's scope."""


class QuoteNotOpen(Conflict):
    """The quote is accepted or withdrawn already."""


class QuoteHasExpired(Conflict):
    """The quote's validity has passed."""


async def create_quote(
    session: AsyncSession,
    deal_id: UUID,
    *,
    currency: str,
    lines: Sequence[WantedLine],
    terms: Terms,
    idempotency_key: str | None,
    principal: Principal,
) -> Quote:
    """Price a draft for an open deal; with a key, a repetition returns the quote as it now stands.

    A deal whose first event has not come yet can be quoted by whoever sees unassigned deals. Raises DealNotFound,
    DealIsClosed, DealIsGone, UnknownProduct, ProductRetired, PriceMissing, PromotionDoesNotFit, PromotionBudgetSpent,
    IdempotencyKeyReused.
    """
    require(principal, *WRITERS)
    deal = await lock_deal(session, deal_id, principal=principal)
    request = sent("quote", repr((deal_id, currency, list(lines), terms)), idempotency_key, principal=principal)
    known = await repository.find_quote(session, request.id, principal=principal)
    if known is not None and request.was_taken(known.request_digest):
        return known
    require_open(deal)
    now = clock.now()
    empty = Quote(
        quote_id=request.id,
        version=1,
        deal_id=deal_id,
        status="draft",
        currency=currency,
        list_amount=None,
        net_amount=Decimal(),
        valid_from=now,
        created_at=now,
        created_by=principal.subject,
        request_digest=request.digest,
        revision=1,
        revised_at=now,
        revised_by=principal.subject,
        pocket_amount=None,
        cost_amount=None,
        valid_until=terms.valid_until,
        payment_days=terms.payment_days,
        term_months=terms.term_months,
        content_hash="",
    )
    quote, priced = await offering.priced(session, empty, deal, lines, principal=principal)
    await repository.add_quote(session, quote, priced)
    await offering.count(session, quote, priced, principal=principal)
    await _announce(session, quote, principal, event=QuoteCreated)
    return quote


async def revise_quote(
    session: AsyncSession,
    quote_id: UUID,
    *,
    lines: Sequence[WantedLine],
    terms: Terms,
    if_match: str | None = None,
    principal: Principal,
) -> Quote:
    """Offer something else: a new revision, a draft again; what was offered before stays as it was.

    Raises QuoteNotFound, QuoteNotOpen when it was accepted or withdrawn, and as `create_quote` does.
    """
    require(principal, *WRITERS)
    deal, quotes = await lock(session, quote_id, if_match=if_match, principal=principal)
    quote = quotes[quote_id]
    if quote.status in ("accepted", "withdrawn"):
        raise QuoteNotOpen(f"Quote {quote_id} is {quote.status} and stays as it is; make a new quote.")
    require_open(deal)
    at = time_after(quotes)
    begun = replace(
        quote,
        version=quote.version + 1,
        status="draft",
        valid_from=at,
        revision=quote.revision + 1,
        revised_at=at,
        revised_by=principal.subject,
        valid_until=terms.valid_until,
        payment_days=terms.payment_days,
        term_months=terms.term_months,
    )
    revised, priced = await offering.priced(session, begun, deal, lines, principal=principal)
    await repository.add_revision(session, revised, priced)
    await repository.move_quote(session, revised)
    stood = quote.revision if quote.status in ("draft", "submitted", "approved") else None
    await offering.count(session, revised, priced, instead_of=stood, principal=principal)
    await _announce(session, revised, principal)
    return revised


async def accept_quote(
    session: AsyncSession, quote_id: UUID, *, admit: Admission, if_match: str | None = None, principal: Principal
) -> Quote:
    """The customer agreed: the quote sets the deal's amount from now on; the one accepted before is withdrawn.

    The withdrawal is dated just before the acceptance. `admit` says whether it may be. Raises QuoteNotFound, QuoteNotOpen,
    QuoteHasExpired, DealIsClosed, DealIsGone, PromotionBudgetSpent, VersionHasMoved.
    """
    require(principal, *WRITERS)
    deal, quotes = await lock(session, quote_id, if_match=if_match, principal=principal)
    quote = quotes[quote_id]
    if quote.status in ("accepted", "withdrawn"):
        raise QuoteNotOpen(f"Quote {quote_id} is {quote.status}; make a new quote to change the deal's amount.")
    require_open(deal)
    require_valid(quote, business_day(session))
    await admit(session, deal, quote)
    await granting.recount(session, quote_id, quote.revision, principal=principal)
    at = time_after(quotes)
    for former in quotes.values():
        if former.status == "accepted":
            await move(session, former, "withdrawn", at=at, principal=principal)
    return await move(session, quote, "accepted", at=at + _TICK, principal=principal)


async def withdraw_quote(
    session: AsyncSession, quote_id: UUID, *, if_match: str | None = None, principal: Principal
) -> Quote:
    """Take a quote back; if it was accepted, the CRM's amount holds again. Raises as `accept_quote` does.

    The accepted quote of a closed deal stays: the amount that was won rests on it. One of a deal that was absorbed counts
    for the deal that absorbed it, and can be withdrawn while that one is open.
    """
    require(principal, *WRITERS)
    deal, quotes = await lock(session, quote_id, if_match=if_match, principal=principal)
    quote = quotes[quote_id]
    if quote.status == "withdrawn":
        raise QuoteNotOpen(f"Quote {quote_id} is withdrawn already.")
    if quote.status == "accepted":
        heir = deal.absorbed_into
        require_open(await lock_deal(session, heir, principal=principal) if heir else deal)
    return await move(session, quote, "withdrawn", at=time_after(quotes), principal=principal)


async def read_quote(session: AsyncSession, quote_id: UUID, *, principal: Principal) -> tuple[Quote, list[QuoteLine]]:
    """A quote and the lines of its newest revision. Raises QuoteNotFound."""
    quote = await find(session, quote_id, principal=principal)
    return quote, await repository.lines_of(session, quote_id, quote.revision)


async def history(
    session: AsyncSession, quote_id: UUID, *, principal: Principal
) -> tuple[list[Revision], list[StateEntry]]:
    """What was offered and what happened to it, newest first. Raises QuoteNotFound."""
    await find(session, quote_id, principal=principal)
    return await repository.revisions(session, quote_id), await repository.states(session, quote_id)


async def list_quotes(
    session: AsyncSession,
    *,
    deal_id: UUID | None,
    status: QuoteStatus | None,
    cursor: str | None,
    limit: int,
    principal: Principal,
) -> tuple[list[tuple[Quote, str]], str | None]:
    """A page of quotes with the names of their deals, newest first, and the cursor of the next."""
    rows = await repository.list_quotes(
        session, deal_id=deal_id, status=status, after=_sort_key(cursor), limit=limit + 1, principal=principal
    )
    if len(rows) <= limit:
        return rows, None
    last, _ = rows[limit - 1]
    return rows[:limit], encode_cursor(last.created_at, last.quote_id)


async def find(session: AsyncSession, quote_id: UUID, *, principal: Principal) -> Quote:
    """Raises QuoteNotFound."""
    quote = await repository.find_quote(session, quote_id, principal=principal)
    if quote is None:
        raise QuoteNotFound(f"There is no quote {quote_id} among those you may see.")
    return quote


async def lock(
    session: AsyncSession, quote_id: UUID, *, if_match: str | None = None, principal: Principal
) -> tuple[DealReference, dict[UUID, Quote]]:
    """The quote's deal and all quotes of that deal, locked in this order. Raises QuoteNotFound, VersionHasMoved."""
    quote = await find(session, quote_id, principal=principal)
    deal = await lock_deal(session, quote.deal_id, principal=principal)
    quotes = await repository.lock_quotes(session, quote.deal_id)
    etags.check(if_match, quotes[quote_id].version, noun=f"Quote {quote_id}")
    return deal, quotes


async def move(session: AsyncSession, quote: Quote, to: QuoteStatus, *, at: datetime, principal: Principal) -> Quote:
    """Bring a locked quote into a state and say so."""
    moved = replace(quote, version=quote.version + 1, status=to, valid_from=at)
    await repository.move_quote(session, moved)
    await _announce(session, moved, principal)
    return moved


def time_after(quotes: Mapping[UUID, Quote]) -> datetime:
    """Now, but after everything that happened to the deal's quotes."""
    return max(clock.now(), max(quote.valid_from for quote in quotes.values()) + _TICK)


def require_valid(quote: Quote, today: date) -> None:
    """Raises QuoteHasExpired from the day after its last."""
    if quote.status == "expired" or (quote.valid_until is not None and quote.valid_until < today):
        raise QuoteHasExpired(
            f"Quote {quote.quote_id} was valid until {quote.valid_until}; revise it with a new date.",
            valid_until=quote.valid_until,
        )


async def _announce(
    session: AsyncSession, quote: Quote, principal: Principal, *, event: type[QuoteState] | None = None
) -> None:
    recorded_at = await outbox.stamp(session)
    await repository.keep_version(session, quote, actor=principal.subject, recorded_at=recorded_at)
    outbox.add(
        session,
        (event or _EVENTS[quote.status])(
            quote_id=quote.quote_id,
            version=quote.version,
            deal_id=quote.deal_id,
            status=quote.status,
            net_amount=quote.net_amount,
            currency=quote.currency,
            valid_from=quote.valid_from,
            revision=quote.revision,
            lines=await repository.told_lines(session, quote.quote_id, quote.revision),
            term_months=quote.term_months,
        ),
        key=quote.quote_id,
        version=quote.version,
        occurred_at=quote.valid_from,
        actor=principal.subject,
    )


def _sort_key(cursor: str | None) -> tuple[datetime, UUID] | None:
    values = decode_cursor(cursor, 2)
    if values is None:
        return None
    try:
        return datetime.fromisoformat(values[0]), UUID(values[1])
    except (TypeError, ValueError, AttributeError):
        raise UnreadableCursor("The cursor is not one that this list gave; start without a cursor.") from None
