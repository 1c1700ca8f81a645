"""The engine: learns from steps known by a day, and says what will be won by a later one. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from libs.common.calendar import FiscalCalendar
from services.forecast.projection import arrivals, evidence, landing, renewals
from services.forecast.projection import lessons as learnt
from services.forecast.projection import steps as stepping
from services.forecast.projection.arrivals import Arrivals
from services.forecast.projection.contracts import NO_CONTRACTS, Contracts
from services.forecast.projection.curves import Curves
from services.forecast.projection.evidence import Factors
from services.forecast.projection.hazards import Hazards
from services.forecast.projection.landing import Deals, Landing
from services.forecast.projection.lessons import Lessons
from services.forecast.projection.renewals import NOTHING_DUE, Due
from services.forecast.projection.settings import DEFAULT, Settings
from services.forecast.projection.sizes import Sizes
from services.forecast.projection.steps import Births, Floats, Standing, Steps, Wins


@dataclass(frozen=True, slots=True)
class Outlook:
    """What will be won from today until before `end`: each open deal's chance and what it brings, and deals not created yet.

    `new_wins` of them are expected, with `new` the mean and variance of what they bring together. `due`: contracts that end
    then, for which no deal speaks yet.
    """

    end: int
    standing: Standing
    deals: Deals
    new_wins: float
    new: tuple[float, float]
    shock: float
    settings: Settings
    due: Due = NOTHING_DUE

    @property
    def open(self) -> float:
        """What open deals bring on average, renewals left out."""
        return self._part(~self.standing.due)

    @property
    def renewals(self) -> float:
        """What open renewals bring on average."""
        return self._part(self.standing.due)

    @property
    def expected_wins(self) -> float:
        """How many deals will be won, those not created yet and renewals of what falls due among them."""
        return float(self.deals.chance.sum()) + self.new_wins + float(self.due.deals.chance.sum())

    @property
    def to_come(self) -> float:
        """All of it: open deals, renewals, contracts that fall due, and deals not created yet."""
        return float(self.deals.chance @ self.deals.mean) + self.new[0] + self.due.mean

    def _part(self, which: stepping.Flags) -> float:
        return float(self.deals.chance[which] @ self.deals.mean[which])

    def landing(self, closed: float = 0.0) -> Landing:
        """The distribution on top of what is closed so far."""
        deals, new = self.deals, self.new
        if len(self.due.rows):
            deals, new = deals.with_more(self.due.deals), (new[0], new[1] + self.due.spread)
        _, variance = deals.moments()
        few = landing.is_few(
            deals,
            self.new_wins,
            variance + new[1],
            few_wins=self.settings.few_wins,
            large_share=self.settings.large_share,
        )
        return landing.landing(
            closed,
            deals,
            new,
            new_wins=self.new_wins,
            shock=self.shock,
            few=few,
            enumerated=self.settings.enumerated,
        )


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the deals (a flag per deal number) and, by segment, their share of the deals that are created.

    `renewing`: the deals whose renewal, when they fall due, would be of the part. `doubt`: the variance of that share over its
    square, as far as it was not seen but follows from how many people there are.
    """

    deals: stepping.Flags
    created: Floats
    renewing: stepping.Flags
    doubt: float = 0.0

    def contracts(self, known: Contracts) -> stepping.Index:
        """The rows of its contracts."""
        return np.flatnonzero(self.renewing[known.deal])


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
    """Some of the open deals (their rows in what stands) and, by segment, their share of the deals that are created.

    `due`: the rows of their contracts. `doubt`: as in `Part`.
    """

    rows: stepping.Index
    created: Floats
    due: stepping.Index
    doubt: float = 0.0


