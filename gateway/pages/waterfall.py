"""The picture of a movement: from opening to closing, each term where the one before ended. Pure.

A bar lies in a row of its own, so that label, bar and amount stand side by side. Positions are thousandths of the width.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate, pairwise
from typing import Literal

Kind = Literal["total", "plus", "minus", "none"]

WIDTH = Decimal(1000)
SMALLEST = Decimal(4)
"""What moved is seen, however little it was."""
ROOM = Decimal("0.15")
"""A cut axis begins this share of the shown span below the lowest level."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of the picture. `start` and `end` are where the running sum stood before and after it."""

    kind: Kind
    x: str
    width: str
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Bars in the order opening, terms, closing. `axis_from`: the amount at which the axis begins when it is not zero.

    `zero`: where bars of totals begin.
    """

    bars: Sequence[Bar]
    axis_from: Decimal | None
    zero: Decimal

    def total_after(self, terms: int) -> Bar:
        """The bar of what stands after so many of the terms."""
        level = Decimal(self.bars[terms].end)
        return _bar("total", self.zero, level, level, level)


def waterfall(opening: Decimal, terms: Iterable[Decimal], closing: Decimal) -> Waterfall:
    """The geometry of opening + terms = closing. Far from zero the axis is cut, so that terms are seen beside large totals."""
    moves = list(terms)
    levels = list(accumulate(moves, initial=opening))
    low, high = min(*levels, closing, opening), max(*levels, closing, opening)
    base = _base(low, high)
    span = max(high, Decimal()) - base or Decimal(1)

    def at(level: Decimal) -> Decimal:
        return (level - base) * WIDTH / span

    def total(level: Decimal) -> Bar:
        return _bar("total", at(max(base, Decimal())), at(level), at(level), at(level))

    def moved(before: Decimal, after: Decimal) -> Bar:
        kind: Kind = "plus" if after > before else "minus" if after < before else "none"
        return _bar(kind, at(before), at(after), at(before), at(after))

    steps = [moved(before, after) for before, after in pairwise(levels)]
    return Waterfall([total(opening), *steps, total(closing)], base if base > 0 else None, at(max(base, Decimal())))


def _base(low: Decimal, high: Decimal) -> Decimal:
    """Where the axis begins: at zero or below, or, when everything happens far above zero, a little below the lowest level."""
    if low <= 0 or high == low or (high - low) > high / 2:
        return min(low, Decimal())
    return low - (high - low) * ROOM


def _bar(kind: Kind, one: Decimal, other: Decimal, start: Decimal, end: Decimal) -> Bar:
    width = abs(other - one)
    x = min(one, other)
    if kind in ("plus", "minus") and width < SMALLEST:
        x, width = min(x, WIDTH - SMALLEST), SMALLEST
    return Bar(kind, f"{x:.2f}", f"{width:.2f}", f"{start:.2f}", f"{end:.2f}")
