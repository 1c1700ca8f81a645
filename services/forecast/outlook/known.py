"""What the engine may see at an instant, and what it learnt from it, kept in memory as long as it stays the same."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.pool import Pool

from libs.common.calendar import FiscalCalendar, Period
from services.forecast.champion import methods
from services.forecast.champion.methods import Chosen, Method
from services.forecast.history.columns import Columns, Index, instant_of, micros, timeline
from services.forecast.outlook import sayings
from services.forecast.outlook.sayings import Said
from services.forecast.projection import engine
from services.forecast.projection.engine import Model
from services.forecast.projection.reading import steps_of
from services.forecast.projection.settings import Settings
from services.forecast.projection.steps import Steps
from services.forecast.rates.conversion import Rates
from services.forecast.setup import answered as setup
from services.forecast.setup.answered import Answered

T = TypeVar("T")

MODELS_KEPT = 4
SAYINGS_KEPT = 400


@dataclass(frozen=True, slots=True)
class Learnt:
    """A model and the rows of history behind it, in its `columns`: the last one of each deal by its number in the steps.

    `until`: from then on its columns show more than it has seen; None if it has seen all of them.
    """

    model: Model
    steps: Steps
    columns: Columns
    last: Index
    until: datetime | None

    def holds(self, columns: Columns, at: datetime) -> bool:
        """Whether it would be learnt the same from these columns at an instant."""
        return self.columns is columns and (self.until is None or at < self.until)

    @property
    def deal(self) -> Index:
        """The code of each deal by its number in the steps: the same in every model."""
        return self.columns.deal[self.last].astype(np.intp)

    def number(self, deal: UUID) -> int | None:
        """The number of a deal; None if nothing is known of it."""
        code = self.columns.code("deal", str(deal))
        places = np.flatnonzero(self.columns.deal[self.last] == code)
        return int(places[0]) if code > 0 and len(places) else None


@dataclass(frozen=True, slots=True)
class Sight:
    """From where history is looked at: its columns, their rates, calendar and time zone, and when what was imported came.

    Nothing that was recorded after `known_at` is seen. `answered` at set-up and `chosen` of the two methods by then, oldest first.
    """

    columns: Columns
    rates: Rates
    calendar: FiscalCalendar
    zone: ZoneInfo
    imported_at: datetime | None
    known_at: datetime
    answered: Sequence[Answered] = ()
    chosen: Sequence[Chosen] = ()

    def settings(self, at: datetime, method: Method | None = None) -> Settings:
        """The settings at an instant: with what had been answered at set-up by then, of the method that answered or of another."""
        answered = setup.settings_of(setup.in_force(self.answered, at), currency=self.rates.base)
        return methods.settings_of(method or methods.method_of(methods.in_force(self.chosen, at)), answered)

    def steps(self, as_of: datetime, known_at: datetime) -> tuple[Steps, Index]:
        """The steps valid and known at two instants, and the last row of each deal."""
        rows = timeline(self.columns, as_of, known_at)
        deal = self.columns.deal[rows]
        is_last = np.ones(len(rows), dtype=bool)
        is_last[:-1] = deal[1:] != deal[:-1]
        return steps_of(self.columns, rows, self.rates, self.zone), rows[is_last]

    def hidden_until(self, as_of: datetime, known_at: datetime) -> datetime | None:
        """When the first of what the columns hold beyond two instants will be seen; None without any.

        There is some as what is known reaches only as far as everything has arrived, and others read on meanwhile.
        """
        columns = self.columns
        hidden = (columns.valid_from > micros(as_of)) | (columns.recorded_at > micros(known_at))
        seen_at = np.maximum(columns.valid_from[hidden], columns.recorded_at[hidden])
        return instant_of(int(seen_at.min())) if len(seen_at) else None

    def midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone)

    def known_by(self, at: datetime) -> datetime:
        """Until when what was recorded counts as known at `at`: what was imported does from its own time on."""
        return min(self.known_at, max(at, self.imported_at or at))

    def steps_then(self, day: date) -> Steps:
        """What was known when a day began."""
        at = self.midnight(day)
        return self.steps(at, self.known_by(at))[0]


class Memory:
    """Models and sayings of one database in this process, the last that were asked for."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._learning = asyncio.Lock()

    async def learnt(
        self, sight: Sight, as_of: datetime, known_at: datetime, today: int, settings: Settings, *, asked: Hashable
    ) -> Learnt:
        """The model of what is valid and known at two instants, with `today` as its day.

        `asked`: the instants that were asked for, if any; without any the model stays until there is more to see.
        """
        key = ("model", asked, today, repr(sight.rates), settings)

        def learn() -> Learnt:
            steps, last = sight.steps(as_of, known_at)
            model = engine.learn(steps, today, sight.calendar, settings)
            return Learnt(model, steps, sight.columns, last, sight.hidden_until(as_of, known_at))

        return await self._once(key, learn, lambda held: held.holds(sight.columns, max(as_of, known_at)))

    async def said(self, sight: Sight, period: Period, lead: int) -> Said | None:
        """What would have been said of a period that is over on a day of it: it stays the same until more is imported."""
        day = period.start + timedelta(days=lead)
        settings = sight.settings(sight.midnight(day))
        key = ("said", period, lead, repr(sight.rates), sight.known_by(sight.midnight(day)), settings)

        def say() -> Said | None:
            return sayings.said(sight.steps_then(day), period, lead, sight.calendar, settings)

        return await self._once(key, say, lambda _: True)

    async def _once(self, key: Hashable, work: Callable[[], T], holds: Callable[[T], bool]) -> T:
        async with self._learning:
            if key not in self._kept or not holds(self._kept[key]):
                self._kept[key] = await asyncio.to_thread(work)
            self._kept.move_to_end(key)
            self._forget()
            found: T = self._kept[key]
            return found

    def _forget(self) -> None:
        for kind, most in (("model", MODELS_KEPT), ("said", SAYINGS_KEPT)):
            keys = [key for key in self._kept if isinstance(key, tuple) and key[0] == kind]
            for key in keys[: max(0, len(keys) - most)]:
                del self._kept[key]


_memories: WeakKeyDictionary[Pool, Memory] = WeakKeyDictionary()


def memory_of(session: AsyncSession) -> Memory:
    """The memory of the database that a session reads, one for the whole process."""
    return _memories.setdefault(session.get_bind().pool, Memory())  # type: ignore[union-attr]
