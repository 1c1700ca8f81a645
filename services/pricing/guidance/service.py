"""The rules of guidance: when bands are published, which hold, and what a price is told."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock, money
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, NotFound
from services.pricing.catalogue import service as catalogue
from services.pricing.catalogue.models import ProductRow
from services.pricing.config import Level
from services.pricing.guidance import repository
from services.pricing.guidance.checking.standing import lifted, mixed, rounded, stands, why
from services.pricing.guidance.models import (
    AskedLine,
    Check,
    CheckedLine,
    ExceptionReason,
    Guided,
    Path,
    PriceException,
    Publication,
    PublishedBand,
)
from services.pricing.quotes import known
from services.pricing.quotes import service as quotes

READERS = ("seller", "manager", "sales_ops", "finance", "cso", "ceo")
"""Roles that may see what prices are wanted."""
EXCEPTERS = ("manager", "sales_ops", "cso")
"""Roles that may record a quote as an exception, which bands leave out."""


class PublicationNotFound(NotFound):
    """No such version of the bands, or none yet."""


class ExceptionRecorded(Conflict):
    """The quote has an exception for another reason."""


class Minimum(Protocol):
    """The policy's least share of the list price, by product; products without a policy are left out."""

    async def __call__(
        self,
        session: AsyncSession,
        products: Mapping[UUID, ProductRow],
        *,
        market: str | None,
        segment: str | None,
        principal: Principal,
    ) -> Mapping[UUID, Decimal]: ...


async def no_policy(
    session: AsyncSession,  # noqa: ARG001
    products: Mapping[UUID, ProductRow],  # noqa: ARG001
    *,
    market: str | None,  # noqa: ARG001
    segment: str | None,  # noqa: ARG001
    principal: Principal,  # noqa: ARG001
) -> Mapping[UUID, Decimal]:
    """No product has a minimum."""
    return {}


async def read_guidance(
    session: AsyncSession,
    product_id: UUID,
    *,
    market: str | None,
    segment: str | None,
    minimum: Minimum = no_policy,
    principal: Principal,
) -> tuple[Publication | None, Guided]:
    """What holds now for a product in a market and segment. Raises ProductNotFound."""
    require(principal, *READERS)
    product = await catalogue.read_product(session, product_id, principal=principal)
    publication = await repository.in_force(session, clock.now())
    found = await _guided(
        session,
        publication,
        {product_id: product},
        market=market,
        segment=segment,
        minimum=minimum,
        principal=principal,
    )
    return publication, found[product_id]


async def check(
    session: AsyncSession,
    lines: Sequence[AskedLine],
    *,
    currency: str,
    market: str | None,
    segment: str | None,
    at: datetime | None = None,
    minimum: Minimum = no_policy,
    principal: Principal,
) -> Check:
    """Where each line's price and the whole stand against the bands that hold, or held at `at`. Nothing is kept."""
    require(principal, *READERS)
    products = await catalogue.find_products(session, {line.product_id for line in lines}, principal=principal)
    listed = [_list_price(products.get(line.product_id), currency) for line in lines]
    return await _checked(
        session,
        lines,
        listed,
        products,
        at or clock.now(),
        currency,
        market,
        segment,
        minimum=minimum,
        principal=principal,
    )


async def check_quote(
    session: AsyncSession, quote_id: UUID, *, minimum: Minimum = no_policy, principal: Principal
) -> Check:
    """A quote's lines against the version under which it was made, at the list prices it was made with.

    A publication holds from an instant after it was kept, so that the quote's own instant names its version for ever.
    Raises QuoteNotFound.
    """
    require(principal, *READERS)
    quote, kept = await quotes.read_quote(session, quote_id, principal=principal)
    deal = await known.read_deal(session, quote.deal_id, principal=principal)
    products = await catalogue.find_products(session, {line.product_id for line in kept}, principal=principal)
    lines = [AskedLine(line.product_id, line.quantity, line.unit_price, line.discount) for line in kept]
    return await _checked(
        session,
        lines,
        [line.list_price or None for line in kept],
        products,
        quote.revised_at,
        quote.currency,
        deal.market,
        deal.segment,
        minimum=minimum,
        principal=principal,
    )


async def record_exception(
    session: AsyncSession, quote_id: UUID, *, reason: ExceptionReason, note: str, principal: Principal
) -> PriceException:
    """Keep that a quote's price was an exception; the same reason again changes nothing.

    Raises QuoteNotFound, ExceptionRecorded.
    """
    require(principal, *EXCEPTERS)
    await quotes.read_quote(session, quote_id, principal=principal)
    wanted = PriceException(quote_id, reason, note, principal.subject, clock.now())
    kept = await repository.add_exception(session, wanted)
    require_reason(kept, reason)
    return kept


async def note_exception(
    session: AsyncSession, quote_id: UUID, *, reason: ExceptionReason, note: str, principal: Principal
) -> PriceException:
    """Keep what an approval made of a quote; whoever may approve it has been asked. Raises ExceptionRecorded."""
    kept = await repository.add_exception(
        session, PriceException(quote_id, reason, note, principal.subject, clock.now())
    )
    require_reason(kept, reason)
    return kept


def require_reason(kept: PriceException | None, reason: ExceptionReason) -> None:
    """Raises ExceptionRecorded when a quote's exception is kept for another reason."""
    if kept is not None and kept.reason != reason:
        raise ExceptionRecorded(
            f"Quote {kept.quote_id} is recorded as an exception for {kept.reason} since {kept.recorded_at:%Y-%m-%d}; "
            "what is recorded stays."
        )


