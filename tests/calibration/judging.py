"""Walks the engine through simulated companies and counts how often it was right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from typing import Any, Final

import numpy as np

from services.forecast.accuracy import scores
from services.forecast.accuracy.scores import Bin, Coverage, Flags, Floats
from services.forecast.accuracy.walking import Baseline, Window, walk
from services.forecast.projection.settings import DEFAULT, Settings
from tests.calibration.worlds import CALENDAR, START, WORLDS, steps_of

HORIZON = 91
FIRST = 150
"""Days of history before the first saying. Sayings follow each other without overlap, and each teaches those after it."""
TAUGHT = 10
"""Sayings before the first that is judged: more than the nine from which on the band is learnt."""
JUDGED = FIRST + TAUGHT * HORIZON
"""Quarters are judged that begin here or later: eight of each company."""
DAYS = JUDGED + 9 * HORIZON
BESIDE = ("moving_average", "seasonal", "naive_last")
"""The methods that the engine is blended with here."""
LEVELS: Final[Floats] = np.array([0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4])
"""Targets, over what was won in the quarter before."""
CHANGED: Final = ", first two"
"""What is added to the name of a world for the first two quarters after its change of regime."""
BINS: Final = 5
"""Promises are held against what came true in so many bins of equal width."""


@dataclass(frozen=True)
class Judged:
    """Distinct quarters of one world: what was said of each, and what came. Money is in one currency, a row per quarter."""

    world: str
    came: Floats
    said: Floats
    average: Floats
    """What the moving average said."""
    below: Floats
    """The share of what was said that lies below what came."""
    stretch: Floats
    promised: Floats
    kept: Flags
    """Promises P(>= target), one for each of `LEVELS` and quarter, and whether they came true."""

    @property
    def reliability(self) -> list[Bin]:
        return scores.reliability(np.clip(self.promised, 0.0, 1.0), self.kept, bins=BINS)

    @property
    def off(self) -> float:
        """The greatest distance of promises, in a bin of them, from what came true."""
        return max(abs(each.said - each.came) for each in self.reliability)

    def cover(self, ends: Floats) -> Coverage | None:
        """How often what came lay between the quantiles at `ends`. Quarters do not overlap."""
        return scores.coverage(scores.inside(ends[:1], ends[1:], self.below), distinct=len(self.came))

    @property
    def row(self) -> dict[str, Any]:
        """The figures, for one line of JSON; money over what came."""
        covers = (self.cover(scores.ENDS_80), self.cover(scores.ENDS_95))
        return {
            "world": self.world,
            "quarters": len(self.came),
            **{name: each and _rounded(each.share) for name, each in zip(("cover80", "cover95"), covers, strict=True)},
            "wape": _rounded(scores.wape(self.said, self.came)),
            "wape_moving_average": _rounded(scores.wape(self.average, self.came)),
            "bias": _rounded(scores.bias(self.said, self.came)),
            "stretch": _rounded(float(self.stretch.mean())),
            "off": _rounded(self.off),
            "reliability": [[_rounded(each.said), _rounded(each.came), each.n] for each in self.reliability],
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def company(
    name: str, rate: float, seed: int, baselines: Mapping[str, Baseline], settings: Settings = DEFAULT
) -> list[Window]:
    """The windows of one company's distinct quarters."""
    steps = steps_of(WORLDS[name](rate), DAYS, seed)
    judged = _quarters()
    taught = [START + day for day in range(FIRST, JUDGED, HORIZON)]
    windows = walk(
        steps, sorted({*taught, *judged}), HORIZON, calendar=CALENDAR, baselines=baselines, settings=settings
    )
    return [window for window in windows if window.as_of in judged]


def companies_for(name: str, quarters: int) -> int:
    """How many companies of a world have so many quarters to judge, those apart that its change of regime hit."""
    return ceil(quarters / sum(not is_changed(name, day) for day in _quarters()))


def is_changed(name: str, as_of: int) -> bool:
    """Whether the quarter from `as_of` on is the one in which the world changed, or one of the first two after it."""
    return -HORIZON < as_of - START - WORLDS[name](1.0).regime < 2 * HORIZON


def _quarters() -> set[int]:
    """First days of distinct quarters."""
    day, found = date(1970, 1, 1) + timedelta(days=START + JUDGED), set()
    while (start := (CALENDAR.quarter(day).start - date(1970, 1, 1)).days) + HORIZON <= START + DAYS:
        if start >= START + JUDGED:
            found.add(start)
        day = CALENDAR.quarter(day).end
    return found


def judge(name: str, windows: Sequence[Window]) -> list[Judged]:
    """Count over the windows of many companies of a world; quarters that its change of regime hit stand apart."""
    changed = [window for window in windows if is_changed(name, window.as_of)]
    settled = [window for window in windows if not is_changed(name, window.as_of)]
    return [judged(world, some) for world, some in ((name, settled), (name + CHANGED, changed)) if some]


def judged(world: str, windows: Sequence[Window]) -> Judged:
    """Count over windows. Targets are multiples of what was won in the quarter before."""
    targets = [LEVELS * (window.points.get("naive_last") or window.foretell.mean) for window in windows]
    said = [window.foretell for window in windows]
    return Judged(
        world=world,
        came=np.array([window.came for window in windows]),
        said=np.array([each.mean for each in said]),
        average=np.array([window.points["moving_average"] for window in windows]),
        below=np.array([float(window.foretell.cdf(window.came)[0]) for window in windows]),
        stretch=np.array([window.stretch.scale for window in windows]),
        promised=np.concatenate([1.0 - each.cdf(wanted) for each, wanted in zip(said, targets, strict=True)]),
        kept=np.concatenate([window.came >= wanted for window, wanted in zip(windows, targets, strict=True)]),
    )
