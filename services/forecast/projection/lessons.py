"""What was learnt when a day began: rates, sizes, arrivals, and what close dates and pushes tell. Pure.

It is learnt once for a day and stays as it is while deals move on: whoever asks on that day is answered by the same lessons.
"""

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from libs.common.calendar import FiscalCalendar
from services.forecast.projection import arrivals as creation
from services.forecast.projection import changing, counting, evidence, hazards, renewals, sizes
from services.forecast.projection import steps as stepping
from services.forecast.projection.arrivals import Arrivals
from services.forecast.projection.changing import Change
from services.forecast.projection.contracts import NO_CONTRACTS, Contracts
from services.forecast.projection.curves import Curves, curves
from services.forecast.projection.evidence import Factors
from services.forecast.projection.hazards import Hazards
from services.forecast.projection.renewals import UNTAUGHT, Renewing
from services.forecast.projection.seasons import seasons
from services.forecast.projection.settings import Settings
from services.forecast.projection.sizes import Sizes
from services.forecast.projection.steps import Floats, Steps, Wins

LONGEST: Final = 2 * 366
"""Days of history that are counted."""
LANDMARKS: Final = 8
APART: Final = 14
ENOUGH: Final = 50_000
"""Past days that close dates are judged by, how far apart, and how many deals of each at most."""
HORIZONS: Final = (7, 14, 30, 60, 91, 182, 365)
CURVES_KEPT: Final = 48
"""Tables of chances that are kept: a year of months, a quarter's days of the fan, and some paces that are supposed."""
_BLOCK: Final = 28
_FEWEST: Final = 5.0


