"""What would have been said of periods that are over, on one day of each: the engine's own past. Pure.

For each past period the engine learns from what was known when that day began, and its blend and band from its sayings of
earlier periods that were over by then, scored at what was known on that day to have come: a win that is told later and
booked into such a period is not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np

from libs.common import money
from libs.common.calendar import FiscalCalendar, Period
from services.forecast.accuracy.baselines import BASELINES
from services.forecast.accuracy.closings import Closings, closings
from services.forecast.history.columns import Columns, day_number, effective, timeline
from services.forecast.past.population import BUCKETS, Population
from services.forecast.projection import engine, learning
from services.forecast.projection.contracts import Contracts
from services.forecast.projection.landing import Landing
from services.forecast.projection.learning import ENGINE, Told
from services.forecast.projection.settings import Settings
from services.forecast.projection.steps import Steps
from services.forecast.rates.conversion import Rates

BAND = (0.1, 0.9)
TAUGHT: Final = {"month": 12, "quarter": 10, "year": 3}
"""How many past periods are looked at."""
COUNTED = (BUCKETS.index("closed_won"), BUCKETS.index("commit"))
LEAST_DAYS = 30
"""Days of closes that must be known before anything is said."""


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of `period` on its day number `lead`, before it was blended and widened; `modelled` with what was closed.

    `came`: what periods of its kind before it were known on that day to have brought, by the day on which each ended.
    """

    period: Period
    lead: int
    modelled: Landing
    points: Mapping[str, float]
    came: Mapping[int, float]

    @property
    def day(self) -> date:
        return self.period.start + timedelta(days=self.lead)

    @property
    def made_on(self) -> int:
        return day_number(self.period.start) + self.lead

    @property
    def end(self) -> int:
        return day_number(self.period.end)


def said(
    known: Steps, sold: Contracts, period: Period, lead: int, calendar: FiscalCalendar, settings: Settings
) -> Said | None:
    """What the engine and simpler methods say on that day from the steps `known` then, and what was `sold` for a term. None:
    there is too little to learn from.
    """
    start, end = day_number(period.start), day_number(period.end)
    day = start + lead
    known = known.until(day)
    won = closings(known, day)
    if won.begin is None or day - won.begin < LEAST_DAYS:
        return None
    model = engine.learn(known, day, calendar, settings, sold)
    closed = model.closed(start, day)
    modelled = model.outlook(end).landing(closed + model.closed(day, end))
    points = {**simpler(known, day, end, closed), ENGINE: modelled.mean}
    return Said(period, lead, modelled, points, brought(won, calendar.before(period, TAUGHT[period.kind])))


def simpler(known: Steps, day: int, end: int, closed: float) -> dict[str, float]:
    """What simpler methods say of the whole period, with what is closed in it."""
    points = {name: method(known, float(day), float(end - day)) for name, method in BASELINES.items()}
    return {name: closed + point for name, point in points.items() if point is not None}


def brought(won: Closings, periods: Sequence[Period]) -> dict[int, float]:
    """What periods brought as far as it is known, by the day on which each ended."""
    return {day_number(each.end): won.total(day_number(each.start), day_number(each.end)) for each in periods}


def over(told: Sequence[Told], came: Mapping[int, float], by: int) -> list[Told]:
    """Those of periods that were over by a day, with what was known then to have come."""
    return [replace(each, came=came[each.end]) for each in told if each.end <= by]


def told(sayings: Sequence[Said], settings: Settings) -> list[tuple[Landing, Told]]:
    """What would have been said in the end, one per saying, oldest first: blended and widened by the sayings before it.

    What came is left unknown (nan): it depends on the day from which it is looked at, see `over`.
    """
    found: list[tuple[Landing, Told]] = []
    for each in sorted(sayings, key=lambda one: one.end):
        before = over([known for _, known in found], each.came, each.made_on)
        landing, _, wide = learning.told_landing(each.modelled, each.points, before, settings)
        deviation = landing.deviation / wide.scale
        found.append((landing, Told(each.made_on, each.end, each.points, landing.mean, deviation, np.nan)))
    return found


def commit(columns: Columns, rates: Rates, period: Period, at: datetime, known_at: datetime) -> float | None:
    """Closed and commit of a period at an instant; None where no deal had ever been in commit, so that it says nothing."""
    rows = timeline(columns, at, known_at)
    if not columns.is_in("category", ["commit"], rows).any():
        return None
    stood = Population.of(columns, effective(columns, at, known_at), rates)
    counted = stood.in_days(period.start, period.end) & np.isin(stood.line, COUNTED)
    return float(stood.where(counted).amount[0].sum()) / 10.0 ** money.exponent(rates.base)
