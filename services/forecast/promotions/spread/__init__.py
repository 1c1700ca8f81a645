"""An expected amount over the days of a promotion. Pure.

It is spread evenly. Parts of adjoining spans add up to the whole to the minor unit, since each is the difference of two rounded sums.
"""

from datetime import date
from decimal import Decimal

from libs.common import money


def part(amount: Decimal, first: date, last: date, *, start: date, end: date, currency: str) -> Decimal:
    """What of an amount that comes from `first` to `last`, both included, comes in [start, end)."""
    days = (last - first).days + 1

    def until(day: date) -> Decimal:
        passed = min(max((day - first).days, 0), days)
        return money.quantise(amount * passed / days, currency)

    return until(max(start, end)) - until(start)
