"""From the sums of a part to the figure of a metric: shares, means, totals. Nothing divides by zero. Pure."""

from dataclasses import dataclass, replace
from math import sqrt
from typing import Final, Literal

from services.forecast.metrics.formulas.items import Part
from services.forecast.metrics.formulas.scene import DAY

Measure = Literal["count", "amount", "span"]
Unit = Literal["share", "count", "money", "money_per_day", "money_per_week", "days", "index"]

CLOSED_NEEDED: Final = 20
"""Fewer closed deals than that say nothing of a win rate."""
_Z: Final = 1.959963984540054
"""The 97.5 % point of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Factor:
    """A number that a figure was made from. Money is minor units."""

    name: str
    unit: Unit
    value: float | None
    n: int | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric of one part. Money is minor units, spans are days. Without a value `reason` says why."""

    value: float | None
    n: int
    numerator: float | None = None
    denominator: float | None = None
    unknown: int = 0
    """Deals left out since something about them is not known."""
    interval: tuple[float, float] | None = None
    reason: str | None = None
    median: float | None = None
    p75: float | None = None
    factors: tuple[Factor, ...] = ()


def wilson(share: float, n: float) -> tuple[float, float] | None:
    """The 95 % interval of a share seen in `n` independent deals; None without any."""
    if n <= 0:
        return None
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * sqrt(max(0.0, share * (1 - share) / n + _Z**2 / (4 * n**2)))
    return max(0.0, middle - half), min(1.0, middle + half)


def share(part: Part, measure: Measure, *, of: str, needed: int = 0) -> Figure:
    """Numerator / denominator, in [0, 1]. `of` says what is missing when there is nothing; refused under `needed` deals.

    By amount, unequal deals count as so many equal ones as have the same spread: (sum)^2 / sum of squares.
    """
    top, bottom = part.side("numerator"), part.side("denominator")
    counted = part.count(*bottom) if measure == "count" else part.priced(*bottom)
    unknown = part.count(*bottom) - counted
    if measure == "amount" and part.is_mixed:
        return mixed(counted, unknown)
    numerator = part.count(*top) if measure == "count" else part.amount(*top)
    denominator = part.count(*bottom) if measure == "count" else part.amount(*bottom)
    figure = Figure(None, counted, numerator, denominator, unknown)
    if counted < needed:
        return replace(figure, reason=f"{counted} {of}; under {needed} a rate says nothing")
    if not denominator:
        return replace(figure, reason=f"no {of}")
    value = numerator / denominator
    size = counted if measure == "count" else float(denominator) ** 2 / part.squares(*bottom)
    return replace(figure, value=value, interval=wilson(value, size))


def mean_days(part: Part, *, of: str) -> Figure:
    """Mean span in days of the numerator's deals, with median and p75."""
    top = part.side("numerator")
    n = part.timed(*top)
    unknown = part.count(*top) - n
    if not n:
        return Figure(None, 0, 0, 0, unknown, reason=f"no {of}")
    spent = part.span(*top) / DAY
    return Figure(spent / n, n, spent, n, unknown, median=part.quantile(0.5), p75=part.quantile(0.75))


def total(part: Part, measure: Measure) -> Figure:
    """The sum of the numerator's deals: 0 when there are none."""
    top = part.side("numerator")
    if measure == "count":
        count = part.count(*top)
        return Figure(count, count, count)
    counted = part.priced(*top)
    unknown = part.count(*top) - counted
    if part.is_mixed:
        return mixed(counted, unknown)
    return Figure(part.amount(*top), counted, part.amount(*top), unknown=unknown)


def mixed(n: int, unknown: int = 0) -> Figure:
    """Refused: amounts on different bases do not add."""
    return Figure(
        None, n, unknown=unknown, reason="the amounts are on different value bases; ask for one by value_basis"
    )
