"""Walks the engine through simulated companies and counts how often it was right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from services.forecast.accuracy.walking import Baseline, Window, walk
from services.forecast.projection.settings import DEFAULT, Settings
from tests.calibration.worlds import CALENDAR, START, WORLDS, steps_of

HORIZON = 91
EVERY = 45
FIRST = 150
"""Days of history before the first saying."""
JUDGED = FIRST + 10 * HORIZON
"""Quarters are judged from here on: by then more than nine distinct sayings of the engine's own are over."""
DAYS = JUDGED + 5 * HORIZON
BESIDE = ("moving_average", "seasonal", "naive_last")
"""The methods that the engine is blended with here."""
LEVELS = (0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4)
"""Targets, over what was won in the quarter before."""


@dataclass(frozen=True)
class Judged:
    """Of one world: distinct quarters, and of each the share of the distribution below what came, error and targets."""

    world: str
    quarters: int
    below: np.ndarray
    error: np.ndarray
    came: np.ndarray
    promised: np.ndarray
    kept: np.ndarray
    average: np.ndarray
    """Error of the moving average."""
    stretch: np.ndarray
    late: np.ndarray
    """Whether the quarter is one of the first two after a change of regime."""

    def cover(self, share: float) -> float:
        """The share of quarters within the band of `share`."""
        return float(np.mean(np.abs(self.below - 0.5) <= share / 2))

    @property
    def wape(self) -> float:
        return float(np.abs(self.error).sum() / self.came.sum())

    @property
    def bias(self) -> float:
        return float(self.error.sum() / self.came.sum())

    @property
    def row(self) -> dict[str, Any]:
        """The figures, for one line of JSON."""
        settled = ~self.late
        return {
            "world": self.world,
            "quarters": self.quarters,
            "cover80": round(self.cover(0.8), 4),
            "cover95": round(self.cover(0.95), 4),
            "cover80_settled": round(float(np.mean(np.abs(self.below[settled] - 0.5) <= 0.4)), 4),
            "wape": round(self.wape, 4),
            "wape_moving_average": round(float(np.abs(self.average).sum() / self.came.sum()), 4),
            "bias": round(self.bias, 4),
            "stretch": round(float(self.stretch.mean()), 3),
            "reliability_error": round(self.reliability_error, 4),
        }

    @property
    def line(self) -> str:
        told = self.row
        promises = "  ".join(f"{said:.2f}→{came:.2f} ({n})" for said, came, n in self.reliability())
        return (
            f"{self.world:14} {self.quarters:4} quarters   in 80 %: {told['cover80']:.1%}   in 95 %: {told['cover95']:.1%}   "
            f"WAPE {told['wape']:.3f} (moving average {told['wape_moving_average']:.3f})   bias {self.bias:+.3f}   "
            f"promised→kept {promises}"
        )

    @property
    def reliability_error(self) -> float:
        """Mean distance of promises P(>= target) from what came true, over bands weighed by their number."""
        bands = self.reliability()
        return sum(n * abs(said - came) for said, came, n in bands) / sum(n for _, _, n in bands)

    def reliability(self, bands: int = 5) -> list[tuple[float, float, int]]:
        """Of promises P(>= target) in each band: mean promised, share kept, number."""
        band = np.minimum((self.promised * bands).astype(int), bands - 1)
        found = []
        for each in range(bands):
            there = band == each
            if there.any():
                found.append((float(self.promised[there].mean()), float(self.kept[there].mean()), int(there.sum())))
        return found


def company(
    name: str, rate: float, seed: int, baselines: Mapping[str, Baseline], settings: Settings = DEFAULT
) -> list[Window]:
    """The windows of one company's distinct quarters."""
    steps = steps_of(WORLDS[name](rate), DAYS, seed)
    judged = _quarters()
    taught = [START + day for day in range(FIRST, DAYS - HORIZON, EVERY)]
    windows = walk(
        steps, sorted({*taught, *judged}), HORIZON, calendar=CALENDAR, baselines=baselines, settings=settings
    )
    return [window for window in windows if window.as_of in judged]


def _quarters() -> set[int]:
    """First days of distinct quarters."""
    day, found = date(1970, 1, 1) + timedelta(days=START + JUDGED), set()
    while (start := (CALENDAR.quarter(day).start - date(1970, 1, 1)).days) + HORIZON <= START + DAYS:
        if start >= START + JUDGED:
            found.add(start)
        day = CALENDAR.quarter(day).end
    return found


def judge(name: str, windows: Sequence[Window]) -> Judged:
    """Count over the windows of many companies of one world."""
    changed = WORLDS[name](1.0).regime
    promised, kept = [], []
    for window in windows:
        typical = window.points.get("naive_last") or window.foretell.mean
        for level in LEVELS:
            promised.append(window.foretell.at_least(level * typical))
            kept.append(window.came >= level * typical)
    return Judged(
        name,
        len(windows),
        np.array([float(window.foretell.cdf(window.came)[0]) for window in windows]),
        np.array([window.foretell.mean - window.came for window in windows]),
        np.array([window.came for window in windows]),
        np.array(promised),
        np.array(kept, dtype=float),
        np.array([window.points["moving_average"] - window.came for window in windows]),
        np.array([window.stretch.scale for window in windows]),
        np.array([-HORIZON < window.as_of - START - changed < 2 * HORIZON for window in windows]),
    )
