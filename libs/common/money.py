"""Money: Decimal amounts with an ISO 4217 currency and that currency's own number of decimals."""

from collections.abc import Iterable, Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import cache

from iso4217 import Currency as IsoCurrency


class UnknownCurrency(ValueError):
    """Not an ISO 4217 code; the message names it."""


@cache
def exponent(currency: str) -> int:
    """Decimals of a currency: 2 for EUR, 0 for JPY, 3 for KWD. Raises UnknownCurrency."""
    try:
        places = IsoCurrency(currency).exponent
    except ValueError:
        raise UnknownCurrency(f"{currency!r} is not an ISO 4217 currency code") from None
    return 2 if places is None else places


def quantise(amount: Decimal, currency: str) -> Decimal:
    """Round half up to the currency's minor unit."""
    return amount.quantize(Decimal(1).scaleb(-exponent(currency)), rounding=ROUND_HALF_UP)


def from_minor(units: int, currency: str) -> Decimal:
    """An amount given in minor units (cents) as some CRMs send it."""
    return Decimal(units).scaleb(-exponent(currency))


def convert(amount: Decimal, rate: Decimal, to: str) -> Decimal:
    """`amount` times `rate` (units of `to` per unit), rounded to `to`'s minor unit."""
    return quantise(amount * rate, to)


def weighted(amount: Decimal, probability: Decimal, currency: str) -> Decimal:
    """The weighted amount of one deal, rounded per deal so that any list adds up to its total."""
    return quantise(amount * probability, currency)


def allocate(total: Decimal, shares: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Split `total` by `shares` (they need not add to 1) to the minor unit, by largest remainder.

    The parts always add up to `total`. Raises ValueError without a positive share.
    """
    weight = sum(shares, Decimal())
    if weight <= 0 or any(share < 0 for share in shares):
        raise ValueError("shares must be non-negative and not all zero")
    unit = Decimal(1).scaleb(-exponent(currency))
    units = int((total / unit).to_integral_value(rounding=ROUND_HALF_UP))
    exact = [units * share / weight for share in shares]
    floors = [int(part.to_integral_value(rounding=ROUND_FLOOR)) for part in exact]
    order = sorted(range(len(shares)), key=lambda i: (floors[i] - exact[i], i))
    for index in order[: units - sum(floors)]:
        floors[index] += 1
    return [part * unit for part in floors]


def total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal())
