"""Stores deliveries by group commit: what arrived during one commit shares the next. No timer.

While few arrive they are understood in the transaction that stores them, which saves them a second one; in a burst they are
only stored, so that CRMs get their answers, and understood by the worker.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.config import Settings
from gateway.webhooks import metrics
from libs.common import crash
from libs.common.db import Database, is_passing
from libs.common.observe.log import get_logger
from libs.common.sql import Query

log = get_logger(__name__)


class NotStored(Exception):
    """It is unknown, or known to be false, that the delivery was stored: the CRM must send it again."""


class Overloaded(NotStored):
    """Too many deliveries wait already."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An authenticated delivery that waits to be stored."""

    id: UUID
    connection: str
    received_at: datetime
    headers: dict[str, str]
    body: bytes
    traceparent: str | None
    stored: "asyncio.Future[None]" = field(compare=False)


_INSERT = Query(
    """
    INSERT INTO delivery (id, connection, received_at, headers, body, body_bytes, traceparent)
    SELECT n.id, n.connection, n.received_at, n.headers::jsonb, n.body, octet_length(n.body), n.traceparent
    FROM unnest(
        cast(:ids AS uuid[]), cast(:connections AS text[]), cast(:received AS timestamptz[]), cast(:headers AS text[]),
        cast(:bodies AS bytea[]), cast(:traceparents AS text[])
    ) AS n (id, connection, received_at, headers, body, traceparent)
    """
)


Understand = Callable[[AsyncSession, Sequence[UUID]], Awaitable[Callable[[], None]]]
"""Understands stored deliveries within a transaction; returns what is to be done when that is committed."""


class Intake:
    """A queue and the one task that empties it. `store` returns only after the commit.

    `arrived` is called for deliveries that are stored and nothing else; `understand` is for those that need not wait.
    """

    def __init__(
        self, database: Database, settings: Settings, arrived: Callable[[], None], understand: Understand | None = None
    ) -> None:
        self._database = database
        self._settings = settings
        self._arrived = arrived
        self._understand = understand
        self._queue: deque[Arrival] = deque()
        self._filled = asyncio.Event()

    def new(self, identifier: UUID, *, connection: str, received_at: datetime, headers: dict[str, str], body: bytes,
            traceparent: str | None) -> Arrival:  # fmt: skip
        stored = asyncio.get_running_loop().create_future()
        return Arrival(identifier, connection, received_at, headers, body, traceparent, stored)

    async def store(self, arrival: Arrival) -> None:
        """Returns when the delivery is committed. Raises NotStored, also when that takes too long to be known."""
        if len(self._queue) >= self._settings.webhook_queue:
            raise Overloaded
        self._queue.append(arrival)
        self._filled.set()
        metrics.QUEUED.set(len(self._queue))
        try:
            await asyncio.wait_for(arrival.stored, self._settings.webhook_store_timeout_s)
        except TimeoutError:
            raise NotStored from None

    async def run(self) -> None:
        """Flush for ever; on cancellation what is queued is refused."""
        try:
            while True:
                await self._filled.wait()
                self._filled.clear()
                while batch := self._take():
                    await self._flush(batch)
        finally:
            self._refuse(self._queue)

    def _take(self) -> list[Arrival]:
        batch: list[Arrival] = []
        size = 0
        while self._queue and len(batch) < self._settings.webhook_flush_rows:
            size += len(self._queue[0].body)
            if batch and size > self._settings.webhook_flush_bytes:
                break
            batch.append(self._queue.popleft())
        metrics.QUEUED.set(len(self._queue))
        return [each for each in batch if not each.stored.done()]

    async def _flush(self, batch: Sequence[Arrival]) -> None:
        waiting = len(batch) + len(self._queue)
        if self._understand is not None and waiting <= self._settings.understand_at_once:
            try:
                await self._insert(batch, self._understand)
            except asyncio.CancelledError:
                self._refuse(batch)
                raise
            except Exception as error:  # noqa: BLE001 - whatever it was, the deliveries are kept without it
                log.warning("deliveries not understood at once", reason=f"{type(error).__name__}: {error}"[:300])
            else:
                return
        await self._flush_only(batch)

    async def _flush_only(self, batch: Sequence[Arrival]) -> None:
        try:
            await self._insert(batch)
        except asyncio.CancelledError:
            self._refuse(batch)
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the senders must be told to come again
            log.warning("deliveries not stored", count=len(batch), reason=f"{type(error).__name__}: {error}"[:300])
            if len(batch) == 1 or is_passing(error):
                self._refuse(batch)
                return
            for each in batch:
                await self._flush_only([each])

    async def _insert(self, batch: Sequence[Arrival], understand: Understand | None = None) -> None:
        tell = self._arrived
        crash.point("gateway.authenticated_not_stored")
        async with self._database.transaction() as session:
            await _INSERT.run(
                session,
                {
                    "ids": [each.id for each in batch],
                    "connections": [each.connection for each in batch],
                    "received": [each.received_at for each in batch],
                    "headers": [orjson.dumps(each.headers).decode() for each in batch],
                    "bodies": [each.body for each in batch],
                    "traceparents": [each.traceparent for each in batch],
                },
            )
            if understand is not None:
                tell = await understand(session, [each.id for each in batch])
        crash.point("gateway.stored_not_answered")
        metrics.FLUSHED.observe(len(batch))
        for each in batch:
            if not each.stored.done():
                each.stored.set_result(None)
        crash.point("gateway.committed_not_woken")
        tell()

    def _refuse(self, batch: Sequence[Arrival]) -> None:
        for each in batch:
            if not each.stored.done():
                each.stored.set_exception(NotStored())
