"""Where days stand in their quarter and week: the parts of the calendar that make deals move faster or slower. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

import numpy as np

from libs.common.calendar import FiscalCalendar
from services.forecast.projection.steps import Ints

EPOCH: Final = date(1970, 1, 1)
QUARTER_PARTS: Final = 6
"""The three months of a quarter, each without its last week (even), and its last week (odd)."""
WEEKDAYS: Final = 7
LAST_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class Seasons:
    """Two parts per day from `first` on: of the quarter and of the week, Monday 0."""

    first: int
    quarter_part: Ints
    weekday: Ints


@lru_cache(maxsize=64)
def seasons(calendar: FiscalCalendar, first: int, until: int) -> Seasons:
    """The parts of the days from `first` up to `until`, days since 1970."""
    parts = np.empty(until - first, dtype=np.int64)
    day = EPOCH + timedelta(days=first)
    at = 0
    while at < len(parts):
        month = calendar.month(day)
        position = calendar.months(calendar.quarter(day)).index(month)
        end = (month.end - EPOCH).days - first
        parts[at:end] = 2 * position
        parts[max(at, end - LAST_DAYS) : end] = 2 * position + 1
        day, at = month.end, end
    weekday = (np.arange(first, until) + EPOCH.weekday()) % WEEKDAYS
    return Seasons(first, parts, weekday)
