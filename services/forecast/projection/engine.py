"""The engine: learns from steps known by a day, and says what will be won by a later one. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from libs.common.calendar import FiscalCalendar
from services.forecast.projection import arrivals as creation
from services.forecast.projection import counting, evidence, hazards, landing, sizes
from services.forecast.projection import steps as stepping
from services.forecast.projection.arrivals import Arrivals
from services.forecast.projection.curves import Curves, curves
from services.forecast.projection.evidence import Factors
from services.forecast.projection.hazards import Hazards
from services.forecast.projection.landing import Deals, Landing
from services.forecast.projection.seasons import seasons
from services.forecast.projection.settings import DEFAULT, Settings
from services.forecast.projection.sizes import Sizes
from services.forecast.projection.steps import Births, Floats, Standing, Steps, Wins

LONGEST: Final = 2 * 366
"""Days of history that are counted."""
LANDMARKS: Final = 8
APART: Final = 14
ENOUGH: Final = 50_000
"""Past days that close dates are judged by, how far apart, and how many deals of each at most."""
HORIZONS: Final = (7, 14, 30, 60, 91, 182, 365)
_BLOCK: Final = 28
_FEWEST: Final = 5.0


@dataclass(frozen=True, slots=True)
class Outlook:
    """What will be won from today until before `end`: each open deal's chance and what it brings, and deals not created yet.

    `new_wins` of them are expected, with `new` the mean and variance of what they bring together.
    """

    end: int
    standing: Standing
    deals: Deals
    new_wins: float
    new: tuple[float, float]
    shock: float
    settings: Settings

    @property
    def open(self) -> float:
        """What open deals bring on average, renewals left out."""
        return self._part(~self.standing.due)

    @property
    def renewals(self) -> float:
        """What open renewals bring on average."""
        return self._part(self.standing.due)

    @property
    def to_come(self) -> float:
        """All of it: open deals, renewals, and deals not created yet."""
        return float(self.deals.chance @ self.deals.mean) + self.new[0]

    def _part(self, which: stepping.Flags) -> float:
        return float(self.deals.chance[which] @ self.deals.mean[which])

    def landing(self, closed: float = 0.0) -> Landing:
        """The distribution on top of what is closed so far."""
        _, variance = self.deals.moments()
        few = landing.is_few(
            self.deals,
            self.new_wins,
            variance + self.new[1],
            few_wins=self.settings.few_wins,
            large_share=self.settings.large_share,
        )
        return landing.landing(
            closed,
            self.deals,
            self.new,
            new_wins=self.new_wins,
            shock=self.shock,
            few=few,
            enumerated=self.settings.enumerated,
        )


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the deals (a flag per deal number) and, by segment, their share of the deals that are created."""

    deals: stepping.Flags
    created: Floats


@dataclass(frozen=True, slots=True)
class Ahead:
    """The days from `today` to before the first of `spans`, less those before the second, if there is one.

    A span has its end, the chances until then, and what close dates and pushes tell of them.
    """

    today: int
    spans: list[tuple[int, Curves, Factors]]

    def of(self, deals: Standing) -> Floats:
        """Each deal's chance to be won in these days, standing so when `today` begins."""
        pushed = evidence.push_group(deals.pushes)
        whole, *before = [
            factors.on(
                curve.of(deals.segment, deals.stage, deals.age),
                evidence.date_group(deals.close_date, self.today, end),
                pushed,
            )
            for end, curve, factors in self.spans
        ]
        return np.maximum(whole - before[0], 0.0) if before else whole

    @property
    def newborn(self) -> Floats:
        """By segment the wins in these days of one deal created each day from today on."""
        whole, *before = [curve.newborn.sum(axis=1) for _, curve, _ in self.spans]
        born: Floats = whole - before[0] if before else whole
        return born


@dataclass(frozen=True, slots=True)
class Group:
    """Some of the open deals (their rows in what stands) and, by segment, their share of the deals that are created."""

    rows: stepping.Index
    created: Floats


