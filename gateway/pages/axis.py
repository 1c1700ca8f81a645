"""Axes of amounts with round steps, and where amounts and days lie in a picture. Pure.

Positions are thousandths of the picture's width or height, from the left and from the top.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

EXTENT = Decimal(1000)
ROUND = (Decimal(1), Decimal(2), Decimal(5), Decimal(10))
"""Steps of an axis are one of these times a power of ten."""
NEAR_THE_EDGE = Decimal(150)
"""A text this close to an edge is written away from it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something told at one place of an axis. `anchor` keeps its text within the picture."""

    at: str
    value: Decimal | date
    anchor: str = "middle"

    @property
    def percent(self) -> str:
        """The place for elements that are not stretched with the picture."""
        return f"{Decimal(self.at) / 10:.2f}%"


@dataclass(frozen=True, slots=True)
class Axis:
    """From the amount `low` to the greater amount `high`, with round amounts between them."""

    low: Decimal
    high: Decimal
    ticks: Sequence[Decimal]

    def across(self, amount: Decimal) -> Decimal:
        """How far from the left an amount lies; what is beyond an end lies at it."""
        within = min(max(amount, self.low), self.high)
        return (within - self.low) * EXTENT / (self.high - self.low)

    def down(self, amount: Decimal) -> Decimal:
        """How far from the top an amount lies; the greatest lies there."""
        return EXTENT - self.across(amount)

    def has(self, amount: Decimal) -> bool:
        """Whether an amount lies on the axis."""
        return self.low <= amount <= self.high


def axis(amounts: Iterable[Decimal], *, steps: int = 6, with_zero: bool = True, snug: bool = False) -> Axis:
    """An axis over all amounts, with about so many steps; it reaches to round amounts, or with `snug` no farther than they do."""
    known = [*amounts, Decimal()] if with_zero else list(amounts)
    low, high = min(known, default=Decimal()), max(known, default=Decimal())
    if low == high:
        high = low + (abs(low) or Decimal(1))
    step = _step((high - low) / steps)
    first, last = (low / step).to_integral_value(ROUND_FLOOR), (high / step).to_integral_value(ROUND_CEILING)
    if snug:
        first, last = (low / step).to_integral_value(ROUND_CEILING), (high / step).to_integral_value(ROUND_FLOOR)
    ticks = [step * place for place in range(int(first), int(last) + 1)]
    return Axis(low, high, ticks) if snug else Axis(ticks[0], ticks[-1], ticks)


def placed(at: Decimal, value: Decimal | date) -> Mark:
    """A mark whose text stays within the picture."""
    anchor = "start" if at < NEAR_THE_EDGE else "end" if at > EXTENT - NEAR_THE_EDGE else "middle"
    return Mark(written(at), value, anchor)


def written(position: Decimal) -> str:
    """A position as the picture has it."""
    return f"{position:.2f}"


def _step(least: Decimal) -> Decimal:
    """The smallest round amount that is not smaller."""
    power = Decimal(10) ** least.adjusted()
    return next(power * times for times in ROUND if power * times >= least)
