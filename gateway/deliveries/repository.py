"""Queries on deliveries and their items."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

_OUTCOMES = ("applied", "superseded", "duplicate", "ignored", "parked", "pending")
_SHOWN = """
    SELECT d.id, d.connection, d.received_at, d.settled_at, d.state, d.body_bytes, d.item_count,
           coalesce(i.outcomes, '{}'::jsonb) AS outcomes, coalesce(i.objects, '{}'::text[]) AS objects, i.reason
    FROM delivery d
    LEFT JOIN LATERAL (
        SELECT jsonb_object_agg(o.outcome, o.n) AS outcomes,
               (SELECT array_agg(DISTINCT t.object_type ORDER BY t.object_type) FROM delivery_item t
                WHERE t.delivery_id = d.id AND t.object_type IS NOT NULL) AS objects,
               (SELECT p.reason FROM delivery_item p WHERE p.delivery_id = d.id AND p.outcome = 'parked'
                ORDER BY p.position LIMIT 1) AS reason
        FROM (SELECT outcome, count(*) AS n FROM delivery_item WHERE delivery_id = d.id GROUP BY outcome) o
    ) i ON true
"""


async def page(
    session: AsyncSession, *, connection: str | None, state: str | None, before: UUID | None, limit: int
) -> Sequence[RowMapping]:
    """Newest first."""
    conditions = ["true"]
    if connection is not None:
        conditions.append("d.connection = :connection")
    if state is not None:
        conditions.append("d.state = :state")
    if before is not None:
        conditions.append("d.id < :before")
    found = await session.execute(
        text(f"{_SHOWN} WHERE {' AND '.join(conditions)} ORDER BY d.id DESC LIMIT :limit"),
        {"connection": connection, "state": state, "before": before, "limit": limit},
    )
    return found.mappings().all()


async def one(session: AsyncSession, identifier: UUID) -> RowMapping | None:
    """A delivery with its headers and raw body."""
    shown = _SHOWN.replace("FROM delivery d", ", d.headers, d.body FROM delivery d", 1)
    return (await session.execute(text(f"{shown} WHERE d.id = :id"), {"id": identifier})).mappings().first()


async def items(session: AsyncSession, identifier: UUID) -> Sequence[RowMapping]:
    found = await session.execute(
        text(
            """
            SELECT position, object_type, external_id, outcome, reason, field, value, advice, crm_time, settled_at, event_id, entity_id
            FROM delivery_item WHERE delivery_id = :id ORDER BY position
            """
        ),
        {"id": identifier},
    )
    return found.mappings().all()


async def reopen_parked(
    session: AsyncSession, *, delivery: UUID | None, connection: str | None, limit: int
) -> tuple[int, int]:
    """Put parked deliveries whose raw body is still there back to unread; how many, with how many parked items."""
    found = await session.execute(
        text(
            """
            WITH chosen AS (
                SELECT id FROM delivery
                WHERE state = 'parked' AND body IS NOT NULL
                  AND (cast(:delivery AS uuid) IS NULL OR id = :delivery)
                  AND (cast(:connection AS text) IS NULL OR connection = :connection)
                ORDER BY id LIMIT :limit FOR UPDATE
            ), reopened AS (
                UPDATE delivery d SET state = 'accepted', settled_at = NULL FROM chosen WHERE d.id = chosen.id RETURNING d.id
            )
            SELECT (SELECT count(*) FROM reopened) AS deliveries,
                   (SELECT count(*) FROM delivery_item i JOIN reopened r ON r.id = i.delivery_id WHERE i.outcome = 'parked') AS items
            """
        ),
        {"delivery": delivery, "connection": connection, "limit": limit},
    )
    row = found.one()
    return row.deliveries, row.items


async def counts(session: AsyncSession, *, since: datetime, until: datetime | None = None) -> Sequence[RowMapping]:
    """Per connection: deliveries, unread ones, items as the parser counted them, items by outcome."""
    found = await session.execute(
        text(
            f"""
            WITH chosen AS (
                SELECT d.id, d.connection, d.state, d.item_count, d.received_at FROM delivery d
                WHERE d.received_at >= :since AND (cast(:until AS timestamptz) IS NULL OR d.received_at < :until)
            ), told AS (
                SELECT i.connection, {", ".join(f"count(*) FILTER (WHERE outcome = '{name}') AS {name}" for name in _OUTCOMES)}
                FROM delivery_item i JOIN chosen c ON c.id = i.delivery_id GROUP BY i.connection
            )
            SELECT n.key AS connection, count(c.id) AS deliveries, count(c.id) FILTER (WHERE c.state = 'accepted') AS unread,
                   coalesce(sum(c.item_count), 0) AS items,
                   {", ".join(f"coalesce(max(t.{name}), 0) AS {name}" for name in _OUTCOMES)},
                   min(c.received_at) FILTER (WHERE c.state IN ('accepted', 'pending')) AS oldest_waiting_at
            FROM connection n LEFT JOIN chosen c ON c.connection = n.key LEFT JOIN told t ON t.connection = n.key
            GROUP BY n.key ORDER BY n.key
            """  # noqa: S608 - the names are this module's own
        ),
        {"since": since, "until": until},
    )
    return found.mappings().all()


_UNBALANCED = text(
    """
    SELECT d.connection, date_trunc('hour', d.received_at) AS hour, count(*) AS deliveries, min(d.id::text) AS example
    FROM delivery d
    LEFT JOIN (SELECT delivery_id, count(*) AS told FROM delivery_item GROUP BY delivery_id) i ON i.delivery_id = d.id
    WHERE d.state <> 'accepted' AND d.item_count IS DISTINCT FROM coalesce(i.told, 0)
    GROUP BY 1, 2 ORDER BY 1, 2
    """
)
_HOURS = text(
    """
    SELECT d.connection, date_trunc('hour', d.received_at) AS hour, count(DISTINCT d.id) AS deliveries,
           count(DISTINCT d.id) FILTER (WHERE d.state = 'accepted') AS unread, count(i.*) AS items,
           count(*) FILTER (WHERE i.outcome = 'applied') AS applied,
           count(*) FILTER (WHERE i.outcome = 'superseded') AS superseded,
           count(*) FILTER (WHERE i.outcome = 'duplicate') AS duplicate,
           count(*) FILTER (WHERE i.outcome = 'ignored') AS ignored,
           count(*) FILTER (WHERE i.outcome = 'parked') AS parked,
           count(*) FILTER (WHERE i.outcome = 'pending') AS pending
    FROM delivery d LEFT JOIN delivery_item i ON i.delivery_id = d.id
    GROUP BY 1, 2 ORDER BY 1, 2
    """
)


async def by_hour(session: AsyncSession) -> Sequence[RowMapping]:
    return (await session.execute(_HOURS)).mappings().all()


async def unbalanced(session: AsyncSession) -> Sequence[RowMapping]:
    """Connection-hours in which a delivery was read as more or fewer items than have an outcome."""
    return (await session.execute(_UNBALANCED)).mappings().all()


async def forget_bodies(session: AsyncSession, *, before: UUID, limit: int) -> int:
    """Remove raw bodies of settled deliveries older than `before`; how many."""
    found = await session.execute(
        text(
            """
            UPDATE delivery SET body = NULL WHERE id IN (
                SELECT id FROM delivery WHERE body IS NOT NULL AND id < :before ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
            ) RETURNING 1
            """
        ),
        {"before": before, "limit": limit},
    )
    return len(found.all())


async def oldest_waiting(session: Any) -> datetime | None:
    """Arrival of the oldest delivery of an active connection that is not read or waits for a fetch."""
    found = await session.execute(
        text(
            """
            SELECT min(received_at) FROM (
                (SELECT d.received_at FROM delivery d JOIN connection c ON c.key = d.connection AND c.state = 'active'
                 WHERE d.state = 'accepted' ORDER BY d.id LIMIT 1)
                UNION ALL
                (SELECT d.received_at FROM delivery d JOIN connection c ON c.key = d.connection AND c.state = 'active'
                 WHERE d.state = 'pending' ORDER BY d.id LIMIT 1)
            ) oldest
            """
        )
    )
    oldest: datetime | None = found.scalar_one()
    return oldest
