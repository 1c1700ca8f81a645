"""The consumer: batches from the broker into one transaction each, exactly once in effect.

What it promises: an event is applied once however often it is delivered (inbox); state, position and new events commit
together; a worker that lost a partition fails by compare-and-set; infrastructure trouble repeats the same batch without limit;
an event that cannot be applied ends in the `dead_letter` table while all others proceed; a log that was lost is read again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from libs.common import clock, crash
from libs.common.config import CommonSettings
from libs.common.db import Database, is_passing
from libs.common.events.base import EventData
from libs.common.messaging import envelope, kafka, position
from libs.common.messaging.applier import Applier, Brake, Handler
from libs.common.messaging.envelope import Tick
from libs.common.messaging.position import PartitionLost, Place, Position
from libs.common.messaging.topics import Topic
from libs.common.observe import metrics
from libs.common.observe.log import get_logger

log = get_logger(__name__)

AskRewind = Callable[[Topic, int], Awaitable[None]]
"""Asks the owner of a topic to send everything from a transaction on again."""

IDLE_CHECK_S = 3.0
BRAKE_PAUSE_S = 30.0
BUSY_S = 2.0
"""So long after an event more are expected soon; ticks do not count, they always come."""


class Consumer:
    """Reads `topics` for one component and applies their events. `run` until cancelled."""

    def __init__(
        self,
        settings: CommonSettings,
        database: Database,
        *,
        name: str,
        topics: Sequence[Topic],
        handlers: Mapping[type[EventData], Handler],
        ask_rewind: AskRewind,
    ) -> None:
        self.settings = settings
        self.database = database
        self.name = name
        self.topics = tuple(topics)
        self.applier = Applier(database, handlers)
        self._ask_rewind = ask_rewind
        self._positions: dict[Place, Position] = {}
        self._untaken: set[Place] = set()
        self._rewound: set[Place] = set()
        self._cluster = ""
        self._heard: dict[Place, float] = {}
        self._applied_at = 0.0
        metrics.create_children([topic.name for topic in topics])

    async def run(self) -> None:
        delay_s = 0.2
        while True:
            try:
                await kafka.ensure_topics(self.settings, self.topics)
                group = f"foretell-{self.name}" if self.settings.consumer_assignment == "group" else None
                client = kafka.consumer(self.settings, group=group)
                try:
                    await self.attach(client)
                    delay_s = 0.2
                    while True:
                        await self.poll(client)
                finally:
                    await kafka.stop(client)
            except Brake as brake:
                metrics.CONSUMER_PAUSED.set(1)
                log.error("consumer paused", reason=str(brake), pause_s=BRAKE_PAUSE_S)
                await asyncio.sleep(BRAKE_PAUSE_S)
                metrics.CONSUMER_PAUSED.set(0)
            except PartitionLost as lost:
                metrics.CONSUMER_RETRIES.labels("partition_lost").inc()
                log.warning("positions were moved by another worker", reason=str(lost))
            except Exception as error:
                if not (is_passing(error) or isinstance(error, kafka.KafkaError)):
                    raise
                metrics.CONSUMER_RETRIES.labels("infrastructure").inc()
                log.warning("consumer starts over", reason=f"{type(error).__name__}: {error}")
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, 5.0)

    async def attach(self, client: kafka.AIOKafkaConsumer) -> None:
        """Connect and take partitions: all of them, or those the group gives."""
        for kept in (self._positions, self._untaken, self._rewound, self._heard):
            kept.clear()
        if self.settings.consumer_assignment == "all":
            await client.start()
            places = [(topic.name, number) for topic in self.topics for number in range(topic.partitions)]
            client.assign([kafka.TopicPartition(*place) for place in places])
            await self._take(client, places)
        else:
            client.subscribe([topic.name for topic in self.topics], listener=_Assigned(self))
            await client.start()

    async def _take(self, client: kafka.AIOKafkaConsumer, places: Sequence[Place]) -> None:
        """Go to the stored positions of `places`; to the start where the cluster is another one."""
        self._cluster = await kafka.cluster_id(client._client)
        async with self.database.transaction() as session:
            stored = await position.load(session, places)
        self._positions.update(stored)
        for place, known in stored.items():
            same = known.cluster == self._cluster
            if not same:
                self._rewound.add(place)
            client.seek(kafka.TopicPartition(*place), known.next_offset if same else 0)

    async def poll(self, client: kafka.AIOKafkaConsumer) -> bool:
        """Take one batch and apply it; returns False after silence."""
        if self._untaken:
            # Not while the group assigns: its coordinator would swallow an error of the database, and nobody would read here.
            await self._take(client, sorted(self._untaken))
            self._untaken.difference_update(self._positions)
        # Whoever applies only now and then need not ask more often.
        pace_ms = int(self.settings.consumer_pace_s * 1000)
        fetch_ms, idle_ms = max(self.settings.broker_fetch_wait_ms, pace_ms), self.settings.broker_idle_fetch_wait_ms
        if idle_ms is not None:
            busy = time.monotonic() - self._applied_at < BUSY_S
            kafka.let_wait(client, fetch_ms if busy else max(idle_ms, pace_ms))
        wait_ms = max(fetch_ms, 10) * 5
        batches = await client.getmany(timeout_ms=wait_ms, max_records=self.settings.consumer_batch)
        begun = time.monotonic()
        self._heard.update({(each.topic, each.partition): begun for each in batches})
        await self._look_around(client)
        if not batches:
            return False
        await self._apply(client, batches)
        if self._applied_at >= begun:
            await asyncio.sleep(max(0.0, begun + self.settings.consumer_pace_s - time.monotonic()))
        return True

    async def _apply(self, client: kafka.AIOKafkaConsumer, batches: Mapping[Any, Sequence[Any]]) -> None:
        records, moves, ticks = self._sorted(client, batches)
        if not moves:
            return
        await self._ask_for_missing(moves)
        if records:
            crash.point("consumer.polled_not_applied")
        with metrics.CONSUMER_BATCH_SECONDS.time():
            await self._apply_until_done(records, moves, ticks)
        # What the group took away meanwhile is another's now.
        self._positions.update({place: reached for place, (_, reached) in moves.items() if place in self._positions})
        if records:
            self._applied_at = time.monotonic()
            crash.point("consumer.committed_offset_not_copied")
        self._observe(client, records, moves)
        if self.settings.consumer_assignment == "group":
            await self._copy_offsets(client, moves)

    def _sorted(
        self, client: kafka.AIOKafkaConsumer, batches: Mapping[Any, Sequence[Any]]
    ) -> tuple[list[Any], dict[Place, tuple[Position, Position]], dict[Place, Tick]]:
        """What was fetched, as events, as moves of positions from where they are, and as the last tick of each place."""
        records: list[Any] = []
        moves: dict[Place, tuple[Position, Position]] = {}
        ticks: dict[Place, Tick] = {}
        for partition, fetched in batches.items():
            place = (partition.topic, partition.partition)
            kept = self._of_known_log(client, place, fetched) if place in self._positions else []
            if not kept:
                continue
            records += [record for record in kept if not envelope.is_tick(record)]
            last_tick = next((record for record in reversed(kept) if envelope.is_tick(record)), None)
            if last_tick is not None:
                ticks[place] = envelope.read_tick(last_tick)
            expected, log_name = self._positions[place], envelope.log_of(kept[-1])
            if place in ticks and expected.applied_txid < envelope.log_start(log_name):
                # Older events are missing and asked for: what the tick says of all of them is not true here yet.
                ticks[place] = replace(ticks[place], applied_txid=expected.applied_txid)
            known = expected.applied_txid
            if log_name != expected.log:
                # Its start is what a new log promises to be applied already; later ids may be those of another server.
                known = min(known, envelope.log_start(log_name))
            applied = ticks[place].applied_txid if place in ticks else known
            moves[place] = (expected, Position(self._cluster, log_name, kept[-1].offset + 1, applied))
        return records, moves, ticks

    async def _ask_for_missing(self, moves: Mapping[Place, tuple[Position, Position]]) -> None:
        """Ask the owner for what stands before the start of a new log but was never applied here.

        It happens when this database was restored to an earlier state, or is new, and the log was lost in between. Asked
        before the new log is taken up, so that the request is made again if this fails; what is sent twice is passed over.
        """
        least: dict[str, int] = {}
        for place, (old, new) in moves.items():
            if new.log != old.log and old.applied_txid < envelope.log_start(new.log):
                least[place[0]] = min(least.get(place[0], old.applied_txid), old.applied_txid)
        for topic in self.topics:
            if topic.name in least:
                log.warning(
                    "the new log starts after what is applied here", topic=topic.name, from_txid=least[topic.name]
                )
                await self._ask_rewind(topic, least[topic.name])

    async def _apply_until_done(
        self, records: Sequence[Any], moves: Mapping[Place, tuple[Position, Position]], ticks: Mapping[Place, Tick]
    ) -> None:
        """Repeat the same batch while only the infrastructure is in the way."""
        delay_s = 0.1
        while True:
            try:
                await self.applier.apply(records, moves, ticks)
                return
            except Exception as error:
                if not is_passing(error):
                    raise
                metrics.CONSUMER_RETRIES.labels("infrastructure").inc()
                log.warning("batch is tried again", reason=f"{type(error).__name__}: {error}"[:500])
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, 5.0)
                moves = await self._still_expected(moves)

    async def _still_expected(
        self, moves: Mapping[Place, tuple[Position, Position]]
    ) -> Mapping[Place, tuple[Position, Position]]:
        """After a failure of unknown outcome: raise PartitionLost where a position is no longer the expected one.

        The failed commit may in truth have happened; then the consumer starts over from the stored positions.
        """
        async with self.database.transaction() as session:
            stored = await position.load(session, moves)
        if any(stored[place] != expected for place, (expected, _) in moves.items()):
            raise PartitionLost("the stored positions have moved since the batch was read")
        return moves

    def _of_known_log(self, client: kafka.AIOKafkaConsumer, place: Place, fetched: Sequence[Any]) -> list[Any]:
        """The records up to the first of an unknown log; there the partition is read again from its start.

        A log whose beginning we did not read may hold anything before the present offset. Having gone back once, its
        records are taken as they come; the inbox passes over what was applied.
        """
        known = self._positions[place]
        if place in self._rewound or not known.log:
            if envelope.log_of(fetched[-1]) != known.log:
                self._rewound.discard(place)
            return list(fetched)
        for index, record in enumerate(fetched):
            if envelope.log_of(record) != known.log:
                log.warning("the log is a new one; reading from its start", topic=place[0], partition=place[1])
                self._rewound.add(place)
                client.seek(kafka.TopicPartition(*place), 0)
                return list(fetched[:index]) if index and fetched[0].offset == known.next_offset else []
        return list(fetched)

    async def _look_around(self, client: kafka.AIOKafkaConsumer) -> None:
        """Where there is silence, and be it in one topic of several: see whether the cluster is another one or the log has become shorter
        than our position. Every partition is told something once a second as long as its owner works.
        """
        now = time.monotonic()
        silent = [place for place in self._positions if now - self._heard.setdefault(place, now) >= IDLE_CHECK_S]
        if not silent:
            return
        self._heard.update(dict.fromkeys(silent, now))
        if await kafka.cluster_id(client._client) != self._cluster:
            log.warning("the broker is another one; reading from the start")
            await self._take(client, list(self._positions))
            return
        for place in silent:
            high = kafka.highwater(client, place)
            if high is not None and high < self._positions[place].next_offset:
                log.warning("the log is shorter than what was read of it", topic=place[0], partition=place[1])
                self._rewound.add(place)
                client.seek(kafka.TopicPartition(*place), 0)

    def _observe(
        self, client: kafka.AIOKafkaConsumer, records: Sequence[Any], moves: Mapping[Place, tuple[Position, Position]]
    ) -> None:
        for place, (_, reached) in moves.items():
            high = kafka.highwater(client, place)
            if high is not None:
                metrics.CONSUMER_LAG_RECORDS.labels(*place).set(max(0, high - reached.next_offset))
        if records:
            sent_at = records[-1].timestamp / 1000
            metrics.CONSUMER_LAG_SECONDS.labels(records[-1].topic).set(
                max(0.0, clock.now().timestamp() - clock.offset().total_seconds() - sent_at)
            )

    async def _copy_offsets(
        self, client: kafka.AIOKafkaConsumer, moves: Mapping[Place, tuple[Position, Position]]
    ) -> None:
        """Tell the group's offsets, for lag monitors only; a failure costs nothing."""
        try:
            await client.commit({kafka.TopicPartition(*place): new.next_offset for place, (_, new) in moves.items()})
        except kafka.KafkaError as error:
            log.debug("offsets not copied to the group", reason=str(error))


class _Assigned(kafka.ConsumerRebalanceListener):  # type: ignore[misc]
    """Notes which partitions the group gives and takes."""

    def __init__(self, owner: Consumer) -> None:
        self._owner = owner

    async def on_partitions_revoked(self, revoked: Any) -> None:
        for partition in revoked:
            place = (partition.topic, partition.partition)
            self._owner._positions.pop(place, None)
            self._owner._untaken.discard(place)

    async def on_partitions_assigned(self, assigned: Any) -> None:
        self._owner._untaken.update((partition.topic, partition.partition) for partition in assigned)
