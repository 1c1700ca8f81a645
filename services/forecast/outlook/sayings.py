"""What would have been said of periods that are over, on one day of each: the engine's own past. Pure.

For each past period the engine learns from what was known when that day began, and its blend and band from its sayings of
earlier periods that were over by then.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from libs.common import money
from libs.common.calendar import FiscalCalendar, Period
from services.forecast.accuracy.baselines import BASELINES
from services.forecast.history.columns import Columns, day_number, effective
from services.forecast.past.population import BUCKETS, Population
from services.forecast.projection import engine, learning
from services.forecast.projection import steps as stepping
from services.forecast.projection.landing import Landing
from services.forecast.projection.learning import ENGINE, Told
from services.forecast.projection.settings import Settings
from services.forecast.projection.steps import Steps
from services.forecast.rates.conversion import Rates

BAND = (0.1, 0.9)
COUNTED = (BUCKETS.index("closed_won"), BUCKETS.index("commit"))
LEAST_DAYS = 30
"""Days of closes that must be known before anything is said."""


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of `period` on its day number `lead`, before it was blended and widened; `modelled` with what was closed."""

    period: Period
    lead: int
    modelled: Landing
    points: Mapping[str, float]

    @property
    def day(self) -> date:
        return self.period.start + timedelta(days=self.lead)

    @property
    def made_on(self) -> int:
        return day_number(self.period.start) + self.lead

    @property
    def end(self) -> int:
        return day_number(self.period.end)


def said(known: Steps, period: Period, lead: int, calendar: FiscalCalendar, settings: Settings) -> Said | None:
    """What the engine and simpler methods say on that day from the steps `known` then. None: there is too little to learn from."""
    start, end = day_number(period.start), day_number(period.end)
    day = start + lead
    known = known.until(day)
    wins = stepping.wins(stepping.evenings(known))
    if not len(wins.at) or day - wins.at.min() < LEAST_DAYS:
        return None
    model = engine.learn(known, day, calendar, settings)
    closed = model.closed(start, day)
    modelled = model.outlook(end).landing(closed + model.closed(day, end))
    return Said(period, lead, modelled, {**simpler(known, day, end, closed), ENGINE: modelled.mean})


def simpler(known: Steps, day: int, end: int, closed: float) -> dict[str, float]:
    """What simpler methods say of the whole period, with what is closed in it."""
    points = {name: method(known, float(day), float(end - day)) for name, method in BASELINES.items()}
    return {name: closed + point for name, point in points.items() if point is not None}


def told(sayings: Sequence[Said], came: Callable[[Period], float], until: int, settings: Settings) -> list[Told]:
    """The sayings of periods that were over by the day `until`, oldest first, each blended from those before it."""
    found: list[Told] = []
    for each in sorted(sayings, key=lambda one: one.end):
        if each.end <= until:
            over = [before for before in found if before.end <= each.made_on]
            landing, _, wide = learning.told_landing(each.modelled, each.points, over, settings)
            outcome = came(each.period)
            found.append(
                Told(each.made_on, each.end, each.points, landing.mean, landing.deviation / wide.scale, outcome)
            )
    return found


def landings(sayings: Sequence[Said], past: Sequence[Told], settings: Settings) -> list[Landing]:
    """What would have been said in the end, one per saying; `past` are the told ones of the same day of periods."""
    return [
        learning.told_landing(
            each.modelled, each.points, [before for before in past if before.end <= each.made_on], settings
        )[0]
        for each in sayings
    ]


def booked(steps: Steps) -> Callable[[Period], float]:
    """What was won in a period, as far as it is known."""
    wins = stepping.wins(stepping.evenings(steps))

    def within(period: Period) -> float:
        counts = (wins.day >= day_number(period.start)) & (wins.day < day_number(period.end))
        return float(np.nansum(wins.amount[counts]))

    return within


def periods_before(calendar: FiscalCalendar, period: Period, count: int) -> list[Period]:
    """The `count` periods of the same kind before this one, oldest first."""
    of = {"month": calendar.month, "quarter": calendar.quarter, "year": calendar.year}[period.kind]
    found = [period]
    while len(found) <= count:
        found.append(of(found[-1].start - timedelta(days=1)))
    return found[:0:-1]


def commit(columns: Columns, rates: Rates, period: Period, at: datetime, imported_at: datetime | None) -> float | None:
    """Closed and commit of a period at an instant; None where no deal ever had a category, so that commit says nothing."""
    stood = Population.of(columns, effective(columns, at, max(at, imported_at or at)), rates)
    if columns.code("category", "commit") < 0:
        return None
    counted = stood.in_days(period.start, period.end) & np.isin(stood.line, COUNTED)
    return float(stood.where(counted).amount[0].sum()) / 10.0 ** money.exponent(rates.base)
