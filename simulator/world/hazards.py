"""How deals move: hazards per day by stage, age in stage, calendar, seller and the deal's hidden quality. Pure array functions."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DURATION = np.array([13.0, 19.0, 24.0, 19.0])
"""Typical days in each open stage for a mid-market deal."""
_STEP_LOGIT = np.log(np.array([0.70, 0.71, 0.75, 0.79]) / (1 - np.array([0.70, 0.71, 0.75, 0.79])))
"""Log odds that a deal which leaves the stage goes forward rather than being lost."""
_SEGMENT_PACE = np.array([0.72, 1.0, 1.35])
RENEWAL_LOGIT = 1.1


@dataclass(frozen=True)
class Calendar:
    """What one day does to activity. `quarter_end_days` counts the days left in the quarter, 0 on its last day."""

    activity: float
    quarter_end_days: int
    quarter_start_days: int


def calendar(day: date) -> Calendar:
    """Quiet weekends, a slow August and last week of the year, and where the day stands in its (calendar) quarter."""
    month = 3 * ((day.month - 1) // 3) + 1
    first = date(day.year, month, 1)
    following = date(day.year + (month == 10), (month + 2) % 12 + 1, 1)
    activity = 0.08 if day.weekday() >= 5 else 1.35
    if day.month == 8 or (day.month == 12 and day.day > 24):
        activity *= 0.7
    return Calendar(activity, (following - timedelta(days=1) - day).days, (day - first).days)


def leave_probability(
    stage: NDArray[np.integer], age_days: Ints, segment: NDArray[np.integer], today: Calendar
) -> Floats:
    """Chance to leave the stage today: it rises with age, and late stages hurry before the quarter ends and rest after it."""
    typical = DURATION[stage] / _SEGMENT_PACE[segment]
    ripe = np.minimum(1.7, 0.3 + 0.9 * age_days / typical)
    hurry = 2.4 * np.exp(-today.quarter_end_days / 6.0)
    rest = 0.35 * np.exp(-today.quarter_start_days / 8.0)
    late = np.where(stage >= 2, 1.0, 0.15)
    return np.asarray(1 - np.exp(-today.activity * ripe / typical * (1 + late * (hurry - rest))))


def forward_probability(
    stage: NDArray[np.integer],
    age_days: Ints,
    segment: NDArray[np.integer],
    quality: Floats,
    skill: Floats,
    renewal: NDArray[np.bool_],
) -> Floats:
    """Chance that a deal leaving its stage goes forward. Good deals and good sellers more, deals that grew old less."""
    typical = DURATION[stage] / _SEGMENT_PACE[segment]
    overripe = np.maximum(0.0, age_days / typical - 1)
    logit = _STEP_LOGIT[stage] + 0.7 * quality + 0.8 * skill - 0.25 * np.minimum(overripe, 6) + RENEWAL_LOGIT * renewal
    return np.asarray(1 / (1 + np.exp(-logit)))


def win_probability(
    first_stage: NDArray[np.integer],
    segment: NDArray[np.integer],
    quality: Floats,
    skill: Floats,
    renewal: NDArray[np.bool_],
    horizon_days: int = 240,
) -> Floats:
    """Probability that a deal entering `first_stage` is ever won, on an average day of the calendar and with its seller unchanged.

    The sum over the age at which it leaves each stage; the calendar only bends time, so it hardly matters.
    """
    average = Calendar(1.0, 40, 50)
    total = np.ones(len(quality))
    for stage in range(4):
        here = np.full(len(quality), stage)
        survival, forward = np.ones(len(quality)), np.zeros(len(quality))
        for age in range(1, horizon_days):
            ages = np.full(len(quality), age)
            leaves = survival * leave_probability(here, ages, segment, average)
            forward += leaves * forward_probability(here, ages, segment, quality, skill, renewal)
            survival -= leaves
        total *= np.where(stage >= first_stage, forward / (1 - survival), 1.0)
    return total


def first_close_day(day: Ints, stage: NDArray[np.integer], segment: NDArray[np.integer], ends: Ints, u: Floats) -> Ints:
    """The close date a seller first enters: hopeful, and often the last day of a month (`ends`, ascending day numbers)."""
    remaining = np.cumsum(DURATION[::-1])[::-1][stage] / _SEGMENT_PACE[segment]
    guess = day + np.maximum(10, remaining * (0.55 + 0.8 * u)).astype(np.int64)
    month_end = ends[np.minimum(np.searchsorted(ends, guess), len(ends) - 1)]
    return np.asarray(np.where((u * 997) % 1 < 0.45, month_end, guess))
