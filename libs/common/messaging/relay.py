"""The relay: carries the outbox of one component to its topic, in order, without loss, by one leader at a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common import clock, crash
from libs.common.config import CommonSettings
from libs.common.db import Database, is_passing
from libs.common.messaging import cursor as cursors
from libs.common.messaging import envelope, kafka
from libs.common.messaging.cursor import CursorMoved
from libs.common.messaging.envelope import Tick
from libs.common.messaging.topics import Topic
from libs.common.messaging.wake import CHANNEL
from libs.common.observe import metrics
from libs.common.observe.log import get_logger

log = get_logger(__name__)

LOCK = 0x52656C79
"""Key of the session advisory lock that makes one relay the leader of a database."""

BATCH = 500
POLL_S = 0.1
HELD_BACK_S = 0.004
"""First wait for an older transaction to finish, which nobody tells of; doubled up to POLL_S."""
LOCK_RETRY_S = 0.5
TICK_S = 1.0
CLUSTER_CHECK_S = 0.5

Origin = Callable[[AsyncConnection], Awaitable[datetime | None]]
"""Reads, on the connection's present snapshot, up to which arrival time all deliveries are recorded here."""

Applied = Callable[[str], Awaitable[int]]
"""Asks the consumers below which transaction id all of them have applied everything; 0 when one does not answer.

What one says counts only for the given log: one that has not taken it up has applied what stands before its start.
"""


class LogLost(Exception):
    """The broker's log is not the one the relay wrote to."""


@dataclass
class Relay:
    """Carries `database`'s outbox to `topic`. `run` until cancelled."""

    settings: CommonSettings
    database: Database
    topic: Topic
    origin: Origin
    applied: Applied

    async def run(self) -> None:
        """Wait for leadership, lead, and start over after any trouble."""
        delay_s = 0.2
        while True:
            try:
                async with self.database.direct() as connection:
                    await self._wait_for_lock(connection)
                    await self._lead(connection)
                delay_s = 0.2
            except (kafka.KafkaError, CursorMoved, TimeoutError) as error:
                log.warning("relay starts over", topic=self.topic.name, reason=f"{type(error).__name__}: {error}")
            except Exception as error:
                if not is_passing(error):
                    raise
                log.warning("relay starts over", topic=self.topic.name, reason=f"{type(error).__name__}: {error}")
            metrics.RELAY_LEADING.set(0)
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, 5.0)

    async def _wait_for_lock(self, connection: AsyncConnection) -> None:
        """Ask again and again instead of waiting in the database, so that a cancelled relay leaves no waiter behind."""
        while True:
            if await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK}):
                return
            await asyncio.sleep(LOCK_RETRY_S)

    async def _lead(self, connection: AsyncConnection) -> None:
        await kafka.ensure_topics(self.settings, [self.topic])
        if self.settings.wake_by_notify:
            await self._listen(connection)
        producer = kafka.producer(self.settings)
        await producer.start()
        try:
            metrics.RELAY_LEADING.set(1)
            await Leader(self, connection, producer).run()
        finally:
            await kafka.stop(producer)

    async def _listen(self, connection: AsyncConnection) -> None:
        raw = await connection.get_raw_connection()
        driver: Any = raw.driver_connection
        await driver.add_listener(CHANNEL, lambda *_: self.database.wake.poke())


