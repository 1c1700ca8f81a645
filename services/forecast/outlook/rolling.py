"""Models of what is known at two instants: made anew, or moved on by what came since. Pure.

Lessons are those of what was known when the day began, whoever asks, and deals stand as they do. So a model that moved on with
every event is to the last bit the one that is made anew, and the same question has the same answer in every process.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

import numpy as np

from services.forecast.history.columns import Columns, Index, effective, seen, timeline
from services.forecast.outlook.sight import Sight
from services.forecast.projection import engine
from services.forecast.projection.engine import Model
from services.forecast.projection.lessons import Lessons
from services.forecast.projection.reading import Coding, contracts_of, steps_of
from services.forecast.projection.settings import Settings
from services.forecast.projection.steps import Steps, woven

AT_ONCE: Final = 20_000
"""When more deals moved, all are read anew."""


@dataclass(frozen=True, slots=True)
class Taught:
    """The lessons of what was valid and known at two instants: so many `rows` of history, with what they tell apart."""

    as_of: datetime
    known_at: datetime
    rows: int
    coding: Coding
    lessons: Lessons


@dataclass(frozen=True, slots=True)
class Learnt:
    """A model and the rows of history behind it, in its `columns`: the last one of each deal by its number in the steps.

    It knows what was valid and known at two instants, so many `rows`. History only grows: when as many are seen they are the same.
    `is_taught`: all that it tells apart was known when its lessons were learnt.
    """

    taught: Taught
    is_taught: bool
    model: Model
    steps: Steps
    columns: Columns
    last: Index
    as_of: datetime
    known_at: datetime
    rows: int

    @property
    def deal(self) -> Index:
        """The code of each deal by its number in the steps: the same in every model."""
        return self.columns.deal[self.last].astype(np.intp)

    def number(self, deal: UUID) -> int | None:
        """The number of a deal; None if nothing is known of it."""
        code = self.columns.code("deal", str(deal))
        places = np.flatnonzero(self.columns.deal[self.last] == code)
        return int(places[0]) if code > 0 and len(places) else None


def taught(held: Taught | None, sight: Sight, at: datetime, day: int, settings: Settings) -> Taught:
    """The lessons of what was known when `day` began, at the instant `at`; those that are held, if nothing has come to them."""
    known_at = sight.known_by(at)
    rows = sight.sees(at, known_at)
    if held is not None and held.rows == rows:
        return held
    held_rows = timeline(sight.columns, at, known_at)
    coding = Coding.of(sight.columns, held_rows)
    return Taught(at, known_at, rows, coding, _lessons(sight, held_rows, coding, day, settings))


def _lessons(sight: Sight, rows: Index, coding: Coding, day: int, settings: Settings) -> Lessons:
    steps = steps_of(sight.columns, rows, sight.rates, sight.zone, coding)
    sold = contracts_of(sight.columns, rows, sight.rates, sight.zone)
    return engine.teach(steps, day, sight.calendar, settings, sold)


def anew(known: Taught, sight: Sight, as_of: datetime, known_at: datetime, today: int) -> Learnt:
    """The model of everything valid and known at two instants.

    Where it tells apart what the lessons did not know yet, as a stage in which no deal ever was, they are learnt with that as well.
    """
    columns = sight.columns
    rows = timeline(columns, as_of, known_at)
    coding = known.coding.extended(columns, rows)
    is_taught, lessons = coding is known.coding, known.lessons
    if not is_taught:
        before = timeline(columns, known.as_of, known.known_at)
        lessons = _lessons(sight, before, coding, lessons.today, lessons.settings)
    steps = steps_of(columns, rows, sight.rates, sight.zone, coding)
    last = effective(columns, as_of, known_at)
    return Learnt(
        taught=known,
        is_taught=is_taught,
        model=engine.stand(steps, today, lessons, contracts_of(columns, last, sight.rates, sight.zone)),
        steps=steps,
        columns=columns,
        last=last,
        as_of=as_of,
        known_at=known_at,
        rows=sight.sees(as_of, known_at),
    )


def rolled(held: Learnt, known: Taught, sight: Sight, as_of: datetime, known_at: datetime) -> Learnt | None:
    """What `anew` would make of it, by what came since; None where that has to be done."""
    columns = sight.columns
    now = seen(columns, as_of, known_at)
    count = int(np.count_nonzero(now))
    if known is not held.taught:
        return None
    if count == held.rows:
        if columns is held.columns:
            return held
        return replace(held, columns=columns, last=effective(columns, as_of, known_at), as_of=as_of, known_at=known_at)
    before = seen(columns, held.as_of, held.known_at)
    is_later = as_of >= held.as_of and known_at >= held.known_at
    # What was recorded before and came only now is not told apart from what was there.
    if not held.is_taught or not is_later or np.count_nonzero(before) != held.rows:
        return None
    deals = np.unique(columns.deal[now & ~before]).astype(np.intp)
    rows = timeline(columns, as_of, known_at, deals)
    if len(deals) > AT_ONCE or known.coding.extended(columns, rows) is not known.coding:
        return None
    numbers = _numbers(held.deal, deals)
    if numbers is None:
        return None
    part = steps_of(columns, rows, sight.rates, sight.zone, known.coding)
    part = replace(part, deal=numbers[part.deal].astype(np.int32))
    moved = np.zeros(max(len(held.last), int(numbers.max()) + 1), dtype=bool)
    moved[numbers] = True
    last = effective(columns, as_of, known_at)
    return replace(
        held,
        model=engine.rolled(held.model, part, contracts_of(columns, last, sight.rates, sight.zone)),
        steps=woven(held.steps, part, moved),
        columns=columns,
        last=last,
        as_of=as_of,
        known_at=known_at,
        rows=count,
    )


def _numbers(known: Index, deals: Index) -> Index | None:
    """The numbers of deals by their codes, new ones after all others; None where a new one belongs between them."""
    numbers = np.searchsorted(known, deals)
    is_new = numbers == len(known)
    is_new[~is_new] = known[numbers[~is_new]] != deals[~is_new]
    if (numbers[is_new] < len(known)).any():
        return None
    numbers[is_new] = len(known) + np.arange(int(is_new.sum()))
    return numbers
