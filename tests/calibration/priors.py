"""What companies of many kinds have in common: the priors of the calendar in the engine's settings, learnt from simulated ones.

The engine learns the calendar of one company of each kind with next to no prior. What it found is averaged over the kinds, each
alike, and believed as little as they differ: a factor whose mean over kinds is m and whose variance is v has the Gamma prior that
m / v expected events are worth.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import product
from typing import Any, Final

import numpy as np

from services.forecast.projection import engine
from services.forecast.projection.counting import KINDS as EVENTS
from services.forecast.projection.seasons import QUARTER_PARTS, seasons
from services.forecast.projection.settings import DEFAULT, Settings
from services.forecast.projection.steps import Floats
from tests.calibration.worlds import CALENDAR, START, World, steps_of

DAYS: Final = 900
"""Of a company's history; the engine counts the last two years, when about as many deals are open as will be."""
DEALS_A_DAY: Final = 10.0
PACES: Final = (0.5, 2.0)
"""A won deal takes about 140 or 35 days."""
QUARTER_ENDS: Final = (0.0, 1.5, 3.0)
MONTH_ENDS: Final = (0.0, 1.5)
RESTS: Final = (0.0, 0.6)
WEEKENDS: Final = (0.05, 0.3, 1.0)
"""Closed, half staffed, a day like any other."""
NEUTRAL: Final[Settings] = replace(
    DEFAULT,
    quarter_prior=((1.0,) * QUARTER_PARTS,) * EVENTS,
    weekend_prior=1.0,
    quarter_events=((1.0,) * QUARTER_PARTS,) * EVENTS,
    week_events=1.0,
)


@dataclass(frozen=True, slots=True)
class Found:
    """The calendar of one company: what parts of the quarter multiply wins, losses and moves by, (events, parts), where a
    year's days have 1 on average; and a day of the weekend over a working day, (events,)."""

    quarter: Floats
    weekend: Floats


def kinds() -> list[World]:
    """Every pace with every habit at the ends of quarters, months and weeks and after a quarter's end.

    Half of them clear old deals away at the end of each half year, so that this goes with no other habit.
    """
    return [
        World(
            DEALS_A_DAY,
            pace=pace,
            hurry=quarter,
            month_hurry=month,
            rest=rest,
            weekend=weekend,
            cleanup=(month > 0) != (rest > 0),
        )
        for pace, quarter, month, rest, weekend in product(PACES, QUARTER_ENDS, MONTH_ENDS, RESTS, WEEKENDS)
    ]


def found_in(world: World, seed: int) -> Found:
    """What the engine learns of the calendar of one company of a kind."""
    learnt = engine.learn(steps_of(world, DAYS, seed), START + DAYS, CALENDAR, NEUTRAL).hazards
    quarter = learnt.quarter / (learnt.quarter @ _days_a_year())[:, None]
    return Found(quarter, learnt.week[:, 5:].mean(axis=1) / learnt.week[:, :5].mean(axis=1))


def priors(found: Iterable[Found]) -> Mapping[str, Any]:
    """The settings that follow, by name, rounded as they stand there."""
    every = list(found)
    quarters, weekends = np.array([each.quarter for each in every]), np.array([each.weekend for each in every])
    return {
        "quarter_prior": _tuples(quarters.mean(axis=0), 2),
        "quarter_events": _tuples(quarters.mean(axis=0) / quarters.var(axis=0), 0),
        "weekend_prior": round(float(weekends.mean()), 2),
        "week_events": round(float(weekends.mean() / weekends.var()), 1),
    }


def _tuples(table: Floats, places: int) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(round(each, places) for each in row) for row in table.tolist())


def _days_a_year() -> Floats:
    """The share of each part of the quarter in a year's days."""
    start = (date(2026, 1, 1) - date(1970, 1, 1)) // timedelta(days=1)
    parts = seasons(CALENDAR, start, start + 365).quarter_part
    share: Floats = np.bincount(parts, minlength=QUARTER_PARTS) / len(parts)
    return share
