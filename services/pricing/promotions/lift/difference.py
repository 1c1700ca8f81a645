"""The difference of a promoted series from a scaled one that was not promoted, week by week, with an interval.

With T and C the weekly revenue of the promoted and of the matched, let e = T - k C be what T differs from its usual multiple k of C.
k is the ratio of the sums before. Then the sum of e while promoted, less what the error of k makes of it, is

    lift = sum(e while) - (C while / C before) x sum(e before),

so its variance is s2 (n while + (C while / C before)^2 n before), where s2 is the variance of e over weeks, pooled over both times
around their own means. What moves T and C together (season, a good market) cancels in e, and s2 is as large as weeks differ in truth:
no law of how sales arrive is assumed. Without a match C is 1 in every week, and the baseline is the mean of the weeks before.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

Floats = npt.NDArray[np.float64]

CONFIDENCE = 0.90


@dataclass(frozen=True, slots=True)
class Difference:
    """Sums over the weeks of the promotion; `weekly` is the baseline of each of them, `scale` the multiple k."""

    actual: float
    baseline: float
    lift: float
    low: float
    high: float
    scale: float
    weekly: tuple[float, ...]


def difference(
    before: Floats, during: Floats, *, matched_before: Floats | None = None, matched_during: Floats | None = None
) -> Difference:
    """Lift with its 90 % interval. At least two weeks on each side; the matched must have sold something before.

    Raises ValueError where they did not.
    """
    control_before = np.ones(len(before)) if matched_before is None else matched_before
    control_during = np.ones(len(during)) if matched_during is None else matched_during
    if control_before.sum() <= 0:
        raise ValueError("the matched sold nothing before")
    scale = float(before.sum() / control_before.sum())
    weekly = scale * control_during
    apart_before, apart_during = before - scale * control_before, during - weekly
    free = len(before) + len(during) - 2
    variance = float(
        (((apart_before - apart_before.mean()) ** 2).sum() + ((apart_during - apart_during.mean()) ** 2).sum()) / free
    )
    carried = float(control_during.sum() / control_before.sum())
    error = float(np.sqrt(variance * (len(during) + carried**2 * len(before))))
    reach = float(student.ppf((1 + CONFIDENCE) / 2, free)) * error
    lift = float(apart_during.sum())
    actual = float(during.sum())
    return Difference(actual, actual - lift, lift, lift - reach, lift + reach, scale, tuple(map(float, weekly)))