@dataclass(frozen=True, slots=True)
class Lessons:
    """What was learnt from everything known when the day `today` began. `first`: the first day anything is known of.

    `hazards`: the rates of all days. `of_late`: the same as far as they have changed, `change`, which hold from today on.
    """

    today: int
    calendar: FiscalCalendar
    settings: Settings
    evenings: Steps
    wins: Wins
    hazards: Hazards
    of_late: Hazards
    change: Change
    sizes: Sizes
    arrivals: Arrivals
    shock: float
    first: int
    renewing: Renewing = UNTAUGHT
    _factors: dict[int, Factors] = field(default_factory=dict)
    _curves: dict[tuple[int, int, float], Curves] = field(default_factory=dict, init=False)

    def curves(self, today: int, end: int, pace: float = 1.0) -> Curves:
        """The chances to be won before `end`, standing so when the day `today` begins, with wins at so many times the pace."""
        key = (today, end, pace)
        found = self._curves.get(key)
        if found is None:
            paced = self.of_late if pace == 1 else self.of_late.winning(pace)
            found = curves(paced, seasons(self.calendar, today, end), self.settings.ages)
            for oldest in list(self._curves)[: len(self._curves) + 1 - CURVES_KEPT]:
                self._curves.pop(oldest, None)
            self._curves[key] = found
        return found

    def factors(self, horizon: int) -> Factors:
        """What close dates and pushes tell of as many days ahead."""
        nearest = min(HORIZONS, key=lambda known: abs(np.log(known / max(horizon, 1))))
        if nearest not in self._factors:
            self._factors[nearest] = self._judged(nearest)
        return self._factors[nearest]

    def _judged(self, horizon: int) -> Factors:
        """Factors from the newest past days whose following `horizon` days are over."""
        if np.isnan(self.evenings.close_date).all() and not self.evenings.pushes.any():
            return evidence.NOTHING
        seen = [self._landmark(self.today - horizon - APART * back, horizon) for back in range(LANDMARKS)]
        found = [each for each in seen if each is not None]
        if not found:
            return evidence.NOTHING
        chance, date, pushed, won = (np.concatenate(each) for each in zip(*found, strict=True))
        return evidence.fit(chance, date, pushed, won, self.settings)

    def _landmark(self, day: int, horizon: int) -> tuple[Floats, stepping.Ints, stepping.Ints, Floats] | None:
        if day < self.first + 30:
            return None
        every = max(1, int(self.evenings.deal.max(initial=0)) // ENOUGH)
        stood = stepping.standing(self.evenings, day, every)
        then = curves(self.hazards, seasons(self.calendar, day, day + horizon), self.settings.ages)
        chance = then.of(stood.segment, stood.stage, stood.age)
        won = self.wins.deal[(self.wins.at >= day) & (self.wins.at < day + horizon)]
        is_won = np.isin(stood.deal, won).astype(float)
        return (
            chance,
            evidence.date_group(stood.close_date, day, day + horizon),
            evidence.push_group(stood.pushes),
            is_won,
        )


def lessons(
    known: Steps, today: int, calendar: FiscalCalendar, settings: Settings, sold: Contracts = NO_CONTRACTS
) -> Lessons:
    """Learn from evening rows, and contracts, that were known when the day `today` began."""
    start = int(np.floor(known.at.min())) if len(known) else today - 1
    first = max(start, today - LONGEST)
    births = stepping.births(known)
    counts = counting.count(
        stepping.stays(known, today),
        births,
        first=first,
        today=today,
        segments=len(known.segments),
        stages=len(known.stages),
        ages=settings.ages,
    )
    counts, fitted = _fitted(_uncovered(counts, births, sold), calendar, settings)
    days = seasons(calendar, counts.first, today)
    stood, won = stepping.standing(known, today), stepping.wins(known)
    changed = _changed(counts, fitted.calendar(days), fitted, settings)
    return Lessons(
        today=today,
        calendar=calendar,
        settings=settings,
        evenings=known,
        wins=won,
        hazards=fitted,
        of_late=fitted.at(changed.levels),
        change=changed,
        sizes=sizes.sizes(won, stood.amount, today=today, segments=len(known.segments), settings=settings),
        arrivals=creation.arrivals(counts, settings),
        shock=_shock(counts, fitted.calendar(days), fitted, settings),
        first=start,
        renewing=renewals.learn(sold, today, settings.half_life),
    )


def _uncovered(counts: counting.Counts, births: stepping.Births, sold: Contracts) -> counting.Counts:
    """Without the creation of renewals of known contracts: what falls due stands for those that will still come."""
    if not sold.covering.any():
        return counts
    covering = counting.created(births, sold.covering[births.deal], counts.first, counts.days, len(counts.born))
    return replace(counts, born=counts.born - covering)


def _fitted(counts: counting.Counts, calendar: FiscalCalendar, settings: Settings) -> tuple[counting.Counts, Hazards]:
    """The counts that can be believed, and what they say.

    Many CRMs begin with what was open on the day they were bought, so that nothing closes before. Days before the first
    close are left out when by what came after so many closes were to be expected in them that none is no accident.
    """
    end = counts.first + counts.days
    closes = np.flatnonzero(counts.events[[counting.WIN, counting.LOSS]].sum(axis=(0, 1)))
    if len(closes) and closes[0]:
        later = counts.since(counts.first + int(closes[0]))
        fitted = hazards.fit(later, seasons(calendar, later.first, end), settings)
        before = seasons(calendar, counts.first, later.first)
        closing = [counting.WIN, counting.LOSS]
        rates, factor = fitted.rates[closing].reshape(len(closing), -1), fitted.calendar(before)[closing]
        expected = ((rates @ counts.exposure[:, : closes[0]]) * factor).sum()
        if expected > settings.silence:
            return later, fitted
    return counts, hazards.fit(counts, seasons(calendar, counts.first, end), settings)


def _changed(counts: counting.Counts, factor: Floats, fitted: Hazards, settings: Settings) -> Change:
    """Whether wins, losses and moves are of late otherwise than the rates of all days."""
    expected = np.stack([rates.ravel() @ counts.exposure for rates in fitted.rates]) * factor
    end = counts.first + counts.days
    return changing.change(counts.events.sum(axis=1), expected, end, settings)


def _shock(counts: counting.Counts, factor: Floats, fitted: Hazards, settings: Settings) -> float:
    """What moved all deals of a month together: the scatter of won over expected, beyond that of counting."""
    expected = (fitted.rates[counting.WIN].ravel() @ counts.exposure) * factor[counting.WIN]
    won = counts.events[counting.WIN].sum(axis=0)
    whole = len(won) // _BLOCK * _BLOCK
    if not whole:
        return settings.shock
    expected, won = (each[-whole:].reshape(-1, _BLOCK).sum(axis=1) for each in (expected, won))
    enough = expected >= _FEWEST
    beyond = (won[enough] / expected[enough] - 1) ** 2 - 1 / expected[enough]
    periods = settings.shock_periods
    square = (periods * settings.shock**2 + beyond.sum()) / (periods + len(beyond))
    return float(np.sqrt(max(square, (settings.shock / 3) ** 2)))
