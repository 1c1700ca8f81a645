"""Telling again what an owner keeps, to build or repair what others keep of it.

Every version goes out with its number and its recording time, so it changes nothing for whoever has it. The event is a new one:
a consumer takes no event twice. In any order with new changes consumers end as they would without.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.db import Database
from libs.common.events.base import EventData
from libs.common.messaging.unsent import unpublished
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


@dataclass(frozen=True)
class Source:
    """Things of one kind that an owner keeps in versions. `tell` queues the events of the next ones after an id."""

    name: str
    events: tuple[type[EventData], ...]
    tell: Callable[[AsyncSession, UUID | None, int], Awaitable[Told]]


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
