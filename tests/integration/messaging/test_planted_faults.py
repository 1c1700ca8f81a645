"""Each rule of the event path is needed: without it, a story that otherwise ends well goes wrong."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from libs.common import crash
from libs.common.messaging import consumer, cursor, inbox, kafka, position, relay
from libs.common.sql import Query
from tests.support.brokers import TestBroker
from tests.support.counters import KEYS, count_up
from tests.support.databases import DatabaseServer
from tests.support.eventpath import Crashed, World

Story = Callable[[World], Awaitable[None]]
FIRST, SECOND, THIRD = KEYS


@pytest.fixture(autouse=True)
def in_quick_steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def die(_: int) -> None:
        raise Crashed

    monkeypatch.setattr(crash.os, "_exit", die)
    monkeypatch.setattr(relay, "TICK_S", 0.02)
    monkeypatch.setattr(relay, "CLUSTER_CHECK_S", 0.0)
    monkeypatch.setattr(consumer, "IDLE_CHECK_S", 0.1)
    yield
    crash.arm(None)


async def ends_well(server: DatabaseServer, broker: TestBroker, story: Story, **world_options: Any) -> None:
    world = World(server, broker, **world_options)
    await world.start()
    try:
        await story(world)
        await world.settle()
        difference = await world.difference()
        assert not difference, difference
    finally:
        await world.close()


async def a_late_commit(world: World) -> None:
    """A change that took its position first is committed last, after a later position was sent."""
    await world.open_change(FIRST)
    await world.change(SECOND)
    await world.relay()
    await world.finish_change(commit=True)
    await world.relay()


async def a_zombie_worker(world: World) -> None:
    """A worker goes on with what it had read although another one has taken its partitions."""
    await world.change(FIRST)
    await world.relay()
    await world.another_consumer()
    await world.another_consumer()
    for _ in range(6):
        await world.change(FIRST)
        await world.relay()
        await world.consume(1)
    await world.consume(0)
    await world.consume(1)
    await world.consume(0)


async def an_emptied_broker(world: World) -> None:
    """The broker comes back empty while the consumer stands far into the old log, and the new one grows beyond it."""
    for _ in range(4):
        await world.change(FIRST)
    await world.relay()
    for _ in range(100):
        await world.relay()
        await world.consume()
        if await caught_up(world, 4):
            break
    await world.empty_broker()
    for _ in range(12):
        await world.change(SECOND)
        await world.change(THIRD)
        await world.relay()
        await world.relay()
    for stack, _, _ in world.consumers:
        await stack.aclose()
    world.consumers.clear()
    for _ in range(6):
        await world.consume()


async def caught_up(world: World, version: int) -> bool:
    async with world.consumer.reading() as session:
        found = await session.scalar(text("SELECT version FROM newest WHERE key = :key"), {"key": FIRST})
    return found == version


async def a_crash_between_commit_and_offset(world: World) -> None:
    """The relay dies after the broker has the events and before it knows; they are sent again."""
    await world.relay()
    await world.change(FIRST)
    await world.relay(crash_at="relay.sent_cursor_not_stored")
    assert not world.leaders, "the relay did not die at its crash point"
    for _ in range(20):
        await world.consume()
        if await caught_up(world, 1):
            break
    await world.relay()


async def two_changes_of_one_counter(world: World) -> None:
    """Two transactions on one row, the second waiting for the first's lock."""
    await world.open_change(FIRST)
    second = asyncio.create_task(world_change(world))
    for _ in range(100):
        async with world.producer.reading() as session:
            waiting = await session.scalar(
                text("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()")
            )
        if waiting:
            break
        await asyncio.sleep(0.02)
    await world.finish_change(commit=True)
    await second
    await world.relay()


async def world_change(world: World) -> None:
    async with world.producer.transaction() as session:
        await count_up(session, FIRST, lock_first=world.lock_first)


async def a_restored_consumer(world: World) -> None:
    """The consumer's database is put back to an earlier state, and the log that held what came since is lost."""
    await world.change(FIRST)
    await world.relay()
    await world.consume()
    await world.backup_consumer()
    await world.change(FIRST)
    for _ in range(10):
        await world.relay()
        await world.consume()
    await world.restore_consumer()
    await world.empty_broker()
    await world.change(SECOND)


async def a_moved_producer(world: World) -> None:
    """The producer's database is reloaded on another server, which counts transactions from the beginning."""
    await world.change(FIRST)
    await world.relay()
    await world.consume()
    await world.change(FIRST)
    await world.move_producer()
    await world.change(SECOND)


STORIES = {
    "late commit": a_late_commit,
    "zombie worker": a_zombie_worker,
    "emptied broker": an_emptied_broker,
    "crash before the cursor is stored": a_crash_between_commit_and_offset,
    "two changes of one counter": two_changes_of_one_counter,
    "restored consumer": a_restored_consumer,
    "moved producer": a_moved_producer,
}


