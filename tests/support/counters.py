"""What lives on the event path of the tests: counters with versions, told by their producer and kept by their consumer."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import ids
from libs.common.db import Database
from libs.common.events.base import EventData, Received
from libs.common.events.pricing import QuoteCreated
from libs.common.messaging import outbox

KEYS = tuple(ids.entity_id("world", "quote", str(number)) for number in range(3))
AT = datetime(2026, 1, 1, tzinfo=UTC)

PRODUCER_TABLES = ("CREATE TABLE counter (key uuid PRIMARY KEY, version bigint NOT NULL)",)
CONSUMER_TABLES = (
    "CREATE TABLE applied (key uuid, version bigint, times integer NOT NULL, PRIMARY KEY (key, version))",
    "CREATE TABLE newest (key uuid PRIMARY KEY, version bigint NOT NULL)",
)


async def keep(session: AsyncSession, events: Sequence[Received[EventData]]) -> None:
    """The consumer's handler: counts every application, and lets only a higher version become the newest."""
    for event in events:
        parameters = {"key": event.key, "version": event.aggregate_version}
        await session.execute(
            text(
                """
                INSERT INTO applied VALUES (:key, :version, 1)
                ON CONFLICT (key, version) DO UPDATE SET times = applied.times + 1
                """
            ),
            parameters,
        )
        await session.execute(
            text(
                """
                INSERT INTO newest VALUES (:key, :version)
                ON CONFLICT (key) DO UPDATE SET version = excluded.version WHERE newest.version < excluded.version
                """
            ),
            parameters,
        )


async def count_up(session: AsyncSession, key: UUID, *, lock_first: bool = True) -> None:
    """Give a counter its next version and tell of it; without `lock_first` the event is written before the row is locked."""
    if not lock_first:
        version = await session.scalar(text("SELECT version FROM counter WHERE key = :key"), {"key": key})
        _tell(session, key, version + 1)
        await outbox.write(session)
    locked = await session.scalar(text("SELECT version FROM counter WHERE key = :key FOR UPDATE"), {"key": key})
    await session.execute(
        text("UPDATE counter SET version = :version WHERE key = :key"), {"key": key, "version": locked + 1}
    )
    if lock_first:
        _tell(session, key, locked + 1)
        await outbox.write(session)


def _tell(session: AsyncSession, key: UUID, version: int) -> None:
    quote = QuoteCreated(
        quote_id=key, version=version, deal_id=key, status="draft", net_amount=1, currency="EUR", valid_from=AT
    )
    outbox.add(session, quote, key=key, version=version, occurred_at=AT)


async def difference(producer: Database, consumer: Database) -> dict[str, Any]:
    """What the consumer lacks, has twice, or holds as newest although it is not; empty when all is well."""
    async with producer.reading() as session:
        versions = {row.key: row.version for row in await session.execute(text("SELECT key, version FROM counter"))}
    async with consumer.reading() as session:
        applied = {(row.key, row.version): row.times for row in await session.execute(text("SELECT * FROM applied"))}
        newest = {row.key: row.version for row in await session.execute(text("SELECT * FROM newest"))}
    wanted = {(key, version) for key, last in versions.items() for version in range(1, last + 1)}
    found: dict[str, Any] = {
        "lost": wanted - applied.keys(),
        "invented": applied.keys() - wanted,
        "twice": {place for place, times in applied.items() if times > 1},
        "diverged": {key for key, last in versions.items() if newest.get(key, 0) != last},
    }
    return {name: places for name, places in found.items() if places}
