"""Events that cannot be applied: kept in a table of the consumer, visible, and replayed after a repair."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.ids import NAMESPACE
from libs.common.messaging import envelope


def _named(record: Any) -> UUID:
    """The id of a record that nobody of ours wrote: the same however often its place in the log is read."""
    content = hashlib.sha256(record.value or b"").hexdigest()
    return uuid5(NAMESPACE, f"record:{record.topic}:{record.partition}:{record.offset}:{content}")


async def bury(session: AsyncSession, record: Any, reason: str) -> None:
    """Put one record among the dead letters, in the transaction that moves the position past it.

    What a person has discarded stays discarded when a log is read again.
    """
    try:
        identifier = envelope.event_id(record)
    except envelope.UnreadableEvent:
        identifier = _named(record)
    try:
        key: UUID | None = UUID(record.key.decode())
    except (AttributeError, ValueError):
        key = None
    await session.execute(
        text(
            """
            INSERT INTO dead_letter (event_id, topic, partition, "offset", type, key, headers, data, reason)
            VALUES (:id, :topic, :partition, :offset, :type, :key, cast(:headers AS jsonb), :data, :reason)
            ON CONFLICT (event_id) DO UPDATE
            SET reason = excluded.reason, attempts = dead_letter.attempts + 1, state = 'open', settled_at = NULL
            WHERE dead_letter.state <> 'discarded'
            """
        ),
        {
            "id": identifier,
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "type": envelope.type_of(record),
            "key": key,
            "headers": orjson.dumps({name: value.decode(errors="replace") for name, value in record.headers}).decode(),
            "data": record.value or b"",
            "reason": reason[:2000],
        },
    )


@dataclass(frozen=True)
class BuriedRecord:
    """A dead letter in the shape of a broker's record, so that it can be read and applied again."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


async def open_records(session: AsyncSession, ids: list[UUID] | None = None, limit: int = 500) -> list[BuriedRecord]:
    """Open dead letters, oldest first, locked for this transaction; only those in `ids` when given."""
    rows = await session.execute(
        text(
            """
            SELECT event_id, topic, partition, "offset", key, headers, data FROM dead_letter
            WHERE state = 'open' AND (cast(:ids AS uuid[]) IS NULL OR event_id = ANY(cast(:ids AS uuid[])))
            ORDER BY failed_at LIMIT :limit FOR UPDATE SKIP LOCKED
            """
        ),
        {"ids": ids, "limit": limit},
    )
    return [
        BuriedRecord(
            topic=row.topic,
            partition=row.partition,
            offset=row.offset,
            key=str(row.key).encode() if row.key else None,
            value=bytes(row.data),
            headers=tuple((name, value.encode()) for name, value in row.headers.items()),
        )
        for row in rows
    ]


async def settle(session: AsyncSession, event_id: UUID, state: str) -> None:
    """Close a dead letter as `replayed` or `discarded`."""
    await session.execute(
        text("UPDATE dead_letter SET state = :state, settled_at = clock_timestamp() WHERE event_id = :id"),
        {"id": event_id, "state": state},
    )


async def listing(session: AsyncSession, *, state: str = "open", limit: int = 100) -> list[dict[str, Any]]:
    """Dead letters without their payload, newest first."""
    rows = await session.execute(
        text(
            """
            SELECT event_id, topic, type, key, reason, state, attempts, failed_at, settled_at FROM dead_letter
            WHERE state = :state ORDER BY failed_at DESC LIMIT :limit
            """
        ),
        {"state": state, "limit": limit},
    )
    return [dict(row._mapping) for row in rows]


async def count_open(session: AsyncSession) -> tuple[int, datetime | None]:
    """How many are open and since when the oldest."""
    row = (
        await session.execute(
            text("SELECT count(*) AS n, min(failed_at) AS oldest FROM dead_letter WHERE state='open'")
        )
    ).one()
    return row.n, row.oldest
