"""On which days to stand and how far to look: Mondays for fast businesses, month-ends for others. Pure."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from services.forecast.accuracy.closings import closings, fates
from services.forecast.accuracy.pacing import boundaries
from services.forecast.projection.steps import Steps

FAST_CYCLE_DAYS: Final = 30.0
"""A business whose median won deal takes less is walked by weeks."""
WEEKLY: Final = (7, 28)
MONTHLY: Final = (30, 91)
HISTORY_DAYS: Final = 30
"""So much history of closings before the first day. It begins with the first win."""
_LAPSE_DAYS: Final = 7.0


@dataclass(frozen=True, slots=True)
class Plan:
    """The days by horizon, both in days since 1970; on each day what was known when it began counts.

    A day that begins a month stands for the end of the month before. `end` is the first day that the data do not tell of.
    """

    days: dict[int, list[int]]
    end: int
    median_cycle_days: float


def plan(steps: Steps) -> Plan | None:
    """Every day with 30 days of closings before it and the whole window in the data; None if nothing was ever won."""
    won = closings(steps, np.inf)
    if won.begin is None:
        return None
    cycle, end = float(np.median(won.cycle_days)), ends(steps)
    horizons = WEEKLY if cycle < FAST_CYCLE_DAYS else MONTHLY
    found = boundaries(won.begin, float(end), horizons[0])
    days = {
        horizon: [int(day) for day in found if day >= won.begin + HISTORY_DAYS and day + horizon <= end]
        for horizon in horizons
    }
    return Plan(days, end, cycle)


def ends(steps: Steps) -> int:
    """The first day that the data do not tell of.

    That is the day after the last change; but where no deal was created for the last week and longer than ever before, the
    recording of new deals had stopped, and it is the day after the last creation: what came later is not all that came.
    """
    last = float(steps.at.max())
    created = np.sort(fates(steps, np.inf).created_at)
    usual = float(np.diff(created).max()) if len(created) > 1 else 0.0
    is_cut = last - created[-1] > max(_LAPSE_DAYS, usual)
    return int(np.floor(created[-1] if is_cut else last)) + 1
