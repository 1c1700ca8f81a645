"""How much less, or more, often deals are won with a signal than without it, and which of such differences are no chance. Pure.

The difference of two shares is taken within strata and pooled with the weights of Mantel and Haenszel, n1·n0 / n (Greenland & Robins,
"Estimation of a common effect parameter from sparse follow-up data", Biometrics 41, 1985). Its error is the jackknife over deals: the
weeks of one deal are one witness, so all of them are left out together (MacKinnon, Nielsen & Webb, "Fast and reliable jackknife and
bootstrap methods for cluster-robust inference", Journal of Applied Econometrics 38, 2023, there CV3; a sandwich is too sure in small
strata). Quantiles are Student's with as many degrees of freedom as there are deals on the smaller side, less one. False discoveries:
Benjamini & Hochberg, Journal of the Royal Statistical Society B 57, 1995.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import stats

DEALS_NEEDED: Final = 30
"""So many different deals with the signal, and without it, in strata that have both."""
WINS_NEEDED: Final = 10
"""So many different deals that were won, and that were not, in these."""
COVERAGE: Final = 0.9
FALSE_DISCOVERIES: Final = 0.1

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """The lift of a signal in shares of deals won; the rest is null where there is too little of it.

    `deals_with` and `deals_without` count different deals in strata that have both.
    """

    deals_with: int
    deals_without: int
    landmarks: int
    lift: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None

    @property
    def is_enough(self) -> bool:
        return self.p is not None


def measured(has: npt.NDArray[Any], won: npt.NDArray[Any], stratum: Codes, deal: Codes) -> Measured:
    """The pooled difference won(with) - won(without), one row per deal and landmark; all arrays of one length."""
    x, y = has.astype(bool), won.astype(bool)
    strata, place = np.unique(stratum, return_inverse=True)
    share = np.bincount(place, x, len(strata)) / np.maximum(np.bincount(place, minlength=len(strata)), 1)
    both = ((share > 0) & (share < 1))[place]
    x, y, place, deal = x[both], y[both], place[both], deal[both]
    deals_with, deals_without = len(np.unique(deal[x])), len(np.unique(deal[~x]))
    counts = deals_with, deals_without, len(x)
    fewest = min(deals_with, deals_without)
    if fewest < DEALS_NEEDED or min(len(np.unique(deal[y])), len(np.unique(deal[~y]))) < WINS_NEEDED:
        return Measured(*counts)
    lift, error = _pooled(x, y, place, deal)
    if not error > 0:
        return Measured(*counts)
    student = stats.t(fewest - 1)
    reach = float(student.ppf((1 + COVERAGE) / 2)) * error
    p = float(2 * student.sf(abs(lift) / error))
    return Measured(*counts, lift, max(lift - reach, -1.0), min(lift + reach, 1.0), p)


def _pooled(x: npt.NDArray[np.bool_], y: npt.NDArray[np.bool_], place: Codes, deal: Codes) -> tuple[float, float]:
    """The difference and its error: how it varies when one deal at a time is left out."""
    kinds = np.stack([x & y, x & ~y, ~x & y, ~x & ~y]).astype(np.float64)
    size = int(place.max()) + 1
    whole = np.stack([np.bincount(place, each, size) for each in kinds]).astype(np.float64)
    above, below = _sides(whole)
    deals, cluster = np.unique(deal, return_inverse=True)
    pairs, pair = np.unique(cluster * size + place, return_inverse=True)
    own = np.stack([np.bincount(pair, each, len(pairs)) for each in kinds]).astype(np.float64)
    at = pairs % size
    above_left, below_left = _sides(whole[:, at] - own)
    out = pairs // size
    above_each = above.sum() + np.bincount(out, above_left - above[at], len(deals))
    below_each = below.sum() + np.bincount(out, below_left - below[at], len(deals))
    if (below_each <= 0).any():
        return 0.0, 0.0
    without = above_each / below_each
    spread = without - without.mean()
    return float(above.sum() / below.sum()), float(np.sqrt((len(deals) - 1) / len(deals) * (spread @ spread)))


def _sides(counts: Floats) -> tuple[Floats, Floats]:
    """By stratum the numerator and the denominator of the pooled difference; a stratum without rows adds nothing."""
    won_with, lost_with, won_without, lost_without = counts
    with_it, without = won_with + lost_with, won_without + lost_without
    size = np.maximum(with_it + without, 1)
    return (won_with * without - won_without * with_it) / size, with_it * without / size


def discoveries(chances: Sequence[float | None], *, share: float = FALSE_DISCOVERIES) -> list[bool]:
    """Which of these p-values stand out when at most `share` of those that do may be chance. None never does."""
    known = sorted(chance for chance in chances if chance is not None)
    passed = [chance for rank, chance in enumerate(known, start=1) if chance <= share * rank / len(known)]
    line = max(passed, default=-1.0)
    return [chance is not None and chance <= line for chance in chances]
