"""What metrics look at: the deals of a view as they stand at an instant, what each was before, and a period. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property, wraps
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from libs.common.calendar import FiscalCalendar, Period
from services.forecast.history.columns import (
    NO_DAY,
    Codes,
    Columns,
    Flags,
    Index,
    Ints,
    day_number,
    day_of,
    instant_of,
    micros,
    timeline,
)
from services.forecast.past.population import BUCKETS, NO_LINE, OPEN, Population, Small, days, lines, worth

NO_ROW: Final = -1
DAY: Final = 24 * 60 * 60 * 1_000_000
"""Microseconds of a day."""
WON, LOST = BUCKETS.index("closed_won"), BUCKETS.index("lost")
HELD_BACK = BUCKETS.index("held_back")
PERIODS_BACK: Final = 8
"""So many past periods, at most, say what is usual."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Standing:
    """Some deals of the scene as they stood at an instant; `at` are their positions in the population.

    Of those that were not there the line is NO_LINE and the day NO_DAY.
    """

    at: Index
    was_there: Flags
    line: Small
    day: Codes
    amount: Ints
    """Minor units of the base currency; 0 where unknown."""
    priced: Flags

    def is_open_in(self, period: Period) -> Flags:
        """In the open forecast and expected in the period."""
        found: Flags = np.isin(self.line, OPEN) & in_days(self.day, period)
        return found


