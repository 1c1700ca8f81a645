"""Whether things happen otherwise since some day than before, and by how much since then. Pure.

Events of each kind are counted by fortnights beside those that the rates of all days expect. Either these rates hold in all of
them, or one level holds until some fortnight and another from it on, the same fortnight for all kinds. A level is Gamma
distributed about 1 (one level for all fortnights is what these rates have learnt already) and counts are Poisson, so that each case has its probability in closed form: the one-change case of Chib
(1998), J. Econometrics 86, with the marginal likelihood of a Gamma-Poisson. Kinds that scatter more count for as much less.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import gammaln

from services.forecast.projection.settings import Settings
from services.forecast.projection.steps import Floats

FORTNIGHT: Final = 14
_FEWEST: Final = 4


@dataclass(frozen=True, slots=True)
class Change:
    """`levels`: by what each kind of event is of late more frequent than by the rates of all days, averaged over all cases.

    `chance`: of any change in the days counted; `since`: the first day after it, where it is likeliest, in days since 1970.
    """

    levels: Floats
    chance: float
    since: int


def change(happened: Floats, expected: Floats, end: int, settings: Settings) -> Change:
    """From events and those expected, each (kinds, days up to `end`). Days before the first whole fortnight are left out."""
    happened, expected = _fortnights(happened), _fortnights(expected)
    kinds, count = happened.shape
    if count < _FEWEST or not expected.sum():
        return Change(np.ones(kinds), 0.0, end)
    scatter = _scatter(happened, expected)[:, None]
    seen, should = np.cumsum(happened / scatter, axis=1), np.cumsum(expected / scatter, axis=1)
    all_seen, all_should = seen[:, -1:], should[:, -1:]
    before_seen, before_should = seen[:, :-1], should[:, :-1]
    after_seen, after_should = all_seen - before_seen, all_should - before_should
    worth = settings.level_events
    one = _likelihood(all_seen, all_should, worth).sum()
    two = (_likelihood(before_seen, before_should, worth) + _likelihood(after_seen, after_should, worth)).sum(axis=0)
    logs = np.concatenate(([np.log1p(-settings.change) + one], np.log(settings.change / (count - 1)) + two))
    weight = np.exp(logs - logs.max())
    weight /= weight.sum()
    levels = weight[0] + (worth + after_seen) / (worth + after_should) @ weight[1:]
    return Change(levels, float(1 - weight[0]), end - FORTNIGHT * (count - 1 - int(np.argmax(two))))


def _fortnights(days: Floats) -> Floats:
    """Sums over fortnights up to the newest day, oldest first, of (kinds, days)."""
    whole = days.shape[1] // FORTNIGHT * FORTNIGHT
    found: Floats = days[:, days.shape[1] - whole :].reshape(len(days), -1, FORTNIGHT).sum(axis=2)
    return found


def _likelihood(seen: Floats, should: Floats, worth: float) -> Floats:
    """The log of how likely so many events are at an unknown level, up to what is the same however they are cut."""
    found: Floats = (
        gammaln(worth + seen) - gammaln(worth) + worth * np.log(worth) - (worth + seen) * np.log(worth + should)
    )
    return found


def _scatter(happened: Floats, expected: Floats) -> Floats:
    """Of each kind the variance from one fortnight to the next over that of Poisson counts, at least 1."""
    usual = (expected[:, 1:] + expected[:, :-1]).sum(axis=1)
    apart = (np.diff(happened - expected, axis=1) ** 2).sum(axis=1)
    found: Floats = np.divide(apart, usual, out=np.ones(len(usual)), where=usual > 0)
    return np.maximum(found, 1.0)
