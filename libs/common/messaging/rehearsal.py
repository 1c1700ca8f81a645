"""Trying what events would do: through the handlers of the real path, in a transaction that is always taken back."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.db import Database
from libs.common.events.base import Cause, E, EventData, Received
from libs.common.ids import new_id
from libs.common.messaging import outbox


class _TakenBack(Exception):
    """Ends the transaction without a trace."""


@asynccontextmanager
async def rehearsal(database: Database) -> AsyncIterator[AsyncSession]:
    """A transaction in which everything may be done and nothing stays; no event leaves."""
    try:
        async with database.transaction() as session:
            yield session
            raise _TakenBack
    except _TakenBack:
        pass


def as_received(event: E, *, key: UUID, version: int, occurred_at: datetime, cause: Cause | None = None) -> Received[E]:
    """The event as a handler would get it, had it been sent."""
    return Received(
        data=event,
        id=new_id(),
        type=event.TYPE,
        key=key,
        occurred_at=occurred_at,
        recorded_at=clock.now(),
        aggregate_version=version,
        topic=event.TOPIC.name,
        partition=0,
        cause=cause or Cause(),
    )


def would_be_sent(session: AsyncSession, kind: type[EventData]) -> Sequence[bytes]:
    """The payloads of the events on `kind`'s topic that this transaction would have sent, in order, as JSON."""
    rows: Sequence[tuple[Any, ...]] = outbox.pending(session)
    return [row[-1] for row in rows if row[1] == kind.TOPIC.name]
