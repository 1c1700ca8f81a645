"""A promotion on a line: why it may not be taken, and which share of the price it takes off.

The share is chosen so that what is left is a whole number of minor units: several promotions and discounts on one line then never
round to less than they say.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from libs.common import money

Kind = Literal["percent", "amount", "free_months"]
Stacking = Literal["exclusive", "with_others"]


@dataclass(frozen=True, slots=True)
class Offer:
    """What of a promotion decides. `value`: a share in (0, 1], an amount off the price of one, or months without payment."""

    name: str
    is_open: bool
    products: Collection[UUID]
    markets: Collection[str]
    segments: Collection[str]
    starts_on: date
    last_day: date
    currency: str
    kind: Kind
    value: Decimal
    stacking: Stacking


@dataclass(frozen=True, slots=True)
class Asked:
    """A line that asks for promotions. `has_others`: something else is taken off its price, or it is quoted below the list price."""

    product_id: UUID
    market: str | None
    segment: str | None
    currency: str
    on: date
    term_months: int | None
    quantity: Decimal
    has_others: bool


def refusal(offer: Offer, asked: Asked) -> str | None:
    """Why the line may not take it, with what to do; None when it may."""
    if not offer.is_open:
        return "it is not approved, or is over"
    if not offer.starts_on <= asked.on <= offer.last_day:
        return f"it runs from {offer.starts_on} to {offer.last_day} and the quote is of {asked.on}"
    if offer.products and asked.product_id not in offer.products:
        return "it is for other products"
    if offer.markets and asked.market not in offer.markets:
        return f"it is for the market {', '.join(sorted(offer.markets))}, the deal's is {asked.market or 'unknown'}"
    if offer.segments and asked.segment not in offer.segments:
        return f"it is for the segment {', '.join(sorted(offer.segments))}, the deal's is {asked.segment or 'unknown'}"
    if offer.currency != asked.currency:
        return f"its budget is in {offer.currency} and the quote in {asked.currency}"
    if offer.stacking == "exclusive" and asked.has_others:
        return "it stands alone; take every other discount off this line and quote the list price"
    if offer.kind == "free_months" and (asked.term_months is None or asked.term_months <= offer.value):
        return f"it gives {offer.value} months; say a term of more months than that"
    return None


def share_of(offer: Offer, asked: Asked, left: Decimal) -> Decimal:
    """The share of `left`, what the line costs before, that the promotion takes off; in [0, 1]."""
    if left <= 0:
        return Decimal()
    if offer.kind == "percent":
        after = left * (1 - offer.value)
    elif offer.kind == "amount":
        after = left - offer.value * asked.quantity
    else:
        months = Decimal(asked.term_months or 0)
        after = left * (months - offer.value) / months
    rounded = money.quantise(max(after, Decimal()), asked.currency)
    return max(Decimal(), 1 - rounded / left)
