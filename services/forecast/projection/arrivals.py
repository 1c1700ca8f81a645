"""How many deals are created a day, by segment. Pure."""

from dataclasses import dataclass

import numpy as np

from services.forecast.projection.counting import Counts, weights
from services.forecast.projection.settings import Settings
from services.forecast.projection.steps import Floats

_DAYS_A_MONTH = 365.25 / 12
_MANY = 50.0


@dataclass(frozen=True, slots=True)
class Arrivals:
    """`rate`: deals a day, (segments,). `evidence`: how many deals' worth of counting stand behind all of them together.

    `dispersion`: variance over mean of the deals of a week, at least 1.
    """

    rate: Floats
    evidence: float
    dispersion: float


def arrivals(counts: Counts, settings: Settings) -> Arrivals:
    """The rates from the days counted. The answers at set-up are worth some weeks, the fewer the more deals were seen."""
    counted = weights(counts.days, settings.arrival_half_life)
    every = counts.born.sum(axis=0)
    seen = float(counted.sum())
    asked = settings.arrival_weeks * 7 / (1 + float(counted @ every) / settings.arrival_deals)
    total = (counted @ every + asked * settings.deals_a_month / _DAYS_A_MONTH) / (seen + asked)
    of_segment = counts.born @ counted
    share = (of_segment + 1.0) / (of_segment.sum() + len(of_segment))
    return Arrivals(total * share, float(total * (seen + asked)), _dispersion(every))


def by_heads(created: Floats, heads: float, seen: Floats, learnt: Arrivals, settings: Settings) -> tuple[Floats, float]:
    """A part's share of what is created, by segment, and the variance of it over its square.

    `created`: its share of the deals `seen`, by segment; `heads`: of all people, which is worth some deals, the fewer the more
    were seen.
    """
    every = float(seen.sum())
    worth = settings.arrival_deals / (1 + every / settings.arrival_deals)
    weight = worth / (every + worth)
    # Of a segment in which nothing was created nobody has a share.
    found = np.where(seen > 0, created * (1 - weight) + heads * weight, heads)
    share = float(learnt.rate @ found) / float(learnt.rate.sum())
    if share <= 0:
        return found, 0.0
    return found, weight * max(1 - share, 0.0) / (share * (every + worth + 1))


def _dispersion(born: Floats) -> float:
    weeks = born[len(born) % 7 :].reshape(-1, 7).sum(axis=1)
    if len(weeks) < 8 or weeks.mean() == 0:
        return 1.0
    # Neighbouring weeks are compared, so that growth is not taken for scatter.
    scatter = float(np.mean(np.diff(weeks) ** 2) / 2 / weeks.mean())
    return min(max(1.0, scatter), _MANY)
