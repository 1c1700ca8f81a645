"""The figures of a backtest: a row per company, horizon and method, and what they say of the targets. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from services.forecast.accuracy import scores
from services.forecast.accuracy.baselines import BASELINES
from services.forecast.accuracy.closings import closings
from services.forecast.accuracy.scores import Bin, Blocks, Compared, Coverage, Flags, Floats, Pair
from services.forecast.accuracy.spread import around
from services.forecast.accuracy.walking import Distribution, Window
from services.forecast.projection.steps import Steps

OURS: Final = "foretell"
RIVAL: Final = "moving_average"
METHODS: Final = (OURS, *BASELINES)
SEED: Final = 20_12
"""Of the bootstrap, so that the same windows give the same interval."""
_MULTIPLES: Final[Floats] = np.array([0.4, 0.6, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0])
"""P(at least x) is judged at these multiples of what the moving average says."""
_PLACES: Final = 4


@dataclass(frozen=True, slots=True)
class Series:
    """What one method said of one company at one horizon: a row per window, in order of their days. Money in one currency."""

    company: str
    horizon_days: int
    method: str
    as_of: Floats
    came: Floats
    mean: Floats
    grid: Floats
    ends_80: Floats
    ends_95: Floats

    @property
    def errors(self) -> Floats:
        found: Floats = np.abs(self.mean - self.came)
        return found

    @property
    def blocks(self) -> Blocks:
        """Which windows are distinct."""
        return scores.distinct(self.as_of, float(self.horizon_days))

    @property
    def hits_80(self) -> Flags:
        return scores.inside(self.ends_80[:, 0], self.ends_80[:, 1], self.came)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table. Everything but `n` and coverage is a share of what came; None where nothing came."""

    company: str
    horizon_days: int
    method: str
    n: int
    wape: float | None
    bias: float | None
    crps: float | None
    interval_score: float | None
    interval_score_95: float | None
    cover80: Coverage | None
    cover95: Coverage | None

    def as_json(self) -> dict[str, Any]:
        """As the last line of the output has it; the interval score is that of the 80 % interval."""
        return {
            "company": self.company,
            "horizon_days": self.horizon_days,
            "method": self.method,
            "n": self.n,
            "wape": _rounded(self.wape),
            "bias": _rounded(self.bias),
            "crps": _rounded(self.crps),
            "interval_score": _rounded(self.interval_score),
            "cover80": _rounded(self.cover80.share if self.cover80 else None),
            "cover95": _rounded(self.cover95.share if self.cover95 else None),
        }


@dataclass(frozen=True, slots=True)
class Overall:
    """All companies and horizons together, ours against the moving average.

    `ratio` is the geometric mean of WAPE / WAPE, `compared` its logarithm with an interval, `interval_scores` the means of the
    relative interval scores at 80 %, ours first.
    """

    ratio: float
    compared: Compared
    cover80: Coverage
    interval_scores: tuple[float, float]


def series_of(company: str, horizon_days: int, windows: Sequence[Window], steps: Steps) -> dict[str, Series]:
    """What each method said, by method. A method that never could say anything is left out."""
    told = {method: landings(windows, method, steps) for method in METHODS}
    return {method: _series(company, horizon_days, method, said) for method, said in told.items() if said}


def landings(windows: Sequence[Window], method: str, steps: Steps) -> list[tuple[Window, Distribution]]:
    """The windows of which a method said something, with what it said.

    A point method's distribution is around its point and as wide as its errors on the windows that were over by then, scored
    at what was known then to have come.
    """
    if method == OURS:
        return [(window, window.foretell) for window in windows]
    said = [window for window in windows if method in window.points]
    found: list[tuple[Window, Distribution]] = []
    for window in said:
        known = closings(steps, window.as_of)
        over = [before for before in said if before.end <= window.as_of]
        past = [(before.points[method], known.total(before.as_of, before.end)) for before in over]
        found.append((window, around(window.points[method], past)))
    return found


def _series(company: str, horizon_days: int, method: str, told: Sequence[tuple[Window, Distribution]]) -> Series:
    return Series(
        company=company,
        horizon_days=horizon_days,
        method=method,
        as_of=np.array([window.as_of for window, _ in told], dtype=np.float64),
        came=np.array([window.came for window, _ in told]),
        mean=np.array([landing.mean for _, landing in told]),
        grid=np.array([landing.quantile(scores.GRID) for _, landing in told]),
        ends_80=np.array([landing.quantile(scores.ENDS_80) for _, landing in told]),
        ends_95=np.array([landing.quantile(scores.ENDS_95) for _, landing in told]),
    )


def row_of(series: Series) -> Row:
    """The figures of one method."""
    came, distinct = series.came, int(series.blocks.max()) + 1
    (low, high), (lowest, highest) = series.ends_80.T, series.ends_95.T
    return Row(
        company=series.company,
        horizon_days=series.horizon_days,
        method=series.method,
        n=len(came),
        wape=scores.wape(series.mean, came),
        bias=scores.bias(series.mean, came),
        crps=scores.relative(scores.crps(series.grid, came), came),
        interval_score=scores.relative(scores.interval_score(low, high, came, level=0.8), came),
        interval_score_95=scores.relative(scores.interval_score(lowest, highest, came, level=0.95), came),
        cover80=scores.coverage(series.hits_80, distinct=distinct),
        cover95=scores.coverage(scores.inside(lowest, highest, came), distinct=distinct),
    )


def overall(all_series: Sequence[Mapping[str, Series]]) -> Overall | None:
    """Ours against the moving average over companies and horizons; None where no window has both."""
    both = [each for each in all_series if OURS in each and RIVAL in each]
    if not both:
        return None
    pairs, own_scores, rival_scores = [], [], []
    for each in both:
        own, rival = each[OURS], each[RIVAL]
        together = np.isin(own.as_of, rival.as_of)
        pairs.append(Pair(own.errors[together], rival.errors, scores.distinct(rival.as_of, float(rival.horizon_days))))
        own_scores.append(row_of(own).interval_score or 0.0)
        rival_scores.append(row_of(rival).interval_score or 0.0)
    compared = scores.compare(pairs, np.random.default_rng(SEED))
    hits = np.concatenate([each[OURS].hits_80 for each in both])
    covered = scores.coverage(hits, distinct=sum(int(each[OURS].blocks.max()) + 1 for each in both))
    if covered is None:  # unreachable: each series has a window
        return None
    means = float(np.mean(own_scores)), float(np.mean(rival_scores))
    return Overall(float(np.exp(compared.log_ratio)), compared, covered, means)


def reliability(windows: Sequence[Window]) -> list[Bin]:
    """How often what we said came with probability p came: P(at least x) at multiples of what the moving average says."""
    said, came = [], []
    for window in windows:
        if RIVAL in window.points:
            amounts = window.points[RIVAL] * _MULTIPLES
            said.append(1.0 - window.foretell.cdf(amounts))
            came.append(window.came >= amounts)
    return scores.reliability(np.clip(np.concatenate(said), 0.0, 1.0), np.concatenate(came)) if said else []


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _PLACES)
