"""Dividing a number over parts, to the minor unit. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, Literal

Method = Literal["even", "prior_year", "trailing_12_months", "seasonality", "custom"]
"""`even`: the same to all. `prior_year`, `trailing_12_months`: as the parts closed then. `seasonality`: as the months before
closed. `custom`: by weights that somebody gave."""
ACTUALS: Final = ("prior_year", "trailing_12_months", "seasonality")
"""Methods that look at what was closed."""


def shared(units: int, weights: Sequence[int | Decimal]) -> list[int]:
    """`units` by `weights` that are 0 or more, by largest remainder; evenly where all are 0. The parts add up to `units`."""
    if units < 0 or any(weight < 0 for weight in weights):
        raise ValueError("what is divided and its weights are 0 or more")
    if not weights:
        return []
    exact = [Decimal(weight) for weight in weights]
    whole = sum(exact)
    if whole == 0:
        exact, whole = [Decimal(1)] * len(weights), Decimal(len(weights))
    # Whole numbers throughout: a quotient of Decimals is rounded, and 28 digits do not tell equal remainders apart.
    scale = Decimal(10) ** max(0, *(-int(each.as_tuple().exponent) for each in exact))
    parts = [int(each * scale) for each in exact]
    total = sum(parts)
    found, rests = [], []
    for place, part in enumerate(parts):
        floor, rest = divmod(units * part, total)
        found.append(floor)
        rests.append((-rest, place))
    for _, place in sorted(rests)[: units - sum(found)]:
        found[place] += 1
    return found


def allocated(units: int, weights: Sequence[int | Decimal], kept: Mapping[int, int]) -> list[int]:
    """`units` over parts of which some keep what they have (by place); the others share the rest by their weights.

    Where those that are kept have all of it or more, the others get 0: what is over is told, not taken back. Where every part
    is kept, what is left stays unallocated.
    """
    free = [place for place in range(len(weights)) if place not in kept]
    rest = max(0, units - sum(kept.values()))
    found = dict(kept) | dict(zip(free, shared(rest, [weights[place] for place in free]), strict=True))
    return [found[place] for place in range(len(weights))]


def grown(units: int, growth: Decimal) -> int:
    """`units` with so much more (0.1 is a tenth), rounded half up; never below 0."""
    return max(0, int((units * (1 + growth) + Decimal("0.5")).__floor__()))
