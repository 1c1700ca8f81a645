"""An event that cannot be applied is set aside with its reason; everything around it proceeds."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.db import Database
from libs.common.events.base import Received
from libs.common.events.pricing import QuoteCreated
from libs.common.ids import entity_id, new_id
from libs.common.messaging import applier, deadletter, envelope, position
from libs.common.messaging.applier import Applier, Brake
from libs.common.messaging.deadletter import BuriedRecord
from libs.common.messaging.position import Place, Position
from tests.support.databases import MESSAGING, DatabaseServer

AT = datetime(2026, 1, 1, tzinfo=UTC)
TOPIC = "pricing-events"
PLACES: tuple[Place, ...] = ((TOPIC, 0), (TOPIC, 1))


class Desk:
    """A consumer's handler that keeps what it applies, and cannot apply quotes over the amounts it refuses."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.refuses_from: float = 1_000
        self.applier = Applier(database, {QuoteCreated: self.keep})

    async def keep(self, session: AsyncSession, events: Sequence[Received[Any]]) -> None:
        for event in events:
            if event.data.net_amount >= self.refuses_from:
                raise ValueError(f"quote over {event.data.net_amount} has no approval")
            await session.execute(text("INSERT INTO applied VALUES (:id)"), {"id": event.id})

    async def kept(self) -> list[UUID]:
        """What committed transactions applied, once for each time."""
        async with self.database.reading() as session:
            return sorted(await session.scalars(text("SELECT event_id FROM applied")))

    async def set_aside(self) -> dict[UUID, str]:
        async with self.database.reading() as session:
            return {row["event_id"]: row["reason"] for row in await deadletter.listing(session, limit=1_000)}

    async def offsets(self) -> dict[Place, int]:
        async with self.database.transaction() as session:
            return {place: found.next_offset for place, found in (await position.load(session, PLACES)).items()}

    async def apply(self, records: Sequence[BuriedRecord]) -> None:
        """One polled batch, with the positions it moves."""
        async with self.database.transaction() as session:
            stored = await position.load(session, PLACES)
        ends = {(record.topic, record.partition): record.offset + 1 for record in records}
        moves = {place: (stored[place], Position("cluster", "log:0", end)) for place, end in ends.items()}
        await self.applier.apply(records, moves, {})


@pytest_asyncio.fixture
async def desk(database_server: DatabaseServer) -> AsyncIterator[Desk]:
    settings = database_server.copy_for(MESSAGING)
    name = settings.database_url.get_secret_value().rsplit("/", 1)[1]
    table = "CREATE TABLE applied (event_id uuid NOT NULL); GRANT ALL ON applied TO foretell_app"
    database_server.postgres.sql(f"SET ROLE foretell_owner; {table}", database=name)
    database = Database(settings)
    yield Desk(database)
    await database.close()
    database_server.drop(settings)


def quotes(amounts: Sequence[int], partition: int = 0, start: int = 0) -> list[BuriedRecord]:
    return [quote(amount, partition, start + number) for number, amount in enumerate(amounts)]


def quote(amount: int, partition: int, offset: int) -> BuriedRecord:
    key = entity_id("desk", "quote", f"{partition}-{offset}")
    data = QuoteCreated(
        quote_id=key, version=1, deal_id=key, status="draft", net_amount=amount, currency="EUR", valid_from=AT
    )
    row = {
        "id": new_id(), "type": QuoteCreated.TYPE, "subject": None, "key": key, "occurred_at": AT, "recorded_at": AT,
        "aggregate_version": 1, "attributes": {},
    }  # fmt: skip
    headers = tuple((name, _bytes(value)) for name, value in envelope.headers_of(row, source="desk", log="log:0"))
    return BuriedRecord(TOPIC, partition, offset, str(key).encode(), data.model_dump_json().encode(), headers)


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def ids_of(records: Sequence[BuriedRecord]) -> list[UUID]:
    return sorted(envelope.event_id(record) for record in records)


async def test_one_event_that_cannot_be_applied_is_set_aside_and_its_neighbours_are_applied(desk: Desk) -> None:
    batch = quotes([1, 2, 5_000, 4, 5, 6]) + quotes([7, 8, 9], partition=1)

    await desk.apply(batch)

    bad = envelope.event_id(batch[2])
    assert await desk.kept() == ids_of([record for record in batch if record is not batch[2]])
    assert await desk.set_aside() == {bad: "ValueError: quote over 5000 has no approval"}
    assert await desk.offsets() == {(TOPIC, 0): 6, (TOPIC, 1): 3}


async def test_an_event_that_cannot_be_read_is_set_aside_too(desk: Desk) -> None:
    batch = quotes([1, 2, 3])
    batch[1] = BuriedRecord(TOPIC, 0, 1, batch[1].key, b'{"net_amount": "many"}', batch[1].headers)

    await desk.apply(batch)

    assert await desk.kept() == ids_of([batch[0], batch[2]])
    (reason,) = (await desk.set_aside()).values()
    assert reason.startswith("UnreadableEvent: pricing.quote.created.v1")


async def test_a_record_of_nobody_of_ours_is_one_dead_letter_however_often_the_log_is_read(desk: Desk) -> None:
    foreign = BuriedRecord(TOPIC, 0, 1, None, b"not an event", (("ce_id", b"nobody's"),))

    await desk.apply([*quotes([1]), foreign])
    await desk.apply([*quotes([1]), foreign, *quotes([3], start=2)])

    assert list((await desk.set_aside()).values()) == ["UnreadableEvent: the record has no valid ce_id header"]


async def test_after_a_repair_it_is_applied_once_however_often_it_comes_again(desk: Desk) -> None:
    batch = quotes([1, 5_000])
    await desk.apply(batch)
    assert await desk.applier.replay() == {"replayed": 0, "failed": 1}

    desk.refuses_from = 1_000_000
    assert await desk.applier.replay() == {"replayed": 1, "failed": 0}
    assert await desk.applier.replay() == {"replayed": 0, "failed": 0}
    await desk.apply([replace(batch[1], offset=2)])

    assert await desk.kept() == ids_of(batch)
    assert await desk.set_aside() == {}


async def test_what_was_discarded_stays_so_when_the_log_is_read_again_and_is_applied_once_it_can_be(desk: Desk) -> None:
    batch = quotes([1, 5_000])
    bad = envelope.event_id(batch[1])
    await desk.apply(batch)
    async with desk.database.transaction() as session:
        await deadletter.settle(session, bad, "discarded")

    await desk.apply([replace(batch[1], offset=2)])

    assert await desk.set_aside() == {}
    async with desk.database.reading() as session:
        assert [row["event_id"] for row in await deadletter.listing(session, state="discarded")] == [bad]
    desk.refuses_from = 1_000_000
    await desk.apply([replace(batch[1], offset=3)])
    assert await desk.kept() == ids_of(batch)


async def test_a_consumer_that_would_set_everything_aside_pauses_instead(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applier, "BRAKE_LETTERS", 3)
    batch = quotes([5_000] * 6)

    with pytest.raises(Brake, match="3 dead letters"):
        await desk.apply(batch)

    assert sorted(await desk.set_aside()) == ids_of(batch[:3])
    assert (await desk.offsets())[TOPIC, 0] == 3
