"""The distribution around a point forecast, made from that method's own past errors. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import ndtr, ndtri

from services.forecast.projection.steps import Floats

PRIOR_SPREAD: Final = 0.35
LEAST_WINDOWS: Final = 6
_FURTHEST: Final = np.log(20.0)
"""A window that came to nothing, or a forecast of next to nothing, counts as off by a factor of twenty."""


@dataclass(frozen=True, slots=True)
class LogNormal:
    """A landing around a point forecast: `mean` is the point, `spread` the standard deviation of its logarithm.

    A point of 0 is a certainty of 0.
    """

    mean: float
    spread: float

    def quantile(self, share: Floats | float) -> Floats:
        """The landing below which a `share` in (0, 1) of the distribution lies."""
        factors = np.exp(self.spread * ndtri(np.atleast_1d(share)) - self.spread**2 / 2.0)
        found: Floats = self.mean * factors
        return found

    def cdf(self, x: Floats | float) -> Floats:
        """P(landing <= x)."""
        amounts = np.atleast_1d(np.asarray(x, dtype=np.float64))
        if self.mean <= 0.0:
            return (amounts >= 0.0).astype(np.float64)
        with np.errstate(divide="ignore"):
            logs = np.log(np.maximum(amounts, 0.0) / self.mean)
        found: Floats = ndtr((logs + self.spread**2 / 2.0) / self.spread)
        return found


def around(point: float, past: Sequence[tuple[float, float]]) -> LogNormal:
    """A log-normal with mean `point` and the spread of the method's past (said, came) on completed windows.

    The spread is the root mean square of log(came / said), so that a lasting bias widens it; 35 % below six windows. A
    negative point counts as 0. Windows in which nothing was said and nothing came say nothing.
    """
    return LogNormal(max(point, 0.0), spread_of(past))


def spread_of(past: Sequence[tuple[float, float]]) -> float:
    """The standard deviation of the logarithm that `around` gives."""
    known = [(said, came) for said, came in past if said > 0.0 or came > 0.0]
    if len(known) < LEAST_WINDOWS:
        return PRIOR_SPREAD
    said, came = np.maximum(np.array(known).T, 0.0)
    with np.errstate(divide="ignore"):
        errors = np.clip(np.log(came) - np.log(said), -_FURTHEST, _FURTHEST)
    return max(float(np.sqrt(np.mean(errors**2))), 1e-6)
