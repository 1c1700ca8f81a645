"""Telling again what an owner keeps, to build or repair what others keep of it.

Every version goes out with its number and its recording time, so it changes nothing for whoever has it. The event is a new one:
a consumer takes no event twice. In any order with new changes consumers end as they would without.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.db import Database
from libs.common.events.base import Cause, EventData
from libs.common.messaging import outbox
from libs.common.messaging.unsent import unpublished
from libs.common.sql import Query
from libs.common.web.auth import Principal, require

AT_ONCE = 500
"""Things told in one transaction, with all their versions."""
AHEAD = 20_000
"""Events that may wait for the broker before more are written: what happens meanwhile must not wait behind all of them."""
LOOKED_S = 0.2


class Told(NamedTuple):
    """What one transaction told: how many things, how many events, and where to go on; None where that was all."""

    things: int
    events: int
    after: UUID | None


@dataclass(frozen=True, slots=True)
class Again:
    """A version as it was told: the aggregate's key and number, when it happened, when it was recorded and by what it came."""

    event: EventData
    key: UUID
    version: int
    occurred_at: datetime
    recorded_at: datetime
    cause: Cause | None = None
    subject: str | None = None


class Source:
    """Things of one kind that an owner keeps in versions.

    `table` and `column` hold the ids of all of them; `versions` reads what was told of some, in order.
    """

    def __init__(
        self,
        name: str,
        events: tuple[type[EventData], ...],
        *,
        table: str,
        column: str,
        versions: Callable[[AsyncSession, Sequence[UUID]], Awaitable[Sequence[Again]]],
    ) -> None:
        self.name, self.events, self._versions = name, events, versions
        self._ids = Query(
            f"SELECT DISTINCT {column} FROM {table} WHERE :after::uuid IS NULL OR {column} > :after "  # noqa: S608 - names of the code
            f"ORDER BY {column} LIMIT :limit"
        )

    async def tell(self, session: AsyncSession, after: UUID | None, limit: int) -> Told:
        """Queue the events of the next things after an id."""
        ids = await self._ids.column(session, {"after": after, "limit": limit})
        found = await self._versions(session, ids) if ids else ()
        for each in found:
            outbox.add(
                session,
                each.event,
                key=each.key,
                version=each.version,
                occurred_at=each.occurred_at,
                cause=each.cause,
                subject=each.subject,
                recorded_at=each.recorded_at,
            )
        return Told(len(ids), len(found), ids[-1] if len(ids) == limit else None)


async def republish(
    database: Database, source: Source, *, principal: Principal, shown: Callable[[Told], None] = lambda _: None
) -> Told:
    """Tell all of a source again, in transactions of their own; can be stopped and repeated at any time.

    `shown` is told of the sum after each. Waits while the broker does not take what was written.
    """
    require(principal, "system")
    things = events = 0
    after: UUID | None = None
    while True:
        await _room(database)
        async with database.transaction() as session:
            told = await source.tell(session, after, AT_ONCE)
        things, events, after = things + told.things, events + told.events, told.after
        shown(Told(things, events, after))
        if after is None:
            return Told(things, events, None)


async def _room(database: Database) -> None:
    while True:
        async with database.reading() as session:
            if (await unpublished(session)).events < AHEAD:
                return
        await asyncio.sleep(LOOKED_S)


def chosen(sources: Sequence[Source], names: Sequence[str]) -> list[Source]:
    """The sources of these names, all of them where none is given. Raises ValueError that names those there are."""
    known = {source.name: source for source in sources}
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ValueError(f"nothing is kept by the name {', '.join(unknown)}; there are: {', '.join(known)}")
    return [source for source in sources if not names or source.name in names]
