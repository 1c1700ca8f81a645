"""Workers that share partitions as a group: what it gives and takes while something else goes wrong."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any, Self

import pytest
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.db import Database, is_passing
from libs.common.events.base import Received
from libs.common.events.pricing import QuoteCreated
from libs.common.messaging import kafka
from libs.common.messaging.applier import Handler
from libs.common.messaging.consumer import Consumer, _Assigned
from tests.faults.injection.links import Condition, Link, Network
from tests.support.brokers import TestBroker
from tests.support.counters import KEYS, keep
from tests.support.databases import DatabaseServer
from tests.support.eventpath import World

pytestmark = pytest.mark.asyncio

APPLIED_S = 30.0


@pytest_asyncio.fixture
async def world(database_server: DatabaseServer, broker: TestBroker) -> AsyncIterator[World]:
    """A change of each counter stands in the topic."""
    made = World(database_server, broker)
    await made.start()
    for key in KEYS:
        await made.change(key)
    while await made.relay():
        pass
    yield made
    await made.close()


@pytest_asyncio.fixture
async def link(world: World) -> AsyncIterator[Link]:
    """The way to the consumer's database."""
    network = Network(lambda port, towards: None)
    made = network.add("database", world.server.postgres.port)
    with network:
        url = world.consumer_settings.database_url.get_secret_value()
        through = SecretStr(url.replace(f":{world.server.postgres.port}/", f":{made.port}/"))
        await world.consumer.close()
        world.consumer_settings = world.consumer_settings.model_copy(update={"database_url": through})
        world.consumer = Database(world.consumer_settings)
        yield made
        await world.consumer.close()


class Member:
    """A worker of a group whose coordinator the test plays: the broker's own takes half a minute to say a word."""

    def __init__(self, world: World, handler: Handler) -> None:
        self.world = world
        settings = world.consumer_settings
        self.consumer = Consumer(
            settings, world.consumer, name="deals", topics=[world.topic], handlers={QuoteCreated: handler},
            ask_rewind=world._ask_rewind,
        )  # fmt: skip
        self.client = kafka.consumer(settings, group=None)
        self.partitions = [kafka.TopicPartition(world.topic.name, number) for number in range(world.topic.partitions)]

    async def __aenter__(self) -> Self:
        await self.client.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await kafka.stop(self.client)

    async def is_given(self, partitions: Sequence[kafka.TopicPartition]) -> None:
        """The group assigns; as the client's coordinator does, an error of who listens is logged and forgotten."""
        self.client.assign(list(partitions))
        with suppress(Exception):
            await _Assigned(self.consumer).on_partitions_assigned(set(partitions))

    async def is_taken(self, partitions: Sequence[kafka.TopicPartition]) -> None:
        """The group takes these away."""
        await _Assigned(self.consumer).on_partitions_revoked(set(partitions))
        self.client.assign([each for each in self.partitions if each not in partitions])

    async def read_all(self) -> None:
        """Poll until everything is applied; trouble that passes is passed over, anything else would end a process."""
        deadline = clock.monotonic() + APPLIED_S
        while await self.world.difference():
            assert clock.monotonic() < deadline, await self.world.difference()
            await self.poll()

    async def poll(self) -> None:
        try:
            await self.consumer.poll(self.client)
        except Exception as error:
            if not is_passing(error):
                raise


async def test_partitions_that_were_assigned_while_the_database_was_away_are_read_when_it_is_back(
    world: World, link: Link
) -> None:
    async with Member(world, keep) as member:
        link.put(Condition.CUT)
        await member.is_given(member.partitions)
        await member.poll()
        link.heal()
        await member.read_all()


async def test_a_partition_that_the_group_takes_away_while_its_batch_is_applied_ends_no_worker(world: World) -> None:
    async def keep_and_lose(session: AsyncSession, events: Sequence[Received[Any]]) -> None:
        await keep(session, events)
        await member.is_taken(member.partitions)

    async with Member(world, keep_and_lose) as member:
        await member.is_given(member.partitions)
        deadline = clock.monotonic() + APPLIED_S
        while member.client.assignment():
            assert clock.monotonic() < deadline, "nothing was read"
            await member.poll()
        assert not member.consumer._positions, "it believes that it still has what the group took away"
        member.consumer.applier.handlers = {QuoteCreated: keep}
        await member.is_given(member.partitions)
        await member.read_all()
