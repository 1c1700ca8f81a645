"""Quantiles of price ratios in which every quote counts once, and how sure they are."""

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

Floats = npt.NDArray[np.float64]

LEVELS: Floats = np.array((0.2, 0.5, 0.8))
"""Floor, target and stretch."""
CONFIDENCE = 0.90
_TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
_GRID = 400


def quantiles(values: Floats, weights: Floats, levels: Floats = LEVELS) -> Floats:
    """The quantiles at `levels`, of the same shape; `weights` of one quote's lines sum to 1.

    With one line a quote it is the estimator whose i-th of n values stands at i / (n + 1) (Hyndman and Fan 1996, type 6): whatever
    the distribution, a further value falls below the quantile of level p with probability p as long as p lies between
    1 / (n + 1) and n / (n + 1); beyond, the least or the greatest value answers. No values raise ValueError.
    """
    if not len(values):
        raise ValueError("no values have no quantiles")
    order = np.lexsort((weights, values))
    weight = weights[order]
    places = (np.cumsum(weight) - weight / 2 + 0.5) / (weight.sum() + 1)
    return np.interp(levels, places, values[order])


def intervals(values: Floats, weights: Floats) -> Floats:
    """The 90 % interval of each quantile, (levels, 2), of no assumed distribution; nan where so few quotes bound nothing.

    The share below the k-th of n values is Beta(k, n + 1 - k); here k = (n + 1) p may lie between two (Hutson 1999).
    """
    quotes = weights.sum()
    ends = np.array([beta.ppf(_TAILS, (quotes + 1) * level, (quotes + 1) * (1 - level)) for level in LEVELS])
    found = quantiles(values, weights, ends.ravel()).reshape(ends.shape)
    found[(ends < 1 / (quotes + 1)) | (ends > quotes / (quotes + 1))] = np.nan
    return found


def sampling_variance(values: Floats, quotes: float) -> Floats:
    """The variance of each quantile of `quotes` draws from `values`, (levels,) (Maritz and Jarrett 1978).

    More than 400 values are read at 400 equally likely ones.
    """
    drawn = np.sort(values) if len(values) <= _GRID else np.quantile(values, (np.arange(_GRID) + 0.5) / _GRID)
    edges = np.linspace(0, 1, len(drawn) + 1)
    found = np.empty(len(LEVELS))
    for place, level in enumerate(LEVELS):
        share = np.diff(beta.cdf(edges, (quotes + 1) * level, (quotes + 1) * (1 - level)))
        found[place] = share @ (drawn - share @ drawn) ** 2
    return found