class Leader:
    """One term of leadership: the cursor in memory, the cursor as stored, and the tick that is due."""

    def __init__(self, relay: Relay, connection: AsyncConnection, producer: kafka.AIOKafkaProducer) -> None:
        self.relay = relay
        self.connection = connection
        self.producer = producer
        self.topic = relay.topic
        self.source = f"foretell/{relay.topic.owner}"
        self._exhausted = False
        self._held_back = False
        self._tick: Tick | None = None
        self._tick_at = 0.0
        self._cluster_checked = 0.0

    async def run(self) -> None:
        """Lead until something fails."""
        await self.start()
        held_s = HELD_BACK_S
        while True:
            if await self.step():
                held_s = HELD_BACK_S
                continue
            await self.relay.database.wake.wait(held_s if self._held_back else POLL_S)
            held_s = min(held_s * 2, POLL_S) if self._held_back else HELD_BACK_S

    async def start(self) -> None:
        """Take up the stored cursor."""
        self.stored = self.cursor = await cursors.load(self.connection)

    async def step(self) -> bool:
        """Send what is there and tick when due; returns whether to go on at once."""
        try:
            await self._check_cluster()
            sent = await self._send_window()
            await self._tick_when_due()
        except LogLost as lost:
            log.warning("the log was emptied", topic=self.topic.name, reason=str(lost))
            await self._begin_log(await kafka.cluster_id(self.producer.client))
            return True
        return sent

    async def _check_cluster(self) -> bool:
        """Notice another cluster id, and then begin a new log; returns whether it did."""
        now = time.monotonic()
        if now - self._cluster_checked < CLUSTER_CHECK_S:
            return False
        cluster = await kafka.cluster_id(self.producer.client)
        self._cluster_checked = now
        if cluster == self.cursor.cluster:
            return False
        await self._begin_log(cluster)
        return True

    async def _begin_log(self, cluster: str, *, rewind_to: int | None = None) -> None:
        """Name a new log and start again from where the consumers stand, or from where one of them asked.

        The name holds the transaction it starts at: a consumer that lacks something older sees it and asks.
        """
        first = not self.cursor.log
        await kafka.ensure_topics(self.relay.settings, [self.topic])
        start = rewind_to if rewind_to is not None else 0 if first else await self.relay.applied(self.cursor.log)
        start = min(start, self.cursor.lower)
        self.cursor = self.cursor.restarted(at=start, log=f"{uuid4().hex}:{start}", cluster=cluster)
        await self._store()
        self._exhausted = True
        self._tick = None
        if not first:
            metrics.RELAY_LOG_RESTARTS.inc()
            log.warning("sending again", topic=self.topic.name, from_txid=start, asked=rewind_to is not None)

    async def _send_window(self) -> bool:
        """Open the next window if the present one is exhausted, and send all of it. Returns whether anything was sent."""
        if self._exhausted:
            look = await cursors.look(self.connection, self.cursor.upper)
            if look.rewind_to is not None:
                await self._begin_log(self.cursor.cluster, rewind_to=look.rewind_to)
                return True
            self.cursor = self.cursor.opened(look.oldest)
            self._held_back = look.held_back
            self._exhausted = False
            if look.rows is not None:
                return await self._send_all(look.rows)
        sent = False
        while ahead := await cursors.ahead(self.connection, self.cursor):
            for start in range(0, len(ahead), BATCH):
                await self._send(
                    await cursors.rows_of(self.connection, [row for _, row in ahead[start : start + BATCH]])
                )
                if await self._check_cluster():
                    return True
            sent = True
            if len(ahead) < cursors.READ_AHEAD:
                break
        self._pass_window()
        return sent

    async def _send_all(self, rows: Sequence[dict[str, Any]]) -> bool:
        """Send a window that was read as a whole; returns whether there was anything in it."""
        await self._send(rows)
        if rows and await self._check_cluster():
            return True
        self._pass_window()
        return bool(rows)

    def _pass_window(self) -> None:
        """Everything of the window has been sent."""
        self._exhausted = True
        if self.cursor.replaying_to is not None and self._sent_below >= self.cursor.replaying_to:
            self.cursor = replace(self.cursor, replaying_to=None)
            log.info("everything the lost log held has been sent again", topic=self.topic.name)

    @property
    def _sent_below(self) -> int:
        """Everything recorded by transactions below this one has been sent."""
        return self.cursor.upper if self._exhausted else self.cursor.lower

    async def _send(self, rows: Sequence[dict[str, Any]]) -> None:
        """Send rows, wait for all acknowledgements, then store the cursor."""
        if not rows:
            return
        crash.point("relay.read_not_sent")
        futures = [
            await self.producer.send(
                self.topic.name,
                value=bytes(row["data"]),
                key=str(row["key"]).encode(),
                headers=envelope.headers_of(row, source=self.source, log=self.cursor.log),
            )
            for row in rows
        ]
        acknowledged = self._acknowledged(await asyncio.gather(*futures))
        crash.point("relay.sent_cursor_not_stored")
        self.cursor = replace(self.cursor, position=rows[-1]["position"], acknowledged=acknowledged)
        await self._store()
        metrics.RELAY_SENT.labels(self.topic.name).inc(len(rows))

    def _acknowledged(self, answers: Sequence[kafka.RecordMetadata]) -> dict[int, int]:
        """The last offset per partition after these answers. Raises LogLost when one stands where others stood before."""
        latest = dict(self.cursor.acknowledged)
        for answer in answers:
            if answer.offset <= self.cursor.acknowledged.get(answer.partition, -1):
                raise LogLost(
                    f"partition {answer.partition} acknowledged offset {answer.offset} "
                    f"after {self.cursor.acknowledged[answer.partition]}"
                )
            latest[answer.partition] = max(latest.get(answer.partition, -1), answer.offset)
        return latest

    async def _store(self) -> None:
        await cursors.store(self.connection, self.stored, self.cursor)
        self.stored = self.cursor

    async def _tick_when_due(self) -> None:
        """Promise once a second, and keep a promise when the window has passed its horizon."""
        if self._tick is not None and self._sent_below >= self._tick.applied_txid:
            await self._send_tick(self._tick)
            self._tick = None
        if self._tick is None and time.monotonic() - self._tick_at >= TICK_S:
            self._tick_at = time.monotonic()
            self._tick = await self._promise()

    async def _promise(self) -> Tick:
        """What can be said once all transactions that have an id by now are sent.

        Time, horizon and origin are read on one snapshot; a transaction that gets its id later also gets a later stamp.
        """
        async with self.relay.database.engine.connect() as opened:
            snapshot = await opened.execution_options(isolation_level="REPEATABLE READ")
            row = (
                await snapshot.execute(
                    text("SELECT transaction_timestamp() AS at, pg_snapshot_xmax(pg_current_snapshot())::text AS xmax")
                )
            ).one()
            origin = await self.relay.origin(snapshot)
        return Tick(recorded_to=row.at + clock.offset(), origin=origin, applied_txid=int(row.xmax))

    async def _send_tick(self, tick: Tick) -> None:
        headers = envelope.tick_headers(tick, source=self.source, log=self.cursor.log)
        futures = [
            await self.producer.send(self.topic.name, value=b"", headers=headers, partition=number)
            for number in range(self.topic.partitions)
        ]
        latest = self._acknowledged(await asyncio.gather(*futures))
        self.cursor = replace(self.cursor, acknowledged=latest)
