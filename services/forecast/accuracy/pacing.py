"""Same-day pacing: past periods had so much of their total by this day, so this one will come to that. Pure."""

from itertools import pairwise

import numpy as np

from services.forecast.accuracy.closings import Closings, closings
from services.forecast.projection.steps import Steps

_WEEK_UP_TO, _MONTH_UP_TO = 10.0, 45.0
"""A horizon of so many days is paced by weeks, by months; a longer one by quarters."""
_LEAST_SHARE = 0.15
"""With less of a period behind it, what was won so far says less than the past periods' mean."""
_EPOCH_WEEKDAY = 3
"""1970-01-01 was a Thursday."""


def same_day_pacing(steps: Steps, as_of: float, horizon: float) -> float | None:
    """The window is cut at the ends of calendar periods; each piece gets its usual share of its period's total.

    The usual share is that of the complete past periods together, by how much of the period has passed. The total of the
    period under way is what was won so far divided by its usual share by now, once that is 15 %; before, and for periods to
    come, it is the past periods' mean. None until one whole period of closings has passed.
    """
    wins = closings(steps, as_of)
    if wins.begin is None:
        return None
    bounds = boundaries(np.floor(wins.begin), as_of + horizon, horizon)
    past = [(start, end) for start, end in pairwise(bounds) if start >= wins.begin - 1.0 and end <= as_of]
    usual = sum(wins.total(start, end) for start, end in past) / len(past) if past else 0.0
    if usual <= 0.0:
        return None
    said = 0.0
    for start, end in pairwise(bounds):
        if end > as_of and start < as_of + horizon:
            now, until = max(start, as_of), min(end, as_of + horizon)
            before = _share(wins, past, (now - start) / (end - start))
            by_then = _share(wins, past, (until - start) / (end - start))
            total = wins.total(start, now) / before if before >= _LEAST_SHARE else usual
            said += total * (by_then - before)
    return said


def boundaries(first: float, last: float, horizon: float) -> list[float]:
    """Where periods meet, from at or before the day `first` to at or after `last`: Mondays, firsts of months or of quarters."""
    if horizon <= _WEEK_UP_TO:
        monday = first - (first + _EPOCH_WEEKDAY) % 7
        return [float(day) for day in np.arange(monday, last + 7.0, 7.0)]
    months = 1 if horizon <= _MONTH_UP_TO else 3
    begin = np.datetime64(int(first), "D").astype("datetime64[M]").astype(int) // months * months
    end = np.datetime64(int(np.ceil(last)), "D").astype("datetime64[M]").astype(int) + months
    firsts = np.arange(begin, end + 1, months).astype("datetime64[M]").astype("datetime64[D]")
    return [float(day) for day in firsts.astype(np.int64)]


def _share(wins: Closings, past: list[tuple[float, float]], passed: float) -> float:
    """The share of their totals that the past periods had when this fraction of them had passed."""
    so_far = sum(wins.total(start, start + passed * (end - start)) for start, end in past)
    return so_far / sum(wins.total(start, end) for start, end in past)