@dataclass(frozen=True)
class Scene:
    """A population at `as_of`, with the past of its deals as known at `known_at`.

    A deal belongs to the part, the owner and the view in which it stands at `as_of`; what happened to it before counts there.
    `day` is the business date; `target` minor units; `period` what the metric is about.
    """

    population: Population
    as_of: datetime
    known_at: datetime
    period: Period
    day: date
    calendar: FiscalCalendar
    zone: ZoneInfo
    target: int | None = None
    plan_ends: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)
    """By deal the number of the day on which half of the cases are done by its close plan, where one has tasks left."""
    below_floor: Mapping[str, bool] = field(default_factory=dict, repr=False, compare=False)
    """By deal whether the quote that sets its amount lies below the floor of its band, where it has one."""
    shared: dict[Callable[["Scene"], Any], Any] = field(default_factory=dict, repr=False, compare=False)
    """What was found `once`; nothing of it depends on the target."""

    @property
    def columns(self) -> Columns:
        return self.population.columns

    def __len__(self) -> int:
        return len(self.population)

    @cached_property
    def timeline(self) -> Index:
        """Every entry that held of every deal of the company, by deal and time."""
        return timeline(self.columns, self.as_of, self.known_at)

    @cached_property
    def places(self) -> Index:
        """The position in the population of each deal, by its code; NO_ROW for deals outside."""
        found = np.full(len(self.columns.words["deal"].texts), NO_ROW, dtype=np.intp)
        found[self.columns.deal[self.population.rows]] = np.arange(len(self.population))
        return found

    @cached_property
    def held(self) -> Index:
        """The entries of the population's deals, by deal and time."""
        found: Index = self.timeline[(self.places != NO_ROW)[self.columns.deal[self.timeline]]]
        return found

    @cached_property
    def place(self) -> Index:
        """Whose entry each of `held` is: a position in the population."""
        return self.places[self.columns.deal[self.held]]

    @cached_property
    def since(self) -> Ints:
        """From when on each of `held` held."""
        since: Ints = self.columns.valid_from[self.held]
        return since

    @cached_property
    def until(self) -> Ints:
        """Until when each of `held` held: the deal's next entry, or for ever."""
        until = np.full(len(self.held), np.iinfo(np.int64).max, dtype=np.int64)
        until[:-1] = np.where(self.place[1:] == self.place[:-1], self.since[1:], until[:-1])
        return until

    @cached_property
    def due(self) -> Codes:
        """The close date of each of `held`."""
        due: Codes = self.columns.close_date[self.held]
        return due

    def at(self, instant: int, period: Period, also: Flags | None = None) -> Standing:
        """How deals stood at an instant (microseconds), as known at `known_at`: those due in `period`, and `also`."""
        wanted = in_days(self.due, period)
        if also is not None:
            wanted |= also[self.place]
        entries = np.flatnonzero(wanted)
        entries = entries[(self.since[entries] <= instant) & (self.until[entries] > instant)]
        stood = np.zeros(len(self), dtype=bool)
        stood[self.place[entries]] = True
        at = np.flatnonzero(stood if also is None else stood | also)
        was_there = stood[at]
        # Entries and deals have one order, that of the columns.
        there = self.held[entries]
        day = days(self.columns, there)
        amount, priced = worth(self.columns, there, day, self.population.rates)
        amount = self._shared(amount, self.place[entries])
        return Standing(
            at,
            was_there,
            spread(lines(self.columns, there), was_there, NO_LINE),
            spread(day, was_there, NO_DAY),
            spread(amount, was_there, 0),
            spread(priced, was_there, False),
        )

    def _shared(self, units: Ints, place: Index) -> Ints:
        """What of deals, worth so much at some time, those have who are asked for, by their shares at `as_of`."""
        if self.population.credit is None:
            return units
        whole = np.zeros(len(self), dtype=np.int64)
        whole[place] = units
        return self.population.credit.of_mine(whole)[place]

    def turned(self, state: str) -> Index:
        """Of every deal of the company that is won (or lost) at `as_of`, the entry by which it last became so."""
        columns, held = self.columns, self.timeline
        deal, is_so = columns.deal[held], columns.is_in("state", [state], held) & ~columns.gone[held]
        begins, last = np.ones(len(held), dtype=bool), np.ones(len(held), dtype=bool)
        begins[1:] = (deal[1:] != deal[:-1]) | (is_so[1:] != is_so[:-1])
        last[:-1] = deal[1:] != deal[:-1]
        begun = np.flatnonzero(begins)
        found: Index = held[begun[np.cumsum(begins)[last & is_so] - 1]]
        return found

    def instant(self, day: date) -> int:
        """The first instant of a local day."""
        return micros(datetime.combine(day, time(), self.zone))

    def local_days(self, instants: Ints) -> Codes:
        """The local day on which each instant falls."""
        if not len(instants):
            return np.empty(0, dtype=np.int32)
        first = instant_of(int(instants.min())).date() - timedelta(days=1)
        last = instant_of(int(instants.max())).date() + timedelta(days=2)
        midnights = [self.instant(first + timedelta(days=each)) for each in range((last - first).days)]
        return (np.searchsorted(midnights, instants, side="right") - 1 + day_number(first)).astype(np.int32)

    def in_period(self, instants: Ints) -> Flags:
        """Which instants fall in the period."""
        found: Flags = (instants >= self.instant(self.period.start)) & (instants < self.instant(self.period.end))
        return found

    @cached_property
    def is_won(self) -> Flags:
        """Won, and counted in the period."""
        found: Flags = (self.population.line == WON) & in_days(self.population.day, self.period)
        return found

    @cached_property
    def is_lost(self) -> Flags:
        """Lost in the period."""
        found: Flags = (self.population.line == LOST) & in_days(self.population.day, self.period)
        return found

    @cached_property
    def is_open(self) -> Flags:
        """In the open forecast at `as_of`, whatever the period: neither omitted nor held back."""
        found: Flags = np.isin(self.population.line, OPEN)
        return found

    @cached_property
    def created_on(self) -> Codes:
        return self.local_days(self.columns.created_at[self.population.rows])

    @cached_property
    def cycle(self) -> tuple[Ints, Flags]:
        """From the day of creation to the day of closing in microseconds, and of which deals that is known and sensible."""
        days_taken = self.population.booked.astype(np.int64) - self.created_on
        known = (self.population.booked != NO_DAY) & (days_taken >= 0)
        return np.where(known, days_taken, 0) * DAY, known

    @cached_property
    def has_begun(self) -> bool:
        return self.day >= self.period.start

    @property
    def elapsed_days(self) -> int:
        """Days of the period that have begun by the business date."""
        return max(0, min((self.day - self.period.start).days + 1, (self.period.end - self.period.start).days))

    @cached_property
    def past_periods(self) -> list[Period]:
        """The periods of the same kind before this one that had ended by the business date and lie within history, newest first."""
        if not len(self.columns):
            return []
        known_since = day_of(int(self.local_days(self.columns.valid_from.min(keepdims=True))[0]))
        of: Callable[[date], Period] = getattr(self.calendar, self.period.kind)
        found: list[Period] = []
        at = of(self.period.start - timedelta(days=1))
        while known_since is not None and at.start >= known_since and len(found) < PERIODS_BACK:
            if at.end <= self.day:
                found.append(at)
            at = of(at.start - timedelta(days=1))
        return found


def once(find: Callable[[Scene], Result]) -> Callable[[Scene], Result]:
    """Found once for each scene: metrics that are read together share it."""

    @wraps(find)
    def found(scene: Scene) -> Result:
        if find not in scene.shared:
            scene.shared[find] = find(scene)
        result: Result = scene.shared[find]
        return result

    return found


def in_days(day: Codes, period: Period) -> Flags:
    """Which days lie in the period."""
    found: Flags = (day >= day_number(period.start)) & (day < day_number(period.end))
    return found


def spread(values: npt.NDArray[Any], where: Flags, missing: Any) -> npt.NDArray[Any]:
    """`values` at the places of `where`, `missing` elsewhere."""
    whole = np.full(len(where), missing, dtype=values.dtype)
    whole[where] = values
    return whole
