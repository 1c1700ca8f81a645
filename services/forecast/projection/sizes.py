"""What a won deal brings, against what was asked for it, and what deals of unknown amount bring. Pure."""

from dataclasses import dataclass

import numpy as np

from services.forecast.projection.settings import Settings
from services.forecast.projection.steps import Floats, Index, Ints, Wins

_RATIO_SPREAD = 0.1
"""Standard deviation of what a deal brings over what was asked, until history says otherwise."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """`mean`, `variance`: of a win of each segment, where nothing was asked, (segments,); nan when nothing tells.

    `ratio`: what a win brings over its last amount before; `ratio_variance`: of that, over the square of the amount.
    """

    mean: Floats
    variance: Floats
    ratio: float
    ratio_variance: float

    def of(self, segment: Index, amount: Floats) -> tuple[Floats, Floats]:
        """Mean and variance of what each deal brings if it is won; nan where nothing tells."""
        asked = ~np.isnan(amount)
        mean = np.where(asked, self.ratio * amount, self.mean[segment])
        variance = np.where(asked, self.ratio_variance * amount**2, self.variance[segment])
        return mean, variance


def sizes(wins: Wins, open_amounts: Floats, *, today: int, segments: int, settings: Settings) -> Sizes:
    """From what was won before `today`, the later the more; without any win from the amounts of open deals."""
    age = today - 1 - np.floor(wins.at).astype(np.int64)
    priced = ~np.isnan(wins.amount) & (age >= 0)
    counted = 0.5 ** (age[priced] / settings.size_half_life)
    amount, segment = wins.amount[priced], wins.segment[priced]
    if counted.sum() > 0:
        company = float(np.average(amount, weights=counted))
        spread = float(np.average((amount - company) ** 2, weights=counted))
    else:
        known = open_amounts[~np.isnan(open_amounts)]
        company = float(known.mean()) if len(known) else np.nan
        spread = (settings.size_cv * company) ** 2
    total = counted.sum()
    if settings.won_amount is not None:
        company = _answered(company, float(total), settings.won_amount, settings)
        spread = spread if total > 0 else (settings.size_cv * company) ** 2
    worth = settings.size_wins
    spread = (total * spread + worth * (settings.size_cv * company) ** 2) / (total + worth)
    weight = np.bincount(segment, counted, segments)
    few = settings.segment_wins
    mean = (np.bincount(segment, counted * amount, segments) + few * company) / (weight + few)
    if (brought := weight @ mean) > 0:
        # Shrunk means of unequal segments would together bring less than was won.
        mean *= company * total / brought
    off = (
        np.bincount(segment, counted * (amount - mean[segment]) ** 2, segments) if len(segment) else np.zeros(segments)
    )
    relative = spread / company**2 if company else 0.0
    variance = (off + few * relative * mean**2) / (weight + few)
    return Sizes(mean, variance, *_ratio(wins, age, settings))


def _answered(company: float, seen: float, answer: float, settings: Settings) -> float:
    """The answer at set-up with what was seen of wins, if any; the more are seen, the fewer wins the answer is worth."""
    if seen == 0:
        return answer
    worth = settings.size_wins / (1 + seen / settings.size_wins)
    return (seen * company + worth * answer) / (seen + worth)


def _ratio(wins: Wins, age: Ints, settings: Settings) -> tuple[float, float]:
    both = ~np.isnan(wins.amount) & ~np.isnan(wins.asked) & (wins.asked > 0) & (age >= 0)
    if not both.any():
        return 1.0, _RATIO_SPREAD**2
    counted = 0.5 ** (age[both] / settings.size_half_life)
    got, asked, worth = wins.amount[both], wins.asked[both], settings.ratio_wins
    typical, square = np.average(asked, weights=counted), np.average(asked**2, weights=counted)
    ratio = ((counted * got).sum() + worth * typical) / ((counted * asked).sum() + worth * typical)
    off = (counted * (got - ratio * asked) ** 2).sum() + worth * _RATIO_SPREAD**2 * square
    return float(ratio), float(off / ((counted * asked**2).sum() + worth * square))