@dataclass(frozen=True, slots=True)
class Model:
    """The deals as they stand when the day `today` begins, and what was learnt of how deals go, then or when the day before did.

    `pace`: what is supposed of wins from today on. `arrivals` are those learnt, or as many times as many as is supposed.
    """

    today: int
    calendar: FiscalCalendar
    settings: Settings
    evenings: Steps
    standing: Standing
    births: Births
    wins: Wins
    lessons: Lessons
    arrivals: Arrivals
    pace: float = 1.0
    contracts: Contracts = NO_CONTRACTS

    @property
    def hazards(self) -> Hazards:
        return self.lessons.hazards

    @property
    def sizes(self) -> Sizes:
        return self.lessons.sizes

    @property
    def shock(self) -> float:
        return self.lessons.shock

    def curves(self, end: int, today: int | None = None) -> Curves:
        """The chances to be won before `end`, standing so when today begins; from another day on at the pace that was learnt."""
        if today is not None:
            return self.lessons.curves(today, end)
        return self.lessons.curves(self.today, end, self.pace)

    def closed(self, start: int, end: int) -> float:
        """What is won already and counts from the day `start` on and before `end`."""
        counts = (self.wins.day >= start) & (self.wins.day < end)
        return float(np.nansum(self.wins.amount[counts]))

    def outlook(self, end: int, *, start: int | None = None, part: Part | None = None) -> Outlook:
        """What will be won from today, or from the later day `start`, until before `end`: of all, or of a part of it."""
        deals = self.standing if part is None else self.standing.where(part.deals[self.standing.deal])
        rate = self.arrivals.rate if part is None else self.arrivals.rate * part.created
        ahead = self.ahead(end, start=start)
        due = self.due(end, start=start, some=None if part is None else part.contracts(self.contracts))
        doubt = part.doubt if part else 0.0
        return self._outlook(end, deals, ahead.of(deals), ahead.newborn, rate, due, doubt)

    def outlooks(self, end: int, groups: Iterable[Group], *, start: int | None = None) -> Iterator[Outlook]:
        """Of each group what `outlook` says of it as a part; chances are worked out once for all groups."""
        ahead = self.ahead(end, start=start)
        chance, newborn = ahead.of(self.standing), ahead.newborn
        for group in groups:
            deals = self.standing.where(group.rows)
            rate, due = self.arrivals.rate * group.created, self.due(end, start=start, some=group.due)
            yield self._outlook(end, deals, chance[group.rows], newborn, rate, due, group.doubt)

    def due(self, end: int, *, start: int | None = None, some: stepping.Index | None = None) -> Due:
        """The contracts that fall due in these days without a deal, or the rows `some` of them."""
        now = self.today if start is None else start
        return renewals.due(self.contracts, self.lessons.renewing, self.today, now, end, some)

    def part(self, deals: stepping.Flags, renewing: stepping.Flags | None = None, heads: float | None = None) -> Part:
        """What of everything are these deals (a flag per deal number): their share of what is created, newest first.

        `renewing`: the deals whose renewal would be of the part; without it the same. `heads`: see `shared`.
        """
        created, doubt = self.shared(self.created(np.where(deals, 0, -1), 1)[0], heads)
        return Part(deals, created, deals if renewing is None else renewing, doubt)

    def shared(self, created: Floats, heads: float | None) -> tuple[Floats, float]:
        """A part's share of what is created, by segment, and the variance of it over its square.

        Where the company gave answers, which tell of all of it, a part gets as much as it has of all people (`heads`; None where
        that tells nothing). That is worth some deals, the fewer the more were seen, and as uncertain as so few deals leave it.
        """
        if heads is None or self.settings.won_amount is None:
            return created, 0.0
        counted = 0.5 ** ((self.today - 1 - self.births.day) / self.settings.arrival_half_life)
        seen: Floats = np.bincount(self.births.segment, counted, len(created)).astype(float)
        return arrivals.by_heads(created, heads, seen, self.arrivals, self.settings)

    def created(self, group: stepping.Index, groups: int) -> Floats:
        """By group and segment the share of what is created, newest first. `group`: one per deal number, -1 for none of them."""
        born, segments = self.births, len(self.arrivals.rate)
        counted = 0.5 ** ((self.today - 1 - born.day) / self.settings.arrival_half_life)
        every = np.bincount(born.segment, counted, segments)
        if self.contracts.covering.any():
            # Renewals of known contracts are no sign of what else is created: what falls due stands for them.
            # Where there is nothing else they say whose deals these are.
            others = counted * ~self.contracts.covering[born.deal]
            is_other = np.bincount(born.segment, others, segments) > 0
            counted = np.where(is_other[born.segment], others, counted)
            every = np.bincount(born.segment, counted, segments)
        of = group[born.deal]
        known = of >= 0
        place = of[known].astype(np.int64) * segments + born.segment[known]
        # Of nothing at all numpy counts in whole numbers, whatever the weights.
        theirs = np.bincount(place, counted[known], groups * segments).reshape(groups, segments)
        return np.divide(theirs, every, out=np.zeros(theirs.shape), where=every > 0)

    def _outlook(
        self, end: int, deals: Standing, chance: Floats, newborn: Floats, rate: Floats, due: Due, doubt: float
    ) -> Outlook:
        mean, variance = self.sizes.of(deals.segment, deals.amount)
        mean, variance = np.nan_to_num(mean), np.nan_to_num(variance)
        wins = rate * newborn
        each, spread = np.nan_to_num(self.sizes.mean), np.nan_to_num(self.sizes.variance)
        brought = float(wins @ each)
        created = float(rate.sum() * (end - self.today))
        scatter = 1 + (self.arrivals.dispersion - 1) * min(float(wins.sum()) / max(created, 1e-12), 1.0)
        scattered = float(wins @ (spread + scatter * each**2))
        scattered += brought**2 / max(self.arrivals.evidence, 1.0) + doubt * brought**2
        return Outlook(
            end=end,
            standing=deals,
            deals=Deals(chance, mean, variance),
            new_wins=float(wins.sum()),
            new=(brought, scattered),
            shock=self.shock,
            settings=self.settings,
            due=due,
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
        return Ahead(now, [(day, self.curves(day, today), self.lessons.factors(day - now)) for day in days])


def learn(
    steps: Steps, today: int, calendar: FiscalCalendar, settings: Settings = DEFAULT, sold: Contracts = NO_CONTRACTS
) -> Model:
    """Learn from what was known when the day `today` began; later rows are not looked at. `sold`: the contracts known then."""
    known = stepping.evenings(steps.until(today))
    return _standing(known, today, learnt.lessons(known, today, calendar, settings, sold), sold)


def teach(
    steps: Steps, today: int, calendar: FiscalCalendar, settings: Settings = DEFAULT, sold: Contracts = NO_CONTRACTS
) -> Lessons:
    """Only the lessons of what was known when the day `today` began; later rows are not looked at."""
    return learnt.lessons(stepping.evenings(steps.until(today)), today, calendar, settings, sold)


def stand(steps: Steps, today: int, lessons: Lessons, sold: Contracts = NO_CONTRACTS) -> Model:
    """The deals as they stood when the day `today` began, by lessons of that day or an earlier one, in their codes."""
    if (steps.stages, steps.segments) != (lessons.evenings.stages, lessons.evenings.segments):
        raise ValueError("steps and lessons do not have the same stages and segments")
    return _standing(stepping.evenings(steps.until(today)), today, lessons, sold)


def _standing(known: Steps, today: int, lessons: Lessons, sold: Contracts) -> Model:
    return Model(
        today=today,
        calendar=lessons.calendar,
        settings=lessons.settings,
        evenings=known,
        standing=stepping.standing(known, today),
        births=stepping.births(known),
        wins=stepping.wins(known),
        lessons=lessons,
        arrivals=lessons.arrivals,
        contracts=sold,
    )


def rolled(model: Model, steps: Steps, sold: Contracts = NO_CONTRACTS) -> Model:
    """The model with these steps of some deals, all of each, in place of what it had of them: what `stand` makes of all steps.

    `sold`: the contracts of all deals, as one deal may speak for those of others.
    """
    new = _standing(stepping.evenings(steps.until(model.today)), model.today, model.lessons, sold)
    moved = np.zeros(1 + max(int(each.deal.max(initial=-1)) for each in (model.evenings, steps)), dtype=bool)
    moved[steps.deal] = True
    return replace(
        model,
        evenings=stepping.woven(model.evenings, new.evenings, moved),
        standing=stepping.woven(model.standing, new.standing, moved),
        births=stepping.woven(model.births, new.births, moved),
        wins=stepping.woven(model.wins, new.wins, moved),
        contracts=sold,
    )
