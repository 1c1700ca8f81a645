"""Quotes: priced once, then accepted or withdrawn. A deal has at most one accepted quote, which sets its amount."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.base import Received
from libs.common.events.deals import DealState
from libs.common.events.pricing import QuoteAccepted, QuoteCreated, QuoteState, QuoteWithdrawn
from libs.common.messaging import outbox
from libs.common.web import etags
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, Invalid, NotFound
from libs.common.web.idempotency import sent
from libs.common.web.paging import UnreadableCursor, decode_cursor, encode_cursor
from services.pricing.catalogue import service as catalogue
from services.pricing.catalogue.models import ProductRow
from services.pricing.quotes import repository
from services.pricing.quotes.arithmetic import PricedLine, totals
from services.pricing.quotes.models import DealReference, Quote, QuoteLine, QuoteStatus, WantedLine

WRITERS = ("seller", "manager", "sales_ops", "cso")
"""Roles that make, accept and withdraw quotes."""

_TICK = timedelta(microseconds=1)
_EVENTS: dict[QuoteStatus, type[QuoteState]] = {
    "draft": QuoteCreated,
    "accepted": QuoteAccepted,
    "withdrawn": QuoteWithdrawn,
}


class QuoteNotFound(NotFound):
    """No such quote, or none of a deal within the principal's scope."""


class DealNotFound(NotFound):
    """No such deal within the principal's scope."""


class DealIsClosed(Conflict):
    """The deal is won or lost."""


class DealIsGone(Conflict):
    """The deal was removed or absorbed by another."""


class QuoteNotOpen(Conflict):
    """The quote is accepted or withdrawn already."""


class UnknownProduct(Invalid):
    """A line names a product that the catalogue does not have."""


class ProductRetired(Conflict):
    """A line names a product that is no longer sold."""


class PriceMissing(Invalid):
    """A line has no unit price and the catalogue has none in the quote's currency."""


async def apply_deals(
    session: AsyncSession,
    events: Sequence[Received[DealState]],
    *,
    principal: Principal,  # noqa: ARG001
) -> None:
    """Take over what quotes need of deals; the newest entry of a deal's timeline is the deal."""
    newest: dict[UUID, DealState] = {}
    for event in events:
        deal = event.data
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
            )
            for deal in newest.values()
        ],
    )


async def create_quote(
    session: AsyncSession,
    deal_id: UUID,
    *,
    currency: str,
    lines: Sequence[WantedLine],
    idempotency_key: str | None,
    principal: Principal,
) -> Quote:
    """Price a draft for an open deal; with a key, a repetition returns the quote as it now stands.

    A deal whose first event has not come yet can be quoted by whoever sees unassigned deals. Raises DealNotFound,
    DealIsClosed, DealIsGone, UnknownProduct, ProductRetired, PriceMissing, IdempotencyKeyReused.
    """
    require(principal, *WRITERS)
    deal = await _lock_deal(session, deal_id, principal=principal)
    request = sent("quote", repr((deal_id, currency, list(lines))), idempotency_key, principal=principal)
    known = await repository.find_quote(session, request.id, principal=principal)
    if known is not None and request.was_taken(known.request_digest):
        return known
    _require_open(deal)
    products = await catalogue.find_products(session, {line.product_id for line in lines}, principal=principal)
    priced = [_price(position, line, products, currency) for position, line in enumerate(lines, 1)]
    sums = totals(priced, currency)
    now = clock.now()
    quote = Quote(
        quote_id=request.id,
        version=1,
        deal_id=deal_id,
        status="draft",
        currency=currency,
        list_amount=sums.list_amount,
        net_amount=sums.net_amount,
        valid_from=now,
        created_at=now,
        created_by=principal.subject,
        request_digest=request.digest,
    )
    await repository.add_quote(session, quote, _lines(lines, priced, sums.line_net))
    await _announce(session, quote, principal)
    return quote


async def accept_quote(
    session: AsyncSession, quote_id: UUID, *, if_match: str | None = None, principal: Principal
) -> Quote:
    """The customer agreed: the quote sets the deal's amount from now on; the one accepted before is withdrawn.

    The withdrawal is dated just before the acceptance. Raises QuoteNotFound, QuoteNotOpen, DealIsClosed, DealIsGone,
    VersionHasMoved.
    """
    deal, quotes = await _lock_quotes(session, quote_id, if_match=if_match, principal=principal)
    quote = quotes[quote_id]
    if quote.status != "draft":
        raise QuoteNotOpen(f"Quote {quote_id} is {quote.status}; make a new quote to change the deal's amount.")
    _require_open(deal)
    at = _time_after(quotes)
    for former in quotes.values():
        if former.status == "accepted":
            await _move(session, former, "withdrawn", at=at, principal=principal)
    return await _move(session, quote, "accepted", at=at + _TICK, principal=principal)


async def withdraw_quote(
    session: AsyncSession, quote_id: UUID, *, if_match: str | None = None, principal: Principal
) -> Quote:
    """Take a quote back; if it was accepted, the CRM's amount holds again. Raises as `accept_quote` does.

    The accepted quote of a closed deal stays: the amount that was won rests on it. One of a deal that was absorbed counts
    for the deal that absorbed it, and can be withdrawn while that one is open.
    """
    deal, quotes = await _lock_quotes(session, quote_id, if_match=if_match, principal=principal)
    quote = quotes[quote_id]
    if quote.status == "withdrawn":
        raise QuoteNotOpen(f"Quote {quote_id} is withdrawn already.")
    if quote.status == "accepted":
        heir = deal.absorbed_into
        _require_open(await _lock_deal(session, heir, principal=principal) if heir else deal)
    return await _move(session, quote, "withdrawn", at=_time_after(quotes), principal=principal)


