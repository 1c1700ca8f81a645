"""Events leave through the outbox: written in the transaction of the state they speak of, sent later by the relay."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.base import Cause, EventData
from libs.common.ids import new_id
from libs.common.messaging.envelope import MAX_EVENT_BYTES
from libs.common.observe.tracing import current_traceparent
from libs.common.sql import Query

_NOW = Query("SELECT pg_current_xact_id() AS id, clock_timestamp() AS now")
_PENDING = "foretell.outbox"
_STAMP = "foretell.recorded_at"


class EventTooLarge(ValueError):
    """An event beyond 512 KB; the message names its type and size."""


async def stamp(session: AsyncSession) -> datetime:
    """The one `recorded_at` of this transaction, from the database's clock.

    Call it after the rows to be changed are locked: of two transactions on one row the later then has the later stamp. A
    transaction id is assigned first, so whoever sees no older transaction running knows that no older stamp can follow.
    """
    known = session.info.get(_STAMP)
    if known is None:
        row = await _NOW.row(session)
        known = session.info[_STAMP] = row.now + clock.offset()
    return known  # type: ignore[no-any-return]


def add(
    session: AsyncSession,
    event: EventData,
    *,
    key: UUID,
    version: int,
    occurred_at: datetime,
    cause: Cause | None = None,
    subject: str | None = None,
    actor: str | None = None,
    event_id: UUID | None = None,
    recorded_at: datetime | None = None,
) -> UUID:
    """Queue an event for this transaction; returns its id. It is sent only if the transaction commits.

    `key` decides the partition, `version` is the aggregate's. `event_id` and `recorded_at` are given only when a known
    event is published again. Raises EventTooLarge.
    """
    data = event.model_dump_json(exclude_none=True).encode()
    if len(data) > MAX_EVENT_BYTES:
        raise EventTooLarge(f"{event.TYPE} of {key} has {len(data)} bytes; at most {MAX_EVENT_BYTES} are allowed")
    attributes: dict[str, Any] = {}
    if cause is not None:
        attributes["cause"] = cause.model_dump(mode="json", exclude_none=True)
    if actor is not None:
        attributes["actor"] = actor
    if (traceparent := current_traceparent(cause.event if cause else None)) is not None:
        attributes["traceparent"] = traceparent
    identifier = event_id or new_id()
    session.info.setdefault(_PENDING, []).append(
        (
            identifier,
            event.TOPIC.name,
            key,
            event.TYPE,
            subject or str(key),
            occurred_at,
            recorded_at,
            version,
            orjson.dumps(attributes).decode(),
            data,
        )
    )
    return identifier


def pending(session: AsyncSession) -> Sequence[tuple[Any, ...]]:
    """The events queued so far, for tests and for the metrics of a batch."""
    return tuple(session.info.get(_PENDING, ()))


_INSERT = Query(
    """
    INSERT INTO outbox (id, topic, key, type, subject, occurred_at, recorded_at, aggregate_version, attributes, data)
    SELECT n.id, n.topic, n.key, n.type, n.subject, n.occurred_at, n.recorded_at, n.version, n.attributes::jsonb, n.data
    FROM unnest(
        cast(:ids AS uuid[]), cast(:topics AS text[]), cast(:keys AS uuid[]), cast(:types AS text[]),
        cast(:subjects AS text[]), cast(:occurred AS timestamptz[]), cast(:recorded AS timestamptz[]),
        cast(:versions AS bigint[]), cast(:attributes AS text[]), cast(:data AS bytea[])
    ) WITH ORDINALITY
      AS n (id, topic, key, type, subject, occurred_at, recorded_at, version, attributes, data, ordinal)
    ORDER BY n.ordinal
    """
)


async def write(session: AsyncSession) -> int:
    """Insert the queued events; called once, just before the commit. Returns how many."""
    rows = session.info.pop(_PENDING, None)
    if not rows:
        return 0
    recorded_at = await stamp(session)
    columns = list(zip(*rows, strict=True))
    names = ("ids", "topics", "keys", "types", "subjects", "occurred", "recorded", "versions", "attributes", "data")
    values: dict[str, Any] = {name: list(column) for name, column in zip(names, columns, strict=True)}
    values["recorded"] = [given or recorded_at for given in values["recorded"]]
    await _INSERT.run(session, values)
    return len(rows)


def forget(session: AsyncSession) -> None:
    """Drop what was queued and stamped; called when a transaction ends."""
    session.info.pop(_PENDING, None)
    session.info.pop(_STAMP, None)