@pytest.mark.parametrize("name", STORIES)
async def test_the_story_ends_well(name: str, database_server: DatabaseServer, broker: TestBroker) -> None:
    if name in ("emptied broker", "restored consumer") and not broker.is_embedded:
        pytest.skip("only the embedded broker is emptied by a restart: NOT RUN on this broker")
    await ends_well(database_server, broker, STORIES[name])


async def test_without_the_window_of_transactions_a_late_commit_is_lost(
    database_server: DatabaseServer, broker: TestBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = cursor.look

    async def without_rows(connection: Any, reached: int) -> cursor.Look:
        return replace(await look(connection, reached), rows=None)

    async def by_position_alone(connection: Any, at: cursor.Cursor) -> list[tuple[int, Any]]:
        rows = await connection.execute(
            text("SELECT position, id FROM outbox WHERE position > :position ORDER BY position"),
            {"position": at.position},
        )
        return [(row.position, row.id) for row in rows]

    monkeypatch.setattr(cursor, "look", without_rows)
    monkeypatch.setattr(cursor, "ahead", by_position_alone)
    monkeypatch.setattr(
        cursor.Cursor,
        "opened",
        lambda self, horizon: self.__class__(
            self.system_identifier,
            self.upper,
            max(horizon, self.upper),
            self.position,
            self.log,
            self.cluster,
            self.acknowledged,
            self.replaying_to,
        ),
    )
    with pytest.raises(AssertionError, match="lost"):
        await ends_well(database_server, broker, a_late_commit)


async def test_without_compare_and_set_a_zombie_moves_the_position_back(
    database_server: DatabaseServer, broker: TestBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    unguarded = position._ADVANCE.text.split("AND p.cluster = n.old_cluster")[0]
    monkeypatch.setattr(position, "_ADVANCE", Query(unguarded))
    with pytest.raises(AssertionError, match="went back"):
        await ends_well(database_server, broker, a_zombie_worker)


async def test_a_consumer_that_starts_at_the_latest_loses_what_an_emptied_broker_got_meanwhile(
    database_server: DatabaseServer, broker: TestBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not broker.is_embedded:
        pytest.skip("only the embedded broker is emptied by a restart: NOT RUN on this broker")
    taken = consumer.Consumer._take

    async def take_latest(self: Any, client: Any, places: Any) -> None:
        await taken(self, client, places)
        for place in self._rewound:
            partition = kafka.TopicPartition(*place)
            ends = await client.end_offsets([partition])
            client.seek(partition, ends[partition])

    monkeypatch.setattr(consumer.Consumer, "_take", take_latest)
    with pytest.raises(AssertionError, match="lost"):
        await ends_well(database_server, broker, an_emptied_broker)


async def test_an_event_written_before_its_row_is_locked_leaves_in_the_wrong_order(
    database_server: DatabaseServer, broker: TestBroker
) -> None:
    with pytest.raises(AssertionError):
        await ends_well(database_server, broker, two_changes_of_one_counter, lock_first=False)


async def test_without_the_inbox_an_event_sent_twice_is_applied_twice(
    database_server: DatabaseServer, broker: TestBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def claim_all(_: Any, ids: Any) -> set[Any]:
        return set(ids)

    monkeypatch.setattr(inbox, "claim", claim_all)
    with pytest.raises(AssertionError, match="twice"):
        await ends_well(database_server, broker, a_crash_between_commit_and_offset)


async def test_without_asking_a_restored_consumer_never_gets_what_it_lacks(
    database_server: DatabaseServer, broker: TestBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not broker.is_embedded:
        pytest.skip("only the embedded broker is emptied by a restart: NOT RUN on this broker")

    async def silent(*_: Any) -> None:
        return

    monkeypatch.setattr(consumer.Consumer, "_ask_for_missing", silent)
    monkeypatch.setattr(World, "_applied", _far)
    with pytest.raises(AssertionError):
        await ends_well(database_server, broker, a_restored_consumer)


async def test_without_knowing_the_server_a_moved_producer_sends_nothing_more(
    database_server: DatabaseServer, broker: TestBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def the_stored_one(_: Any) -> str:
        return "another server"

    async def move(world: World) -> None:
        await a_moved_producer(world)
        monkeypatch.setattr(cursor, "system_identifier", the_stored_one)

    with pytest.raises(AssertionError, match="lost"):
        await ends_well(database_server, broker, move)


async def _far(world: World, _: str) -> int:
    """What the consumer had applied before it was restored."""
    async with world.producer.reading() as session:
        return int(await session.scalar(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")) or 0)
