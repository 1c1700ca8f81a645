"""What was learnt and what would have been said, kept in memory as long as it stays the same."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.pool import Pool

from libs.common.calendar import Period
from libs.common.db import Database
from services.forecast.history.columns import Columns, day_number
from services.forecast.outlook import remembered, rolling, sayings
from services.forecast.outlook.rolling import Learnt
from services.forecast.outlook.sayings import Said
from services.forecast.outlook.sight import Sight
from services.forecast.projection.bookkeeping import Kept
from services.forecast.projection.settings import Settings

T = TypeVar("T")

KEPT: Final = {"model": 4, "taught": 2, "book": 4, "said": 400}
"""How many of each are kept, the last that were asked for."""


class Memory:
    """Models and sayings of one database in this process, the last that were asked for."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self._learning = asyncio.Lock()
        self._counted: tuple[Columns | None, dict[Hashable, int]] = (None, {})
        self._unwritten: dict[str, tuple[Period, int, Said | None]] = {}

    async def learnt(
        self, sight: Sight, as_of: datetime, known_at: datetime, day: date, settings: Settings, *, asked: Hashable
    ) -> Learnt:
        """The deals as valid and known at two instants when `day` ends, by the lessons of when it began.

        `asked`: the instants that were asked for, if any; without any the model moves on with what there is to see.
        """
        number = day_number(day)
        key = ("model", asked, day, repr(sight.rates), settings)
        at = min(as_of, sight.midnight(day))
        about = ("taught", day, at, sight.known_by(at), repr(sight.rates), settings)

        def learn(held: Learnt | None) -> Learnt:
            known = rolling.taught(self._kept.get(about), sight, at, number, settings)
            self._keep(about, known)
            found = rolling.rolled(held, known, sight, as_of, known_at) if held else None
            return found or rolling.anew(known, sight, as_of, known_at, number + 1)

        async with self._learning:
            found = await asyncio.to_thread(learn, self._kept.get(key))
            self._keep(key, found)
            return found

    async def said(
        self, session: AsyncSession, sight: Sight, periods: Sequence[Period], lead: int
    ) -> list[Said | None]:
        """What would have been said of periods that are over on a day of each, of each None where there was too little to say.

        It stays the same until what was known on that day becomes another. What this process has not said yet may be kept.
        """
        async with self._learning:
            names = {self._digest(sight, period, lead): (period, lead) for period in periods}
            missing = {name: of_period for name, of_period in names.items() if ("said", name) not in self._kept}
            for name, said in (await remembered.read(session, missing)).items():
                self._keep(("said", name), said)
                del missing[name]
            for name, (period, _) in missing.items():
                # Learning takes a while each: the database must not take the session for forgotten.
                await session.execute(text("SELECT 1"))
                said = await asyncio.to_thread(_say, sight, period, lead)
                self._keep(("said", name), said)
                self._unwritten[name] = (period, lead, said)
            return [self._keep(("said", name), self._kept["said", name]) for name in names]

    async def write(self, database: Database) -> int:
        """Keep what this process said and the database has not, for others and for later; returns how many."""
        said = dict(self._unwritten)
        if said:
            async with database.transaction() as session:
                await remembered.append(session, said)
        for name in said:
            self._unwritten.pop(name, None)
        return len(said)

    def _digest(self, sight: Sight, period: Period, lead: int) -> str:
        at = sight.midnight(period.start + timedelta(days=lead))
        if self._counted[0] is not sight.columns:
            self._counted = (sight.columns, {})
        about = (at, sight.known_by(at))
        rows = self._counted[1].get(about)
        if rows is None:
            rows = self._counted[1][about] = sight.sees(*about)
        return remembered.digest(sight, rows, period, lead)

    async def book(self, key: Hashable, work: Callable[[Kept | None], tuple[Kept, T]]) -> T:
        """What is made of a book that is kept, and moved on each time: by one at a time."""
        name = ("book", key)

        def worked() -> T:
            kept, made = work(self._kept.get(name))
            self._keep(name, kept)
            return made

        async with self._learning:
            return await asyncio.to_thread(worked)

    def _keep(self, key: tuple[Any, ...], found: T) -> T:
        """Keep it as the newest of its kind, and no more of them than there is room for."""
        self._kept[key] = found
        self._kept.move_to_end(key)
        for kind, most in KEPT.items():
            keys = [each for each in self._kept if each[0] == kind]
            for each in keys[: max(0, len(keys) - most)]:
                del self._kept[each]
        return found


def _say(sight: Sight, period: Period, lead: int) -> Said | None:
    day = period.start + timedelta(days=lead)
    settings = sight.settings(sight.midnight(day))
    return sayings.said(*sight.known_then(day), period, lead, sight.calendar, settings)


_memories: WeakKeyDictionary[Pool, Memory] = WeakKeyDictionary()


def memory_of(session: AsyncSession) -> Memory:
    """The memory of the database that a session reads, one for the whole process."""
    return _memories.setdefault(session.get_bind().pool, Memory())  # type: ignore[union-attr]


async def write(database: Database) -> int:
    """Keep what this process said of the past, so that it is not worked out again; returns how many sayings are new."""
    memory = _memories.get(database.engine.pool)
    return await memory.write(database) if memory else 0
