"""Walking forward through history: on each day what would have been said then, and what came. Pure.

On each day the engine learns anew from what was known when that day began, and its blend and band from those of its own
earlier sayings whose windows were over by then, scored at what was known to have come: a win that is told later and booked
into such a window is not. Nothing of a later day is looked at.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from libs.common.calendar import FiscalCalendar
from services.forecast.accuracy.closings import closings
from services.forecast.projection import engine, learning
from services.forecast.projection import steps as stepping
from services.forecast.projection.landing import Landing
from services.forecast.projection.learning import ENGINE, Blend, Stretch, Told
from services.forecast.projection.settings import DEFAULT, Settings
from services.forecast.projection.steps import Floats, Steps

Baseline = Callable[[Steps, float, float], float | None]


class Distribution(Protocol):
    """What a method says of a window."""

    @property
    def mean(self) -> float: ...
    def quantile(self, share: Floats | float) -> Floats: ...
    def cdf(self, x: Floats | float) -> Floats: ...


@dataclass(frozen=True, slots=True)
class Window:
    """What was said on the day `as_of` of what would be won before the day `end`, and what was: `came`.

    `points`: the means of all methods, the engine's own under ENGINE before it is blended; `foretell` is what is said.
    """

    as_of: int
    end: int
    came: float
    foretell: Landing
    points: Mapping[str, float]
    blend: Blend
    stretch: Stretch


def walk(
    steps: Steps,
    days: Sequence[int],
    horizon: int,
    *,
    calendar: FiscalCalendar,
    baselines: Mapping[str, Baseline],
    settings: Settings = DEFAULT,
    tell: Callable[[int], Any] = lambda _: None,
) -> list[Window]:
    """What would have been said on each of `days` of the following `horizon` days. `tell` gets the number of days done."""
    windows: list[Window] = []
    past: list[Told] = []
    came = stepping.wins(stepping.evenings(steps))
    for done, day in enumerate(sorted(days)):
        known = closings(steps, day)
        over = [replace(each, came=known.total(each.made_on, each.end)) for each in past if each.end <= day]
        window, told = _said(steps, day, horizon, over, calendar, baselines, settings, came)
        windows.append(window)
        past.append(told)
        tell(done + 1)
    return windows


def _said(
    steps: Steps,
    day: int,
    horizon: int,
    over: Sequence[Told],
    calendar: FiscalCalendar,
    baselines: Mapping[str, Baseline],
    settings: Settings,
    came: stepping.Wins,
) -> tuple[Window, Told]:
    known = steps.until(day)
    model = engine.learn(known, day, calendar, settings)
    modelled = model.outlook(day + horizon).landing(model.closed(day, day + horizon))
    said = {name: method(known, float(day), float(horizon)) for name, method in baselines.items()}
    points = {name: point for name, point in said.items() if point is not None}
    landing, mixed, wide = learning.told_landing(modelled, points, over, settings)
    within = (came.day >= day) & (came.day < day + horizon)
    actual = float(np.nansum(came.amount[within]))
    points = {**points, ENGINE: modelled.mean}
    window = Window(day, day + horizon, actual, landing, points, mixed, wide)
    return window, Told(day, day + horizon, points, landing.mean, landing.deviation / wide.scale, actual)
