"""How long a task takes, in working days: learnt from our own closed deals, leaning on the template where these are few. Pure.

A duration is lognormal. The template's days are the prior's median; it weighs as much as `PRIOR_TASKS` finished tasks and
spreads by `PRIOR_SPREAD`. Mean and variance of the logarithm are those of the normal-inverse-gamma posterior, with the
variance of the next one drawn: thin data reads as wide. Source: Gelman et al., Bayesian Data Analysis, 3rd ed., 3.3.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

Floats = npt.NDArray[np.float64]

PRIOR_TASKS: Final = 4
PRIOR_SPREAD: Final = 0.5
"""Standard deviation of the logarithm: eight of ten tasks take between half and twice the template's days."""
SHORTEST_DAYS: Final = 0.5
"""What was done on the day on which it could be begun took this long."""
TENTH: Final = 1.2815515655446004
"""The normal distribution's ninth decile."""
_SURE: Final = 1 - 1e-9


@dataclass(frozen=True, slots=True)
class Finished:
    """Tasks of one kind in closed deals: how many, and the sums of the logarithms of their days and of their squares."""

    n: int = 0
    logs: float = 0.0
    squares: float = 0.0


@dataclass(frozen=True, slots=True)
class Duration:
    """Working days of a task: `median`, the spread of the logarithm, and from how many finished tasks it was learnt."""

    median: float
    spread: float = 0.0
    n: int = 0

    @property
    def low(self) -> float:
        """One of ten is shorter."""
        return self.median * math.exp(-TENTH * self.spread)

    @property
    def high(self) -> float:
        """One of ten is longer."""
        return self.median * math.exp(TENTH * self.spread)

    def remaining(self, chances: Floats, *, elapsed: float) -> Floats:
        """Working days still to go at each of these chances (in (0, 1)), `elapsed` days after it could be begun.

        What has taken long already is known not to be short, but is never expected to take longer than if it were begun
        now: so nothing that gets done earlier can make the rest longer.
        """
        if self.median == 0:
            return np.zeros_like(chances)
        if self.spread == 0:
            return np.full_like(chances, max(self.median - elapsed, 0.0))
        fresh = self.median * np.exp(self.spread * ndtri(chances))
        if elapsed <= 0:
            return np.asarray(fresh, dtype=np.float64)
        passed = min(float(ndtr(math.log(elapsed / self.median) / self.spread)), _SURE)
        whole = self.median * np.exp(self.spread * ndtri(passed + chances * (1 - passed)))
        return np.asarray(np.minimum(fresh, np.maximum(whole - elapsed, 0.0)), dtype=np.float64)


def learn(default_days: float, finished: Finished) -> Duration:
    """The duration of the next task of a kind whose template says `default_days`. 0 days is a milestone: it takes no time."""
    if default_days == 0:
        return Duration(0.0, 0.0, finished.n)
    prior = math.log(default_days)
    weight = PRIOR_TASKS + finished.n
    around = PRIOR_TASKS * PRIOR_SPREAD**2
    centre = prior
    if finished.n:
        mean = finished.logs / finished.n
        centre = (PRIOR_TASKS * prior + finished.logs) / weight
        around += max(finished.squares - finished.n * mean**2, 0.0)
        around += PRIOR_TASKS * finished.n / weight * (mean - prior) ** 2
    return Duration(math.exp(centre), math.sqrt(around / weight * (1 + 1 / weight)), finished.n)
