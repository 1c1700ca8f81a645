"""Companies whose chances are known, day by day and whole arrays at a time, for the engine to be judged by.

A deal is created (Poisson, by segment), stands in stages, and each day may be won, lost or moved on with a chance that depends on
its stage, its age there, its segment, where the day stands in its quarter, and on what else a world has in it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from libs.common.calendar import FiscalCalendar
from services.forecast.projection.steps import LOST, OPEN, WON, Floats, Ints, Steps

CALENDAR = FiscalCalendar()
START = 19_723
"""1 January 2024."""
STAGES = ("Discover", "Propose", "Negotiate")
SEGMENTS = ("small", "large")
CHANGE = 1050
"""Day of the change of regime: in the middle of the last quarter before those that are judged."""
PACE = (1 / 24, 1 / 28, 1 / 22)
"""Chance to leave the stage per day at rest."""
FORWARD = (0.55, 0.65, 0.7)
"""Chance that a deal that leaves its stage goes forward."""


@dataclass(frozen=True)
class World:
    """What a company is like. Functions take the day from the start."""

    deals_a_day: float = 2.0
    pace: float = 1.0
    """How fast deals move, at rest; at 1 a deal that is won takes about ten weeks."""
    hurry: float = 1.5
    """How much faster the last two stages move on a quarter's last day; it fades over a week."""
    month_hurry: float = 0.0
    """The same on the last day of each month."""
    rest: float = 0.0
    """How much slower everything moves on a quarter's first day, of 1; it fades over two weeks."""
    weekend: float = 1.0
    """How fast deals move on a Saturday or Sunday, over a working day."""
    skill: float = 0.0
    """Scatter of the log odds to go forward, per deal, hidden."""
    shock: float = 0.0
    """Scatter of the log pace and odds that all deals of a month share."""
    regime: int = 10**9
    """Day from which deals go forward with odds times `after`."""
    after: float = 1.0
    cleanup: bool = False
    """Old deals are lost together on the last day of each half year."""
    stuffing: bool = False
    """In a quarter's last week amounts are cut by a third and closing is twice as fast again."""


def steps_of(world: World, days: int, seed: int) -> Steps:
    """The company's history of `days` days from `START`."""
    rng = np.random.default_rng(seed)
    born = np.sort(np.repeat(np.arange(days), rng.poisson(world.deals_a_day, days)))
    count = len(born)
    segment = (rng.random(count) < 0.3).astype(np.int64)
    amount = np.round(rng.lognormal(np.array([9.0, 10.2])[segment], 0.6), 2)
    hidden = rng.normal(0, world.skill, count) if world.skill else np.zeros(count)
    activity, hurry, to_end = _calendar(world, days)
    stage = np.zeros(count, dtype=np.int64)
    entered, alive = born.copy(), np.ones(count, dtype=bool)
    rows: list[tuple[Ints, Floats, Ints, Ints, Floats]] = [
        (np.arange(count), born.astype(float), np.zeros(count, np.int64), stage.copy(), amount.copy())
    ]
    shared = rng.normal(0, world.shock, days // 30 + 1) if world.shock else np.zeros(days // 30 + 1)
    for day in range(days):
        there = np.flatnonzero(alive & (born < day))
        pace = (
            world.pace
            * np.array(PACE)[stage[there]]
            * np.where(segment[there] == 1, 0.8, 1.0)
            * np.exp(shared[day // 30])
        )
        late = np.where(stage[there] >= 1, 1.0, 0.1)
        pace *= activity[day] * (1 + late * hurry[day])
        leaves = there[rng.random(len(there)) < -np.expm1(-pace)]
        odds = np.log(np.array(FORWARD) / (1 - np.array(FORWARD)))[stage[leaves]] + hidden[leaves] + shared[day // 30]
        odds += np.log(world.after) if day >= world.regime else 0.0
        goes = rng.random(len(leaves)) < 1 / (1 + np.exp(-odds))
        state = np.where(goes, np.where(stage[leaves] == len(STAGES) - 1, WON, OPEN), LOST)
        stage[leaves] += (state == OPEN).astype(np.int64)
        entered[leaves] = day
        alive[leaves] = state == OPEN
        closing = np.flatnonzero(state == WON)
        if world.stuffing and to_end[day] < 7:
            amount[leaves[closing]] *= 2 / 3
        at = day + rng.random(len(leaves)) * 0.9
        rows.append((leaves, at, state, stage[leaves], amount[leaves]))
        if world.cleanup and _ends_half_year(day):
            stale = np.flatnonzero(alive & (born < day) & (day - entered > 90))
            alive[stale] = False
            rows.append(
                (stale, np.full(len(stale), day + 0.95), np.full(len(stale), LOST), stage[stale], amount[stale])
            )
    deal, at, state, where, worth = (np.concatenate(each) for each in zip(*rows, strict=True))
    order = np.lexsort((at, deal))
    nothing = np.full(len(order), np.nan)
    return Steps(
        deal=deal[order].astype(np.int32),
        at=at[order] + START,
        state=state[order].astype(np.int8),
        stage=where[order].astype(np.int32),
        segment=segment[deal[order]].astype(np.int32),
        amount=worth[order],
        close_date=nothing,
        booked=nothing,
        pushes=np.zeros(len(order), dtype=np.int32),
        due=np.zeros(len(order), dtype=bool),
        stages=STAGES,
        segments=SEGMENTS,
    )


def _calendar(world: World, days: int) -> tuple[Floats, Floats, Ints]:
    """What each day multiplies the pace by, by how much more it does for late stages, and how many days its quarter has left."""
    first = date(1970, 1, 1) + timedelta(days=START)
    every = [first + timedelta(days=day) for day in range(days)]
    weekend = np.array([day.weekday() >= 5 for day in every])
    begun = np.array([(day - CALENDAR.quarter(day).start).days for day in every])
    quarter, month = (
        np.array([(period(day).end - day).days - 1 for day in every]) for period in (CALENDAR.quarter, CALENDAR.month)
    )
    activity = np.where(weekend, world.weekend, 1.0) * (1 - world.rest * np.exp(-begun / 8))
    hurry = world.hurry * np.exp(-quarter / 4) * (2 if world.stuffing else 1) + world.month_hurry * np.exp(-month / 4)
    return activity, hurry, quarter


def _ends_half_year(day: int) -> bool:
    on = date(1970, 1, 1) + timedelta(days=START + day)
    return (on.month, on.day) in ((6, 30), (12, 31))


WORLDS: dict[str, Callable[[float], World]] = {
    "stationary": lambda rate: World(deals_a_day=rate),
    "no seasons": lambda rate: World(deals_a_day=rate, hurry=0.0),
    "hidden skill": lambda rate: World(deals_a_day=rate, skill=1.0),
    "correlated": lambda rate: World(deals_a_day=rate, shock=0.15),
    "regime change": lambda rate: World(deals_a_day=rate, regime=CHANGE, after=0.7),
    "stuffing": lambda rate: World(deals_a_day=rate, stuffing=True),
    "clean-ups": lambda rate: World(deals_a_day=rate, cleanup=True),
}
