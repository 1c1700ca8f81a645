"""How fast something climbs, and how sure that is. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

BLOCKS = 12
"""Neighbouring samples are alike; means of so many blocks are nearly independent of each other."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Slope:
    """Per hour: the best guess and the ends of its 95 % interval; and the mean level."""

    low: float
    mid: float
    high: float
    mean: float

    def shown(self) -> list[float]:
        """Low, best guess, high."""
        return [round(each, 2) for each in (self.low, self.mid, self.high)]


def slope(seconds: Sequence[float], values: Sequence[float]) -> Slope:
    """The least-squares line through the means of blocks. Raises ValueError with fewer than two samples per block."""
    if len(seconds) != len(values) or len(values) < 2 * BLOCKS:
        raise ValueError(f"{len(values)} samples; at least {2 * BLOCKS} are needed")
    hours = np.array([part.mean() for part in np.array_split(np.asarray(seconds, float) / 3600, BLOCKS)])
    levels = np.array([part.mean() for part in np.array_split(np.asarray(values, float), BLOCKS)])
    if not np.ptp(levels):
        return Slope(0.0, 0.0, 0.0, float(levels[0]))
    line = stats.linregress(hours, levels)
    margin = float(stats.t.ppf((1 + CONFIDENCE) / 2, BLOCKS - 2)) * float(line.stderr)
    return Slope(float(line.slope) - margin, float(line.slope), float(line.slope) + margin, float(np.mean(values)))


def climbs(found: Slope, *, share: float, least: float) -> bool:
    """Whether it surely climbs by more in an hour than `share` of its level and than `least`: then it does not stay."""
    return found.low > max(share * found.mean, least)
