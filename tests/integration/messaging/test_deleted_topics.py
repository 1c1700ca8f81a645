"""Somebody deletes one of several topics that a consumer reads: it comes back shorter than what was read of it."""

from contextlib import AsyncExitStack

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from libs.common import clock
from libs.common.events.pricing import QuoteCreated
from libs.common.messaging import consumer, kafka
from libs.common.messaging.consumer import Consumer
from tests.support.brokers import TestBroker
from tests.support.counters import KEYS, keep
from tests.support.databases import DatabaseServer
from tests.support.eventpath import World

READ_S = 20.0
BEFORE = 120


@pytest.mark.asyncio
async def test_a_topic_that_was_deleted_is_read_again_although_another_one_is_never_silent(
    database_server: DatabaseServer, broker: TestBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "IDLE_CHECK_S", 2.0)
    world, beside = World(database_server, broker), World(database_server, broker)
    async with AsyncExitStack() as stack:
        for each in (world, beside):
            stack.push_async_callback(each.close)
            await each.start()
        for number in range(BEFORE):
            await world.change(KEYS[number % len(KEYS)])
        while await world.relay():
            pass
        client = kafka.consumer(world.consumer_settings, group=None)
        stack.push_async_callback(kafka.stop, client)
        reader = Consumer(
            world.consumer_settings, world.consumer, name="deals", topics=[world.topic, beside.topic],
            handlers={QuoteCreated: keep}, ask_rewind=world._ask_rewind,
        )  # fmt: skip
        await kafka.ensure_topics(world.consumer_settings, reader.topics)
        await reader.attach(client)

        async def read_all() -> None:
            deadline = clock.monotonic() + READ_S
            while found := await world.difference():
                assert clock.monotonic() < deadline, found
                await world.relay()
                await beside.relay()
                await reader.poll(client)

        await read_all()
        await _delete(world)
        await world.change(KEYS[0])

        await read_all()


async def _delete(world: World) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=world.broker.url)
    await admin.start()
    try:
        await admin.delete_topics([world.topic.name])
    finally:
        await admin.close()
