"""What a deal's close date and its pushes say beyond its stage and age: factors on its chance, from days of the past. Pure.

At past days each open deal has a chance by the hazards and was won or not within as many days. A factor is (won + k) over
(expected + k) of the deals that looked alike, relative to all; two groups of factors are fitted in turns. The chance p becomes
1 - (1 - p)^f, which is a hazard f times as high all the way.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from services.forecast.projection.settings import Settings
from services.forecast.projection.steps import Codes, Floats, Ints

UNDATED, OVERDUE, WITHIN, AFTER = range(4)
DATES: Final = 4
PUSHES: Final = 3
"""None, one or two, more."""
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Factors:
    """What multiplies the hazards of deals with a close date (none, past, before the end, later) and so many pushes."""

    date: Floats
    pushes: Floats

    def on(self, chance: Floats, date: Ints, pushed: Ints) -> Floats:
        """The chances with what the factors say."""
        factor = self.date[date] * self.pushes[pushed]
        changed: Floats = -np.expm1(factor * np.log1p(-np.minimum(chance, 1 - 1e-12)))
        return changed


NOTHING: Final = Factors(np.ones(DATES), np.ones(PUSHES))


def date_group(close_date: Floats, today: int, end: int) -> Ints:
    """Where each close date lies, seen from today, for a period that ends before the day `end`."""
    group = np.select([np.isnan(close_date), close_date < today, close_date < end], [UNDATED, OVERDUE, WITHIN], AFTER)
    return np.asarray(group, dtype=np.int64)


def push_group(pushes: Codes) -> Ints:
    group: Ints = np.add(pushes > 0, pushes > 2, dtype=np.int64)
    return group


def fit(chance: Floats, date: Ints, pushed: Ints, won: Floats, settings: Settings) -> Factors:
    """Factors from deals of past days: their chance then, how they looked, and whether they were won."""
    dates, pushes = np.ones(DATES), np.ones(PUSHES)
    risk = -np.log1p(-np.minimum(chance, 1 - 1e-12))
    seen_date, seen_pushes = np.bincount(date, won, DATES), np.bincount(pushed, won, PUSHES)
    worth = settings.evidence_wins
    for _ in range(_ROUNDS):
        expected = np.bincount(date, _chance(risk, dates[date] * pushes[pushed]), DATES)
        dates *= _relative(seen_date, expected, worth)
        expected = np.bincount(pushed, _chance(risk, dates[date] * pushes[pushed]), PUSHES)
        pushes *= _relative(seen_pushes, expected, worth)
    return Factors(dates, pushes)


def _chance(risk: Floats, factor: Floats) -> Floats:
    chance: Floats = -np.expm1(-risk * factor)
    return chance


def _relative(seen: Any, expected: Any, worth: float) -> Floats:
    overall = (seen.sum() + worth) / (expected.sum() + worth)
    factor: Floats = (seen / overall + worth) / (expected + worth)
    return factor