async def exception_of(session: AsyncSession, quote_id: UUID, *, principal: Principal) -> PriceException | None:
    """The exception that is kept of a quote within the principal's scope. Raises QuoteNotFound."""
    await quotes.find(session, quote_id, principal=principal)
    return await repository.find_exception(session, quote_id)


async def _checked(
    session: AsyncSession,
    lines: Sequence[AskedLine],
    listed: Sequence[Decimal | None],
    products: Mapping[UUID, ProductRow],
    at: datetime,
    currency: str,
    market: str | None,
    segment: str | None,
    *,
    minimum: Minimum,
    principal: Principal,
) -> Check:
    publication = await repository.in_force(session, at)
    guided = await _guided(
        session, publication, products, market=market, segment=segment, minimum=minimum, principal=principal
    )
    checked = [
        _line(line, price, products.get(line.product_id), guided.get(line.product_id), currency)
        for line, price in zip(lines, listed, strict=True)
    ]
    return _whole(publication, checked, lines, listed, currency)


def _line(
    line: AskedLine, listed: Decimal | None, product: ProductRow | None, guided: Guided | None, currency: str
) -> CheckedLine:
    if product is None or product.state is None or guided is None:
        nothing = Guided((), (), None, None, None, "the product is unknown")
        said = f"there is no product {line.product_id}; choose one of the catalogue"
        return CheckedLine(line.product_id, str(line.product_id), None, "unknown", nothing, said)
    code = product.state.code
    if listed is None:
        said = f"{code} has no list price in {currency}, so there is no ratio to compare; add one to the catalogue"
        return CheckedLine(line.product_id, code, None, "unknown", guided, said)
    ratio = rounded(line.unit_price * (1 - line.discount) / listed)
    edges = guided.band.edges if guided.band else None
    return CheckedLine(line.product_id, code, ratio, stands(ratio, edges, guided.minimum), guided, None)


def _whole(
    publication: Publication | None,
    checked: list[CheckedLine],
    lines: Sequence[AskedLine],
    listed: Sequence[Decimal | None],
    currency: str,
) -> Check:
    """The whole quote: in money, each line rounded once as quotes are."""
    version = publication.version if publication else None
    unknown = [each.product for each in checked if each.ratio is None]
    if unknown:
        said = f"without a ratio of {', '.join(dict.fromkeys(unknown))} the whole has none"
        return Check(version, checked, None, None, None, "unknown", said)
    weights = [
        money.quantise(line.quantity * price, currency) for line, price in zip(lines, listed, strict=True) if price
    ]
    net = money.total(money.quantise(line.quantity * line.unit_price * (1 - line.discount), currency) for line in lines)
    whole = money.total(weights)
    if whole <= 0:
        return Check(version, checked, None, None, None, "unknown", "the list amounts come to nothing")
    ratio = rounded(net / whole)
    bounds = [each.guided.edges for each in checked]
    edges = (
        mixed([(weight, each) for weight, each in zip(weights, bounds, strict=True) if each]) if all(bounds) else None
    )
    least = [each.guided.minimum or Decimal() for each in checked]
    minimum = (
        rounded(sum((weight * each for weight, each in zip(weights, least, strict=True)), Decimal()) / whole)
        if any(least)
        else None
    )
    said = (
        "the lines' bands, weighted by their list amounts"
        if edges
        else "a line has no band, so the whole has none; look at the lines"
    )
    return Check(version, checked, ratio, edges, minimum, stands(ratio, edges, minimum), said)


async def _guided(
    session: AsyncSession,
    publication: Publication | None,
    products: Mapping[UUID, ProductRow],
    *,
    market: str | None,
    segment: str | None,
    minimum: Minimum,
    principal: Principal,
) -> dict[UUID, Guided]:
    """Guidance of each product; all bands on all paths are read by one statement."""
    levels: tuple[Level, ...] = publication.levels if publication else ()
    asked = {each: path_of(levels, row, market=market, segment=segment) for each, row in products.items()}
    wanted = {path[:depth] for path in asked.values() for depth in range(len(path) + 1)}
    bands = await repository.bands(session, publication.version, only=wanted) if publication else {}
    minima = await minimum(session, products, market=market, segment=segment, principal=principal)
    return {each: answer(levels, path, bands, minima.get(each)) for each, path in asked.items()}


def path_of(levels: Sequence[Level], product: ProductRow, *, market: str | None, segment: str | None) -> Path:
    """Where a product in a market and segment stands in the tree; what is unknown is a value of its own, ''."""
    state = product.state
    values: dict[Level, str | None] = {
        "market": market,
        "segment": segment,
        "family": state.line if state else None,
        "product": state.code if state else str(product.product_id),
    }
    return tuple(values[level] or "" for level in levels)


def answer(
    levels: tuple[Level, ...], asked: Path, bands: Mapping[Path, PublishedBand], minimum: Decimal | None
) -> Guided:
    band = next((bands[asked[:depth]] for depth in range(len(asked), -1, -1) if asked[:depth] in bands), None)
    if band is None:
        said = "no won quotes are known"
        said += "; only the policy's minimum is" if minimum is not None else " and there is no policy"
        return Guided(asked, levels, None, None, minimum, said)
    said = why(levels, asked, band.path, band.quotes, band.shrunk_share)
    if minimum is not None and minimum > band.floor:
        said += f"; lifted to the policy's minimum of {minimum:.1%}".replace("%", " %")
    return Guided(asked, levels, band, lifted(band.edges, minimum), minimum, said)


def _list_price(product: ProductRow | None, currency: str) -> Decimal | None:
    """In the currency of the check; a list price of 0 gives no ratio."""
    if product is None or product.state is None or product.state.currency != currency:
        return None
    return product.state.list_price or None
