"""The points of the rules for many leads at once: the same as the sum of `score`'s reasons, column by column."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from services.leads.scoring import engagement, fit

Floats = NDArray[np.float64]
Said = Sequence[str | None]


def rule_points(
    *, employees: Floats, industry: Said, role: Said, segment: Said, touches: Floats, silent_days: Floats
) -> Floats:
    """(leads,) points of fit and engagement together; NaN and None are unknown and give none.

    `silent_days` is the time since the last sign of life; touches and date count for each other as in
    `engagement_reasons`.
    """
    points = _employees(employees) + _words(industry, fit.industry_points)
    points += _words(role, fit.role_points) + _words(segment, fit.segment_points)
    return np.asarray(points + _engagement(touches, silent_days))


def _employees(employees: Floats) -> Floats:
    steps = sorted(fit.EMPLOYEE_STEPS)
    at = np.searchsorted([least for least, _ in steps], np.nan_to_num(employees), side="right") - 1
    return np.where(np.isnan(employees), 0.0, np.array([points for _, points in steps], dtype=float)[np.maximum(at, 0)])


def _words(said: Said, points_of: Callable[[str], int]) -> Floats:
    known = {word: float(points_of(word)) if word else 0.0 for word in set(said)}
    return np.array([known[word] for word in said], dtype=float)


def _engagement(touches: Floats, silent_days: Floats) -> Floats:
    dated = ~np.isnan(silent_days)
    counted = np.where(np.isnan(touches), 1.0, np.clip(touches, 0, engagement.MOST_COUNTED))
    days = np.where(dated, np.maximum(silent_days, 0.0), engagement.HALF_LIFE_DAYS)
    worth = np.floor(counted * 0.5 ** (days / engagement.HALF_LIFE_DAYS) + 0.5)
    worth += np.where(dated & (days > engagement.SILENT_AFTER_DAYS), float(engagement.SILENCE_POINTS), 0.0)
    return np.where(np.isnan(touches) & ~dated, 0.0, worth)
