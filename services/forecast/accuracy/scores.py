"""How right distributions were: error, bias, CRPS, intervals, coverage, reliability, and who was nearer. Pure.

Windows are rows of arrays. A window's distribution is its mean and its quantiles at the shares of `GRID`; money is in one
currency. What is divided by money is None where nothing, or less, came in all windows together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from services.forecast.metrics.formulas.figures import wilson

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Blocks = npt.NDArray[np.intp]

GRID: Final[Floats] = (np.arange(200) + 0.5) / 200
"""The shares at which distributions are read for the CRPS: the middles of 200 equal steps."""
ENDS_80: Final[Floats] = np.array([0.1, 0.9])
ENDS_95: Final[Floats] = np.array([0.025, 0.975])
DRAWS: Final = 10_000
_TINY: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Coverage:
    """The share of `n` windows whose outcome fell inside, and the 95 % interval (Wilson) that the `distinct` among them allow."""

    share: float
    n: int
    distinct: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Statements of about the same probability: what they said on average, how often it came true, how many they are."""

    said: float
    came: float
    n: int


@dataclass(frozen=True, slots=True)
class Compared:
    """The mean logarithm of one method's WAPE over another's, with its 95 % interval: below 0 the first is nearer."""

    log_ratio: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Pair:
    """The absolute errors of two methods on the same windows, and the block of each window, numbered from 0."""

    own: Floats
    other: Floats
    block: Blocks


def wape(said: Floats, came: Floats) -> float | None:
    """Sum of absolute errors / sum of what came."""
    return _of(float(np.abs(said - came).sum()), came)


def bias(said: Floats, came: Floats) -> float | None:
    """Sum of errors / sum of what came: above 0, too much was forecast."""
    return _of(float((said - came).sum()), came)


def crps(quantiles: Floats, came: Floats) -> Floats:
    """Per window the continuous ranked probability score, in money: twice the mean pinball loss over `GRID`.

    `quantiles` has a row per window and a column per share of `GRID`. A certain forecast scores its absolute error.
    """
    behind = came[:, None] - quantiles
    found: Floats = 2.0 * np.maximum(GRID * behind, (GRID - 1.0) * behind).mean(axis=1)
    return found


def interval_score(low: Floats, high: Floats, came: Floats, *, level: float) -> Floats:
    """Per window, in money: the width of the `level` interval, and for a miss 2 / (1 - level) times the distance to it."""
    penalty = 2.0 / (1.0 - level)
    found: Floats = high - low + penalty * (np.maximum(low - came, 0.0) + np.maximum(came - high, 0.0))
    return found


def relative(scores: Floats, came: Floats) -> float | None:
    """The mean of scores in money / the mean of what came."""
    return _of(float(scores.sum()), came)


def inside(low: Floats, high: Floats, came: Floats) -> Flags:
    """Whether each outcome lay within its interval, the ends included."""
    found: Flags = (low <= came) & (came <= high)
    return found


def coverage(hits: Flags, *, distinct: int) -> Coverage | None:
    """How often intervals held, in windows of which `distinct` do not overlap; None without any."""
    bounds = wilson(float(hits.mean()), distinct) if len(hits) else None
    return None if bounds is None else Coverage(float(hits.mean()), len(hits), distinct, *bounds)


def reliability(said: Floats, came: Flags, *, bins: int = 10) -> list[Bin]:
    """Statements 'with probability p' in equal bins of p, against how often they came true. Empty bins are left out."""
    which = np.minimum((said * bins).astype(np.intp), bins - 1)
    return [
        Bin(float(said[which == number].mean()), float(came[which == number].mean()), int((which == number).sum()))
        for number in np.unique(which).tolist()
    ]


def noise_floor(wins: float, cv: float) -> float | None:
    """The WAPE that remains when every probability is known: 0.8 x sqrt((1 + cv^2) / wins).

    `wins` is how many are expected per window, `cv` the coefficient of variation of their amounts. None without wins.
    """
    return None if wins <= 0 else float(0.8 * np.sqrt((1.0 + cv**2) / wins))


def distinct(starts: Floats, length: float) -> Blocks:
    """The block of each window, from 0 on: a new one begins with each window that does not overlap the block's first.

    `starts` ascend. Windows of one block share part of their outcome, so only blocks count as independent.
    """
    blocks = np.zeros(len(starts), dtype=np.intp)
    first = 0
    for before, at in pairwise(range(len(starts))):
        is_new = starts[at] >= starts[first] + length
        first = at if is_new else first
        blocks[at] = blocks[before] + is_new
    return blocks


def compare(pairs: Sequence[Pair], rng: np.random.Generator, *, draws: int = DRAWS) -> Compared:
    """The mean over `pairs` of log(WAPE of one / WAPE of the other), and its interval by a paired bootstrap over blocks.

    Both methods are drawn on the same blocks. Each pair is a company at a horizon and counts alike; its exponential is the
    geometric mean of the ratios. What came cancels, so sums of errors stand for WAPEs.
    """
    drawn = np.zeros(draws)
    known = 0.0
    for pair in pairs:
        own, other = (np.bincount(pair.block, weights=errors) for errors in (pair.own, pair.other))
        known += float(_log_ratio(own.sum(), other.sum()))
        chosen = rng.integers(0, len(own), (draws, len(own)))
        drawn += _log_ratio(own[chosen].sum(axis=1), other[chosen].sum(axis=1))
    low, high = np.quantile(drawn / len(pairs), (0.025, 0.975))
    return Compared(known / len(pairs), float(low), float(high))


def _log_ratio(own: Floats | float, other: Floats | float) -> Floats:
    ratio: Floats = np.log(np.maximum(own, _TINY)) - np.log(np.maximum(other, _TINY))
    return ratio


def _of(total: float, came: Floats) -> float | None:
    whole = float(came.sum())
    return None if whole <= 0.0 else total / whole
