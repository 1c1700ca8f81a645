"""A line's net is rounded once, to the currency's minor unit; the total is the plain sum of the lines as printed."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from libs.common import money


@dataclass(frozen=True, slots=True)
class PricedLine:
    """`discount` in [0, 1]; `list_price` null where the catalogue has none in the quote's currency."""

    quantity: Decimal
    unit_price: Decimal
    discount: Decimal
    list_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """All in the quote's currency and its minor unit. `list_amount` is null when a line's list price is unknown."""

    line_net: tuple[Decimal, ...]
    net_amount: Decimal
    list_amount: Decimal | None


def totals(lines: Sequence[PricedLine], currency: str) -> Totals:
    """What a quote comes to: each line quantity x unit price x (1 - discount), rounded half up; then their sum."""
    nets = tuple(
        money.quantise(line.quantity * line.unit_price * (Decimal(1) - line.discount), currency) for line in lines
    )
    listed = [
        None if line.list_price is None else money.quantise(line.quantity * line.list_price, currency) for line in lines
    ]
    known = [amount for amount in listed if amount is not None]
    return Totals(
        line_net=nets,
        net_amount=money.total(nets),
        list_amount=money.total(known) if len(known) == len(listed) else None,
    )