@dataclass(frozen=True, slots=True)
class Model:
    """What was learnt from everything known when the day `today` began. `pace`: what is supposed of wins from today on."""

    today: int
    calendar: FiscalCalendar
    settings: Settings
    evenings: Steps
    standing: Standing
    births: Births
    wins: Wins
    hazards: Hazards
    sizes: Sizes
    arrivals: Arrivals
    shock: float
    first: int
    pace: float = 1.0
    _factors: dict[int, Factors] = field(default_factory=dict)

    def curves(self, end: int, today: int | None = None) -> Curves:
        """The chances to be won before `end`, standing so when today begins, or by what was learnt on a day of the past."""
        if today is not None:
            return curves(self.hazards, seasons(self.calendar, today, end), self.settings.ages)
        return curves(self.hazards.winning(self.pace), seasons(self.calendar, self.today, end), self.settings.ages)

    def closed(self, start: int, end: int) -> float:
        """What is won already and counts from the day `start` on and before `end`."""
        counts = (self.wins.day >= start) & (self.wins.day < end)
        return float(np.nansum(self.wins.amount[counts]))

    def outlook(self, end: int, *, start: int | None = None, part: Part | None = None) -> Outlook:
        """What will be won from today, or from the later day `start`, until before `end`: of all, or of a part of it."""
        deals = self.standing if part is None else self.standing.where(part.deals[self.standing.deal])
        rate = self.arrivals.rate if part is None else self.arrivals.rate * part.created
        ahead = self.ahead(end, start=start)
        return self._outlook(end, deals, ahead.of(deals), ahead.newborn, rate)

    def outlooks(self, end: int, groups: Iterable[Group], *, start: int | None = None) -> Iterator[Outlook]:
        """Of each group what `outlook` says of it as a part; chances are worked out once for all groups."""
        ahead = self.ahead(end, start=start)
        chance, newborn = ahead.of(self.standing), ahead.newborn
        for group in groups:
            deals = self.standing.where(group.rows)
            yield self._outlook(end, deals, chance[group.rows], newborn, self.arrivals.rate * group.created)

    def part(self, deals: stepping.Flags) -> Part:
        """What of everything are these deals (a flag per deal number): their share of what is created, newest first."""
        return Part(deals, self.created(np.where(deals, 0, -1), 1)[0])

    def created(self, group: stepping.Index, groups: int) -> Floats:
        """By group and segment the share of what is created, newest first. `group`: one per deal number, -1 for none of them."""
        born, segments = self.births, len(self.arrivals.rate)
        counted = 0.5 ** ((self.today - 1 - born.day) / self.settings.arrival_half_life)
        every = np.bincount(born.segment, counted, segments)
        of = group[born.deal]
        known = of >= 0
        place = of[known].astype(np.int64) * segments + born.segment[known]
        # Of nothing at all numpy counts in whole numbers, whatever the weights.
        theirs = np.bincount(place, counted[known], groups * segments).astype(float).reshape(groups, segments)
        return np.divide(theirs, every, out=np.zeros_like(theirs), where=every > 0)

    def _outlook(self, end: int, deals: Standing, chance: Floats, newborn: Floats, rate: Floats) -> Outlook:
        mean, variance = self.sizes.of(deals.segment, deals.amount)
        mean, variance = np.nan_to_num(mean), np.nan_to_num(variance)
        wins = rate * newborn
        each, spread = np.nan_to_num(self.sizes.mean), np.nan_to_num(self.sizes.variance)
        brought = float(wins @ each)
        created = float(rate.sum() * (end - self.today))
        scatter = 1 + (self.arrivals.dispersion - 1) * min(float(wins.sum()) / max(created, 1e-12), 1.0)
        scattered = float(wins @ (spread + scatter * each**2)) + brought**2 / max(self.arrivals.evidence, 1.0)
        return Outlook(
            end=end,
            standing=deals,
            deals=Deals(chance, mean, variance),
            new_wins=float(wins.sum()),
            new=(brought, scattered),
            shock=self.shock,
            settings=self.settings,
        )

    def winning(self, factor: float) -> "Model":
        """The same with deals won so many times as fast."""
        return replace(self, pace=self.pace * factor)

    def creating(self, factor: float) -> "Model":
        """The same with so many times as many deals created."""
        return replace(self, arrivals=replace(self.arrivals, rate=self.arrivals.rate * factor))

    def ahead(self, end: int, *, start: int | None = None, today: int | None = None) -> Ahead:
        """What lies from `today`, the model's own or a later day, to before `end`; from `start` on where that is later."""
        now = self.today if today is None else today
        days = (end,) if start is None or start <= now else (end, start)
        return Ahead(now, [(day, self.curves(day, today), self._factors_for(day - now)) for day in days])

    def _factors_for(self, horizon: int) -> Factors:
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
        known = self.evenings.take((self.evenings.at < day) & (self.evenings.deal % every == 0))
        stood = stepping.standing(known, day)
        chance = self.curves(day + horizon, day).of(stood.segment, stood.stage, stood.age)
        won = self.wins.deal[(self.wins.at >= day) & (self.wins.at < day + horizon)]
        is_won = np.isin(stood.deal, won).astype(float)
        return (
            chance,
            evidence.date_group(stood.close_date, day, day + horizon),
            evidence.push_group(stood.pushes),
            is_won,
        )


def learn(steps: Steps, today: int, calendar: FiscalCalendar, settings: Settings = DEFAULT) -> Model:
    """Learn from what was known when the day `today` began; later rows are not looked at."""
    known = stepping.evenings(steps.until(today))
    start = int(np.floor(known.at.min())) if len(known) else today - 1
    first = max(start, today - LONGEST)
    lasted, born = stepping.stays(known, today), stepping.births(known)
    counts = counting.count(
        lasted,
        born,
        first=first,
        today=today,
        segments=len(steps.segments),
        stages=len(steps.stages),
        ages=settings.ages,
    )
    counts, fitted = _fitted(counts, calendar, settings)
    days = seasons(calendar, counts.first, today)
    stood, won = stepping.standing(known, today), stepping.wins(known)
    return Model(
        today=today,
        calendar=calendar,
        settings=settings,
        evenings=known,
        standing=stood,
        births=born,
        wins=won,
        hazards=fitted,
        sizes=sizes.sizes(won, stood.amount, today=today, segments=len(steps.segments), settings=settings),
        arrivals=creation.arrivals(counts, settings),
        shock=_shock(counts, fitted.calendar(days), fitted, settings),
        first=start,
    )


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
