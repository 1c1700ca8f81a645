"""What simpler methods would have said of the amount won in the `horizon` days from `as_of` on. Pure.

Each is a function of the steps, the day and the horizon that reads nothing later than the start of `as_of` and returns money
in base currency, or None as long as it cannot say anything. They are opponents, kept as strong as they are in practice: a
projection that does not beat them is not worth its machinery.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from services.forecast.accuracy.closings import Closings, Fates, closings, fates
from services.forecast.accuracy.pacing import same_day_pacing
from services.forecast.projection.steps import Floats, Steps

Baseline = Callable[[Steps, float, float], float | None]

QUARTER: Final = 91.0
YEAR: Final = 364.0
"""52 weeks: a window a year ago has the same weekdays."""
RATE_WINDOWS: Final = (28.0, 91.0, 180.0)
"""Over how many days a rate is averaged: one of these."""
_LEAST_DAYS: Final = 7.0
_PRIOR_DEALS: Final = 5.0
"""So many closed deals at the overall win rate stand beside those of a stage."""


def naive_last(steps: Steps, as_of: float, horizon: float) -> float | None:
    """What was won in the `horizon` days before. None until closings go back so far."""
    return _ago(closings(steps, as_of), as_of, horizon, days=horizon)


def seasonal(steps: Steps, as_of: float, horizon: float) -> float | None:
    """What was won in the window of the same length 91 days (13 weeks) earlier; naive last until closings go back so far.

    `stands_in` says of which days that is so. A window longer than 91 days starts as long ago as it is long.
    """
    wins = closings(steps, as_of)
    said = _ago(wins, as_of, horizon, days=max(QUARTER, horizon))
    return _ago(wins, as_of, horizon, days=horizon) if said is None else said


def stands_in(steps: Steps, as_of: float, horizon: float) -> bool:
    """Whether at this day `seasonal` is naive last under another name, as history is too short for it."""
    return _ago(closings(steps, as_of), as_of, horizon, days=max(QUARTER, horizon)) is None


def last_year(steps: Steps, as_of: float, horizon: float) -> float | None:
    """What was won in the same window 52 weeks earlier. None until closings go back so far."""
    return _ago(closings(steps, as_of), as_of, horizon, days=max(YEAR, horizon))


def moving_average(steps: Steps, as_of: float, horizon: float) -> float | None:
    """The amount won per day over the last `rate_window` days, times the horizon; over all closings while they are fewer."""
    wins = closings(steps, as_of)
    if wins.begin is None or as_of - wins.begin < _LEAST_DAYS:
        return None
    span = min(rate_window(wins), as_of - wins.begin)
    return wins.total(as_of - span, as_of) / span * horizon


def weighted_pipeline(steps: Steps, as_of: float, horizon: float) -> float | None:  # noqa: ARG001 - as wide as the others
    """Every open deal at its amount times the share of closed deals once in its stage that were won. It knows no timing.

    A deal of unknown amount counts with the mean won amount. None until a deal was won and one was lost.
    """
    now = fates(steps, as_of)
    if not now.is_won.any() or not now.is_lost.any():
        return None
    rates = _win_rates(now)
    amount = np.where(np.isnan(now.amount), _mean_won(now), now.amount)
    return float((amount * rates[now.stage])[now.is_open].sum())


def age_kernel(steps: Steps, as_of: float, horizon: float) -> float | None:
    """Creations convolved with how old deals are when they are won, times the mean won amount.

    The kernel is the share of created deals that is won at each day of age; it does not ask whether a deal is still open.
    Deals not created yet come at the rate of the last `rate_window` days. None until closings go back so far, about two
    cycles, and `horizon` days.
    """
    now = fates(steps, as_of)
    wins = closings(steps, as_of)
    span = rate_window(wins)
    if wins.begin is None or as_of - wins.begin < max(horizon, span):
        return None
    won_by_age = _kernel(now, wins, wins.begin, as_of, int(np.ceil(horizon)))
    rate = float((now.created_at >= as_of - span).sum()) / span
    age = as_of - now.created_at
    ages = np.arange(len(won_by_age), dtype=np.float64)
    known = np.interp(age + horizon, ages, won_by_age) - np.interp(age, ages, won_by_age)
    coming = np.interp(np.linspace(0.0, horizon, 65), ages, won_by_age)
    return (float(known.sum()) + rate * horizon * float(coming.mean())) * _mean_won(now)


def rate_window(wins: Closings) -> float:
    """Over how many days to average a rate: twice the median cycle of the wins known so far, as 28, 91 or 180 days.

    The nearest by ratio, so that a business of two-week cycles averages over four weeks and one of three months over half
    a year. The rule looks at nothing but past wins; 91 days without any.
    """
    if not len(wins.day):
        return QUARTER
    wanted = 2.0 * max(float(np.median(wins.cycle_days)), 1.0)
    return min(RATE_WINDOWS, key=lambda days: abs(np.log(days / wanted)))


def _ago(wins: Closings, as_of: float, horizon: float, *, days: float) -> float | None:
    """What was won in the window that began `days` ago. None if the first win came after its first day."""
    start = as_of - days
    if wins.begin is None or wins.begin >= start + 1.0:
        return None
    return wins.total(start, start + horizon)


def _win_rates(now: Fates) -> Floats:
    """Per stage the win rate of closed deals that were ever open in it, drawn towards the rate of all."""
    won, lost = (now.ever_in[which].sum(axis=0) for which in (now.is_won, now.is_lost))
    overall = now.is_won.sum() / (now.is_won.sum() + now.is_lost.sum())
    rates: Floats = (won + _PRIOR_DEALS * overall) / (won + lost + _PRIOR_DEALS)
    return rates


def _mean_won(now: Fates) -> float:
    known = now.amount[now.is_won]
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else 0.0


def _kernel(now: Fates, wins: Closings, begin: float, as_of: float, horizon: int) -> Floats:
    """The share of deals won by each whole day of age, from 0 on; flat beyond the greatest age seen.

    Only deals created since closings began count: of older ones a history may hold those alone that were still open then,
    and they would be won more often than deals are.
    """
    ages = int(np.ceil(as_of - now.created_at.min())) + horizon + 1
    watched = _lived(as_of - now.created_at[now.created_at >= begin], ages)
    seen = wins.day - wins.cycle_days >= begin
    won = np.bincount(wins.cycle_days[seen].astype(np.intp), minlength=ages)
    return np.concatenate(([0.0], np.cumsum(won / np.maximum(watched, 1.0))))


def _lived(age: Floats, ages: int) -> Floats:
    """Deal-days spent at each whole day of age by deals that are `age` days old."""
    whole = np.floor(age).astype(np.intp)
    lived: Floats = np.bincount(whole, weights=age - whole, minlength=ages).astype(np.float64)
    lived += len(age) - np.cumsum(np.bincount(whole, minlength=ages))  # those that grew older lived all of the day
    return lived


BASELINES: Final[Mapping[str, Baseline]] = {
    "naive_last": naive_last,
    "seasonal": seasonal,
    "moving_average": moving_average,
    "same_day_pacing": same_day_pacing,
    "last_year": last_year,
    "weighted_pipeline": weighted_pipeline,
    "age_kernel": age_kernel,
}
"""By the name under which each is scored."""