async def read_quote(session: AsyncSession, quote_id: UUID, *, principal: Principal) -> tuple[Quote, list[QuoteLine]]:
    """A quote and its lines. Raises QuoteNotFound."""
    quote = await _find(session, quote_id, principal=principal)
    return quote, await repository.lines_of(session, quote_id)


async def read_deal(session: AsyncSession, deal_id: UUID, *, principal: Principal) -> DealReference:
    """What quotes know of a deal. Raises DealNotFound."""
    deal = await repository.find_deal(session, deal_id, principal=principal)
    if deal is None:
        raise DealNotFound(f"There is no deal {deal_id} among those you may see.")
    return deal


async def list_quotes(
    session: AsyncSession,
    *,
    deal_id: UUID | None,
    status: QuoteStatus | None,
    cursor: str | None,
    limit: int,
    principal: Principal,
) -> tuple[list[Quote], str | None]:
    """A page of quotes, newest first, and the cursor of the next."""
    rows = await repository.list_quotes(
        session, deal_id=deal_id, status=status, after=_sort_key(cursor), limit=limit + 1, principal=principal
    )
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], encode_cursor(last.created_at, last.quote_id)


async def _find(session: AsyncSession, quote_id: UUID, *, principal: Principal) -> Quote:
    quote = await repository.find_quote(session, quote_id, principal=principal)
    if quote is None:
        raise QuoteNotFound(f"There is no quote {quote_id} among those you may see.")
    return quote


async def _lock_deal(session: AsyncSession, deal_id: UUID, *, principal: Principal) -> DealReference:
    deal = await repository.lock_deal(session, deal_id, principal=principal)
    if deal is None:
        raise DealNotFound(f"There is no deal {deal_id} among those you may see.")
    return deal


async def _lock_quotes(
    session: AsyncSession, quote_id: UUID, *, if_match: str | None, principal: Principal
) -> tuple[DealReference, dict[UUID, Quote]]:
    """The quote's deal and all quotes of that deal, locked in this order."""
    require(principal, *WRITERS)
    quote = await _find(session, quote_id, principal=principal)
    deal = await _lock_deal(session, quote.deal_id, principal=principal)
    quotes = await repository.lock_quotes(session, quote.deal_id)
    etags.check(if_match, quotes[quote_id].version, noun=f"Quote {quote_id}")
    return deal, quotes


def _require_open(deal: DealReference) -> None:
    if deal.absorbed_into is not None:
        raise DealIsGone(
            f"Deal {deal.deal_id} was absorbed by deal {deal.absorbed_into}; quote for that one.",
            absorbed_into=deal.absorbed_into,
        )
    if deal.removed:
        raise DealIsGone(f"Deal {deal.deal_id} was removed in the CRM; restore it there before quoting for it.")
    if deal.state != "open":
        raise DealIsClosed(f"Deal {deal.deal_id} is {deal.state}; reopen it before quoting for it.", state=deal.state)


def _price(position: int, line: WantedLine, products: Mapping[UUID, ProductRow], currency: str) -> PricedLine:
    row = products.get(line.product_id)
    if row is None or row.state is None:
        raise UnknownProduct(f"Line {position}: there is no product {line.product_id}.", line=position)
    product = row.state
    if not product.is_active:
        raise ProductRetired(
            f"Line {position}: product {product.code} is no longer sold; choose another.", line=position
        )
    listed = product.list_price if product.currency == currency else None
    unit_price = line.unit_price if line.unit_price is not None else listed
    if unit_price is None:
        raise PriceMissing(
            f"Line {position}: product {product.code} has no list price in {currency}; give a unit_price.",
            line=position,
        )
    return PricedLine(line.quantity, unit_price, line.discount, listed)


def _lines(wanted: Sequence[WantedLine], priced: Sequence[PricedLine], nets: Sequence[Decimal]) -> list[QuoteLine]:
    return [
        QuoteLine(position, ask.product_id, line.quantity, line.list_price, line.unit_price, line.discount, net)
        for position, (ask, line, net) in enumerate(zip(wanted, priced, nets, strict=True), 1)
    ]


def _time_after(quotes: Mapping[UUID, Quote]) -> datetime:
    """Now, but after everything that happened to the deal's quotes."""
    return max(clock.now(), max(quote.valid_from for quote in quotes.values()) + _TICK)


async def _move(session: AsyncSession, quote: Quote, to: QuoteStatus, *, at: datetime, principal: Principal) -> Quote:
    moved = replace(quote, version=quote.version + 1, status=to, valid_from=at)
    await repository.move_quote(session, moved)
    await _announce(session, moved, principal)
    return moved


async def _announce(session: AsyncSession, quote: Quote, principal: Principal) -> None:
    recorded_at = await outbox.stamp(session)
    await repository.keep_version(session, quote, actor=principal.subject, recorded_at=recorded_at)
    event = _EVENTS[quote.status](
        quote_id=quote.quote_id,
        version=quote.version,
        deal_id=quote.deal_id,
        status=quote.status,
        net_amount=quote.net_amount,
        currency=quote.currency,
        valid_from=quote.valid_from,
    )
    outbox.add(
        session,
        event,
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
