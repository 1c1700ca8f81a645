"""A small world on the real event path: one producer, one topic, one consumer, and everything that can go wrong between.

The producer's aggregates are counters with versions; the consumer keeps each version it applied and the newest. Databases,
broker, relay and consumer are the real ones; the world steps them by hand, so that a test chooses the order of events.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from libs.common import crash, ids
from libs.common.config import CommonSettings
from libs.common.db import Database, is_passing
from libs.common.events.pricing import QuoteCreated
from libs.common.messaging import cursor, kafka, neighbours, position
from libs.common.messaging.consumer import Consumer
from libs.common.messaging.cursor import CursorMoved
from libs.common.messaging.position import PartitionLost
from libs.common.messaging.relay import Leader, Relay
from libs.common.messaging.topics import Topic
from tests.support.brokers import TestBroker
from tests.support.counters import CONSUMER_TABLES, KEYS, PRODUCER_TABLES, count_up, difference, keep
from tests.support.databases import MESSAGING, DatabaseServer


class Crashed(BaseException):
    """The process died at a crash point."""


class WrongOrder(AssertionError):
    """The relay sent a version of an aggregate after a later one."""


class WatchedLeader(Leader):
    """A leader that notes, per pass through the outbox, in which order versions leave."""

    _seen: dict[UUID, int]

    async def _begin_log(self, cluster: str, *, rewind_to: int | None = None) -> None:
        await super()._begin_log(cluster, rewind_to=rewind_to)
        self._seen = {}

    async def _send(self, rows: Sequence[dict[str, Any]]) -> None:
        seen = self.__dict__.setdefault("_seen", {})
        for row in rows:
            if row["aggregate_version"] < seen.get(row["key"], 0):
                raise WrongOrder(f"version {row['aggregate_version']} left after {seen[row['key']]}")
            seen[row["key"]] = row["aggregate_version"]
        await super()._send(rows)


class OpenChange:
    """A transaction of the producer that has written its event but is not committed yet."""

    def __init__(self, stack: AsyncExitStack, session: AsyncSession) -> None:
        self.stack = stack
        self.session = session


def _raised(column: str) -> str:
    return f"({column}::text::bigint + 1000000)::text::xid8"


class World:
    """See the module. Every method is one thing that happens; trouble that a real process survives is survived."""

    def __init__(self, server: DatabaseServer, broker: TestBroker, *, lock_first: bool = True) -> None:
        self.server = server
        self.broker = broker
        self.topic = Topic(f"pricing-events-{ids.new_id()}", owner="pricing", partitions=2)
        self.lock_first = lock_first
        self.leaders: list[tuple[AsyncExitStack, WatchedLeader]] = []
        self.consumers: list[tuple[AsyncExitStack, Consumer, kafka.AIOKafkaConsumer]] = []
        self.open: list[tuple[UUID, OpenChange]] = []
        self.backup: str | None = None
        self.offsets: dict[tuple[str, str, int], int] = {}

    async def start(self) -> None:
        self.producer_settings = self._settings(self.server.copy_for(MESSAGING), PRODUCER_TABLES)
        self.consumer_settings = self._settings(self.server.copy_for(MESSAGING), CONSUMER_TABLES)
        self.producer = Database(self.producer_settings)
        self.consumer = Database(self.consumer_settings)
        async with self.producer.transaction() as session:
            for key in KEYS:
                await session.execute(text("INSERT INTO counter VALUES (:key, 0)"), {"key": key})

    def _settings(self, fresh: CommonSettings, tables: Sequence[str]) -> CommonSettings:
        name = self.name_of(fresh)
        granted = "; ".join(tables) + "; GRANT ALL ON ALL TABLES IN SCHEMA public TO foretell_app"
        self.server.postgres.sql(f"SET ROLE foretell_owner; {granted}", database=name)
        return self.server.settings(MESSAGING, name, **self.broker.settings())

    @staticmethod
    def name_of(settings: CommonSettings) -> str:
        return settings.database_url.get_secret_value().rsplit("/", 1)[1]

    async def close(self) -> None:
        for _, change in self.open:
            await change.stack.aclose()
        for stack, _ in self.leaders:
            await stack.aclose()
        for stack, _, _ in self.consumers:
            await stack.aclose()
        await self.producer.close()
        await self.consumer.close()
        self.server.drop(self.producer_settings)
        self.server.drop(self.consumer_settings)

    # --- the producer

    async def change(self, key: UUID) -> None:
        """A committed change of one counter."""
        if any(held == key for held, _ in self.open):
            return
        async with self.producer.transaction() as session:
            await count_up(session, key, lock_first=self.lock_first)

    async def open_change(self, key: UUID) -> None:
        """A change that has taken its transaction id and position, and is committed later than others."""
        if any(held == key for held, _ in self.open):
            return
        stack = AsyncExitStack()
        session = await stack.enter_async_context(self.producer._sessions())
        await session.begin()
        await count_up(session, key, lock_first=self.lock_first)
        self.open.append((key, OpenChange(stack, session)))

    async def finish_change(self, *, commit: bool) -> None:
        if self.open:
            _, change = self.open.pop(0)
            await (change.session.commit() if commit else change.session.rollback())
            await change.stack.aclose()

    async def move_producer(self) -> None:
        """Reload the producer's database on another server: the same rows, another system identifier, open work is gone.

        A new server counts transactions from the beginning. Here the server stays, so what was counted before is raised.
        """
        while self.open:
            await self.finish_change(commit=False)
        for stack, _ in self.leaders:
            await stack.aclose()
        self.leaders.clear()
        await self.producer.close()
        name = self.name_of(self.producer_settings)
        kept = self.server.copy(name)
        self.server.postgres.sql(f'DROP DATABASE "{name}" WITH (FORCE)')
        self.server.copy(kept, name)
        self.server.postgres.sql(f'DROP DATABASE "{kept}" WITH (FORCE)')
        self.server.postgres.sql(
            f"""
            UPDATE outbox SET txid = {_raised("txid")};
            UPDATE relay_cursor SET system_identifier = 'another server', lower_txid = {_raised("lower_txid")},
                                    upper_txid = {_raised("upper_txid")}
            """,  # noqa: S608 - constants
            database=name,
        )
        self.producer = Database(self.producer_settings)
        await self._without_consumers()
        self.server.postgres.sql(
            f"UPDATE consumer_position SET applied_txid = {_raised('applied_txid')}",  # noqa: S608 - constants
            database=self.name_of(self.consumer_settings),
        )

    # --- the relay

    async def relay(self, which: int = -1, crash_at: str | None = None) -> bool:
        """One step of a leader; returns whether it sent something. One that fails is gone, as a process would be."""
        if not self.leaders:
            await self.another_relay()
        if not self.leaders:
            return False
        stack, leader = self.leaders[which if which < len(self.leaders) else -1]
        crash.arm(crash_at)
        try:
            return await leader.step()
        except (Crashed, CursorMoved, kafka.KafkaError, TimeoutError):
            self.leaders.remove((stack, leader))
            await stack.aclose()
            return True
        finally:
            crash.arm(None)

    async def another_relay(self) -> None:
        """A leader beside the present one, as after a lost lock that the old one has not noticed."""
        stack = AsyncExitStack()
        relay = Relay(self.producer_settings, self.producer, self.topic, origin=_no_origin, applied=self._applied)
        try:
            await kafka.ensure_topics(self.producer_settings, [self.topic])
            connection = await stack.enter_async_context(self.producer.direct())
            producer = kafka.producer(self.producer_settings)
            await producer.start()
            stack.push_async_callback(kafka.stop, producer)
            leader = WatchedLeader(relay, connection, producer)
            await leader.start()
            self.leaders.append((stack, leader))
        except (kafka.KafkaError, TimeoutError):
            await stack.aclose()

    async def _applied(self, log: str) -> int:
        async with self.consumer.reading() as session:
            known, txid = await position.applied(session, self.topic)
        return neighbours.applied_of(log, {"log": known, "applied_txid": str(txid)})

    # --- the broker

    async def empty_broker(self) -> None:
        """Kill the broker; it comes back under another cluster id with nothing."""
        self.broker.empty()

    # --- the consumer

    async def consume(self, which: int = -1, crash_at: str | None = None) -> bool:
        """One poll of a consumer; returns whether it got something."""
        if not self.consumers:
            await self.another_consumer()
        if not self.consumers:
            return False
        stack, consumer, client = self.consumers[which if which < len(self.consumers) else -1]
        crash.arm(crash_at)
        try:
            got = await consumer.poll(client)
        except (Crashed, PartitionLost, kafka.KafkaError, TimeoutError, OSError):
            self.consumers.remove((stack, consumer, client))
            await stack.aclose()
            return True
        except Exception as error:
            if not is_passing(error):
                raise
            return True
        finally:
            crash.arm(None)
        await self._positions_only_advance()
        return got

    async def another_consumer(self) -> None:
        """A worker beside the present one, as a zombie that has not noticed that it lost its partitions."""
        stack = AsyncExitStack()
        consumer = Consumer(
            self.consumer_settings,
            self.consumer,
            name="deals",
            topics=[self.topic],
            handlers={QuoteCreated: keep},
            ask_rewind=self._ask_rewind,
        )
        client = kafka.consumer(self.consumer_settings, group=None)
        stack.push_async_callback(kafka.stop, client)
        try:
            await kafka.ensure_topics(self.consumer_settings, [self.topic])
            await consumer.attach(client)
            self.consumers.append((stack, consumer, client))
        except (kafka.KafkaError, TimeoutError):
            await stack.aclose()

    async def _ask_rewind(self, _: Topic, txid: int) -> None:
        async with self.producer.transaction() as session:
            await cursor.ask_rewind(session, txid)

    async def _positions_only_advance(self) -> None:
        """Within one log of one cluster a committed position never goes back."""
        async with self.consumer.reading() as session:
            for row in await session.execute(
                text("SELECT cluster, log, partition, next_offset FROM consumer_position")
            ):
                place = (row.cluster, row.log, row.partition)
                assert row.next_offset >= self.offsets.get(place, 0), f"position of {place} went back"
                self.offsets[place] = row.next_offset

    async def backup_consumer(self) -> None:
        """Keep a copy of the consumer's database as it is."""
        await self._without_consumers()
        if self.backup is not None:
            self.server.postgres.sql(f'DROP DATABASE "{self.backup}" WITH (FORCE)')
        self.backup = self.server.copy(self.name_of(self.consumer_settings))

    async def restore_consumer(self) -> None:
        """Put the kept copy in the place of the consumer's database."""
        if self.backup is None:
            return
        await self._without_consumers()
        name = self.name_of(self.consumer_settings)
        self.server.postgres.sql(f'DROP DATABASE "{name}" WITH (FORCE)')
        self.server.copy(self.backup, name)
        self.offsets.clear()

    async def _without_consumers(self) -> None:
        for stack, _, _ in self.consumers:
            await stack.aclose()
        self.consumers.clear()
        await self.consumer.close()
        self.consumer = Database(self.consumer_settings)

    # --- the verdict

    async def settle(self) -> None:
        """Let everything come to rest: open changes end, one relay and one consumer work until both know it all."""
        while self.open:
            await self.finish_change(commit=True)
        for stack, _ in self.leaders:
            await stack.aclose()
        self.leaders.clear()
        for _ in range(200):
            await self.relay()
            await self.consume()
            if await self._at_rest():
                return
        raise AssertionError(f"not at rest after 200 rounds: {await difference(self.producer, self.consumer)}")

    async def _at_rest(self) -> bool:
        """Whether the consumer has heard, in the newest log, of everything the producer has."""
        if not self.leaders or not self.consumers:
            return False
        _, leader = self.leaders[-1]
        connection: AsyncConnection = leader.connection
        target = await connection.scalar(text("SELECT max(txid)::text FROM outbox"))
        async with self.consumer.reading() as session:
            _, applied = await position.applied(session, self.topic)
            logs = set(await session.scalars(text("SELECT log FROM consumer_position")))
        return applied > int(target or 0) and logs == {leader.cursor.log}

    async def difference(self) -> dict[str, Any]:
        """See counters.difference."""
        return await difference(self.producer, self.consumer)


async def _no_origin(_: AsyncConnection) -> datetime | None:
    return None
