"""What the product lines of a deal come to, and what is missing to the deal's amount. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from libs.common import money


@dataclass(frozen=True, slots=True)
class Line:
    """A product with what it costs the customer. What is not known is null; `amount` is known at least."""

    product: str
    amount: Decimal
    quantity: Decimal | None = None
    price: Decimal | None = None
    term_months: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """Lines against the deal: `difference` is the deal's amount less the lines'. Null where the two cannot be compared."""

    total: Decimal | None
    difference: Decimal | None
    why_not: str | None = None


def amount_of(quantity: Decimal, price: Decimal, currency: str) -> Decimal:
    """What a line comes to, to the currency's minor unit."""
    return money.quantise(quantity * price, currency)


def against(lines: Sequence[Line], currency: str | None, amount: Decimal | None, deal_currency: str | None) -> Held:
    """The sum of the lines beside the deal's amount, in any order of the lines."""
    if not lines:
        return Held(None, None, "There are no lines.")
    total = money.total(line.amount for line in lines)
    if amount is None:
        return Held(total, None, "The deal has no amount.")
    if currency != deal_currency:
        return Held(total, None, f"The lines are in {currency}, the deal in {deal_currency or 'no currency'}.")
    return Held(total, amount - total)
