"""What is offered: lines at the list prices and costs of their day, their sums, and the hash of all that an approver sees."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from decimal import Decimal
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.calendar import local_date
from libs.common.web.auth import Principal
from libs.common.web.errors import Conflict, Invalid
from services.pricing.books import service as books
from services.pricing.catalogue import service as catalogue
from services.pricing.catalogue.models import ProductRow
from services.pricing.config import settings_of
from services.pricing.promotions import granting
from services.pricing.promotions.mechanism import Asked
from services.pricing.promotions.models import Promotion, Use
from services.pricing.quotes.arithmetic import Deduction, Priced, Waterfall, discount_of, of_line, of_quote
from services.pricing.quotes.models import DealReference, Quote, QuoteLine, WantedLine

DISCOUNT = "Discount"
"""What a discount is called that came without a name."""


class UnknownProduct(Invalid):
    """A line names a product that the catalogue does not have."""


class ProductRetired(Conflict):
    """A line names a product that is no longer sold."""


class PriceMissing(Invalid):
    """A line has no unit price and the catalogue has none in the quote's currency."""


def waterfalls(quote: Quote, lines: Sequence[QuoteLine]) -> tuple[list[Waterfall], Waterfall]:
    """From list price to pocket margin, line by line and for the whole."""
    each = [
        of_line(Priced(line.quantity, line.unit_price, taken_off(line), line.list_price, line.cost), quote.currency)
        for line in lines
    ]
    return each, of_quote(each)


def taken_off(line: QuoteLine) -> tuple[Deduction, ...]:
    """A line's deductions; a discount of a quote from before they had names is named."""
    if line.deductions or not line.discount:
        return line.deductions
    return (Deduction(DISCOUNT, "on_invoice", line.discount),)


async def priced(
    session: AsyncSession, quote: Quote, deal: DealReference, lines: Sequence[WantedLine], *, principal: Principal
) -> tuple[Quote, list[QuoteLine]]:
    """A quote with its lines at the list prices and costs of its day, and with what promotions take off them.

    Promotions that it names are locked until the transaction ends. Raises what `create_quote` does.
    """
    ids = {line.product_id for line in lines}
    day = local_date(quote.revised_at, settings_of(session).org_timezone)
    products = await catalogue.find_products(session, ids, principal=principal)
    amounts = await books.amounts(
        session,
        ids & products.keys(),
        currency=quote.currency,
        market=deal.market,
        segment=deal.segment,
        on=day,
        principal=principal,
    )
    promotions = await granting.held(session, {each for line in lines for each in line.promotions}, principal=principal)
    made = []
    for position, line in enumerate(lines, 1):
        product = _product(position, line, products)
        listed, cost = amounts[line.product_id]["list"], amounts[line.product_id]["cost"]
        unit_price = line.unit_price if line.unit_price is not None else listed
        if unit_price is None:
            raise PriceMissing(
                f"Line {position}: product {product} has no list price in {quote.currency}; give a unit_price.",
                line=position,
            )
        unnamed = (Deduction(DISCOUNT, "on_invoice", line.discount),) if line.discount else ()
        deductions = (*unnamed, *line.deductions)
        if line.promotions:
            promoted = _promoted(position, line, quote, deal, day, deductions, unit_price, listed, promotions)
            deductions = (*deductions, *promoted)
        fall = of_line(Priced(line.quantity, unit_price, deductions, listed, cost), quote.currency)
        made.append(
            QuoteLine(
                position,
                line.product_id,
                line.quantity,
                listed,
                unit_price,
                discount_of(deductions),
                fall.invoice,
                cost,
                deductions,
            )
        )
    _, whole = waterfalls(quote, made)
    summed = replace(
        quote,
        list_amount=whole.list_amount,
        net_amount=whole.invoice,
        pocket_amount=whole.pocket,
        cost_amount=whole.cost_amount,
    )
    return replace(summed, content_hash=_content_hash(summed, made)), made


async def count(
    session: AsyncSession,
    quote: Quote,
    lines: Sequence[QuoteLine],
    *,
    instead_of: int | None = None,
    principal: Principal,
) -> None:
    """Take a revision that was just kept out of the budgets of its promotions. Raises PromotionBudgetSpent.

    `instead_of` is the revision that took of them until now, None where none did.
    """
    each, _ = waterfalls(quote, lines)
    uses = [
        Use(step.promotion_id, quote.quote_id, quote.revision, line.position, step.amount)
        for line, fall in zip(lines, each, strict=True)
        for step in fall.steps
        if step.promotion_id is not None
    ]
    known = await granting.held(session, {use.promotion_id for use in uses}, principal=principal)
    await granting.count(session, uses, known, instead_of=instead_of, principal=principal)


def _promoted(
    position: int,
    line: WantedLine,
    quote: Quote,
    deal: DealReference,
    day: date,
    before: Sequence[Deduction],
    unit_price: Decimal,
    listed: Decimal | None,
    promotions: Mapping[UUID, Promotion],
) -> list[Deduction]:
    """What promotions take off a line after everything else on the invoice. Raises PromotionDoesNotFit."""
    asked = Asked(
        product_id=line.product_id,
        market=deal.market,
        segment=deal.segment,
        currency=quote.currency,
        on=day,
        term_months=quote.term_months,
        quantity=line.quantity,
        has_others=any(each.kind != "cost_to_serve" for each in before) or (listed is not None and unit_price < listed),
    )
    left = line.quantity * unit_price * (1 - discount_of(before))
    granted = granting.grant(position, asked, left, line.promotions, promotions)
    return [Deduction(name, "on_invoice", share, promotion_id) for promotion_id, name, share in granted]


def _content_hash(quote: Quote, lines: Sequence[QuoteLine]) -> str:
    """Of all that an approver sees of a revision: a quote that was changed has another one."""
    content = [
        quote.quote_id,
        quote.revision,
        quote.currency,
        [str(each) for each in (quote.list_amount, quote.net_amount, quote.pocket_amount, quote.cost_amount)],
        asdict(quote.terms),
        [asdict(line) for line in lines],
    ]
    return hashlib.sha256(orjson.dumps(content, default=str)).hexdigest()


def _product(position: int, line: WantedLine, products: Mapping[UUID, ProductRow]) -> str:
    row = products.get(line.product_id)
    if row is None or row.state is None:
        raise UnknownProduct(f"Line {position}: there is no product {line.product_id}.", line=position)
    if not row.state.is_active:
        raise ProductRetired(
            f"Line {position}: product {row.state.code} is no longer sold; choose another.", line=position
        )
    return row.state.code
