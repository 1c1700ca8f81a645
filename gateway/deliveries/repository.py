"""Queries on deliveries and their items."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.deliveries.asked import Selection
from libs.common.ids import new_id_floor, normalise_external_id
from libs.common.sql import Query, Within

_SHOWN = """
    SELECT d.id, d.connection, d.received_at, d.settled_at, d.state, d.body_bytes, d.item_count,
           extract(epoch FROM d.settled_at - d.received_at)::float8 AS latency_s,
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


_CONDITIONS = {
    "delivery": "d.id = :delivery",
    "connection": "d.connection = :connection",
    "state": "d.state = :state",
    "external_id": "d.id IN (SELECT m.delivery_id FROM delivery_item m WHERE m.external_id = ANY(cast(:external_ids AS text[])))",
    "text": """EXISTS (SELECT 1 FROM delivery_item m WHERE m.delivery_id = d.id
               AND strpos(lower(concat_ws(' ', m.reason, m.field, m.value)), lower(:text)) > 0)""",
    "since": "d.received_at >= :since AND d.id >= :since_id",
    "until": "d.received_at < :until AND d.id < :until_id",
}
_ID_LAG = timedelta(minutes=5)
"""A delivery gets its id, which holds a time, after it was received: within this."""


def matching(asked: Selection) -> tuple[str, dict[str, Any]]:
    """A condition on `delivery d`, and its values. The bounds of ids let the primary key find a range of time."""
    given = [name for name in _CONDITIONS if getattr(asked, name) is not None]
    values: dict[str, Any] = {name: getattr(asked, name) for name in given if name != "external_id"}
    if asked.external_id is not None:
        values["external_ids"] = sorted({asked.external_id, normalise_external_id(asked.external_id)})
    if asked.since is not None:
        values["since_id"] = new_id_floor(asked.since)
    if asked.until is not None:
        values["until_id"] = new_id_floor(asked.until + _ID_LAG)
    return " AND ".join(["true", *(_CONDITIONS[name] for name in given)]), values


async def page(session: AsyncSession, asked: Selection, *, before: UUID | None, limit: int) -> Sequence[RowMapping]:
    """Newest first."""
    condition, values = matching(asked)
    if before is not None:
        condition += " AND d.id < :before"
    found = await session.execute(
        text(f"{_SHOWN} WHERE {condition} ORDER BY d.id DESC LIMIT :limit"),
        values | ({"before": before} if before is not None else {}) | {"limit": limit},
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
            SELECT i.position, i.object_type, i.external_id, i.outcome, i.reason, i.field, i.value, i.advice, i.crm_time,
                   i.settled_at, i.event_id, i.entity_id, e.edit
            FROM delivery_item i LEFT JOIN LATERAL (
                SELECT jsonb_build_object('patch', t.patch, 'reason', t.reason, 'actor', t.actor, 'at', t.at) AS edit
                FROM item_edit t WHERE t.delivery_id = i.delivery_id AND t.position = i.position ORDER BY t.edit_id DESC LIMIT 1
            ) e ON true
            WHERE i.delivery_id = :id ORDER BY i.position
            """
        ),
        {"id": identifier},
    )
    return found.mappings().all()


async def lock(session: AsyncSession, identifier: UUID) -> None:
    """Nobody else reads or edits the delivery until the transaction has ended."""
    await session.execute(text("SELECT 1 FROM delivery WHERE id = :id FOR UPDATE"), {"id": identifier})


async def add_edit(session: AsyncSession, values: dict[str, Any]) -> None:
    await session.execute(
        text(
            """
            INSERT INTO item_edit (edit_id, delivery_id, position, at, actor, reason, patch)
            VALUES (:edit_id, :delivery_id, :position, :at, :actor, :reason, cast(:patch AS jsonb))
            """
        ),
        values,
    )


async def reopen_parked(session: AsyncSession, asked: Selection, *, limit: int) -> tuple[int, int]:
    """Put the oldest parked deliveries asked for, whose raw body is still there, back to unread; how many, and their parked items."""
    condition, values = matching(asked)
    found = await session.execute(
        text(
            f"""
            WITH chosen AS (
                SELECT d.id FROM delivery d
                WHERE d.state = 'parked' AND d.body IS NOT NULL AND {condition}
                ORDER BY d.id LIMIT :limit FOR UPDATE OF d
            ), reopened AS (
                UPDATE delivery d SET state = 'accepted', settled_at = NULL FROM chosen WHERE d.id = chosen.id RETURNING d.id
            )
            SELECT (SELECT count(*) FROM reopened) AS deliveries,
                   (SELECT count(*) FROM delivery_item i JOIN reopened r ON r.id = i.delivery_id WHERE i.outcome = 'parked') AS items
            """  # noqa: S608 - the conditions are this module's own
        ),
        values | {"limit": limit},
    )
    row = found.one()
    return row.deliveries, row.items


async def parked_reasons(session: AsyncSession, asked: Selection) -> Sequence[RowMapping]:
    """Parked items asked for, by connection, reason and whether the raw body is still there; the most frequent first."""
    condition, values = matching(asked)
    found = await session.execute(
        text(
            f"""
            SELECT d.connection, i.reason, d.body IS NULL AS forgotten, count(*) AS items, count(DISTINCT d.id) AS deliveries
            FROM delivery d JOIN delivery_item i ON i.delivery_id = d.id AND i.outcome = 'parked'
            WHERE d.state = 'parked' AND {condition}
            GROUP BY 1, 2, 3 ORDER BY items DESC, d.connection, i.reason
            """  # noqa: S608 - the conditions are this module's own
        ),
        values,
    )
    return found.mappings().all()


async def parked_deliveries(session: AsyncSession, asked: Selection) -> tuple[int, int]:
    """How many parked deliveries asked for can be read again, and of how many the raw body is gone."""
    condition, values = matching(asked)
    found = await session.execute(
        text(
            f"""
            SELECT count(*) FILTER (WHERE d.body IS NOT NULL) AS readable, count(*) FILTER (WHERE d.body IS NULL) AS forgotten
            FROM delivery d WHERE d.state = 'parked' AND {condition}
            """  # noqa: S608 - the conditions are this module's own
        ),
        values,
    )
    row = found.one()
    return row.readable, row.forgotten


_WAITING = text(
    """
    (
        SELECT d.id AS delivery_id, d.connection, d.received_at, d.state, NULL::integer AS position, NULL AS object_type,
               NULL AS external_id, CASE WHEN c.state = 'active' THEN 'it has not been read yet' ELSE 'the connection is paused' END AS reason,
               0 AS attempts, NULL::timestamptz AS next_attempt_at
        FROM delivery d JOIN connection c ON c.key = d.connection
        WHERE d.state = 'accepted' AND d.received_at < :before ORDER BY d.id LIMIT :limit
    )
    UNION ALL
    (
        SELECT d.id, d.connection, d.received_at, d.state, i.position, i.object_type, i.external_id,
               CASE WHEN c.state <> 'active' THEN 'the connection is paused'
                    WHEN f.connection IS NULL THEN 'nothing fetches it any more: let the CRM send the record again'
                    ELSE coalesce(f.last_error, 'the CRM has not answered the fetch yet') END,
               coalesce(f.attempts, 0), f.due_at
        FROM delivery d
        JOIN connection c ON c.key = d.connection
        JOIN delivery_item i ON i.delivery_id = d.id AND i.outcome = 'pending'
        LEFT JOIN fetch_signal f
          ON f.connection = i.connection AND f.object_type = i.object_type AND f.external_id = i.external_id
        WHERE d.state = 'pending' AND d.received_at < :before ORDER BY d.id, i.position LIMIT :limit
    )
    ORDER BY received_at, delivery_id, position LIMIT :limit
    """
)


async def waiting(session: AsyncSession, *, before: datetime, limit: int) -> Sequence[RowMapping]:
    """What was accepted before then and has no effect yet, the oldest first: unread deliveries, and items that wait for a fetch."""
    return (await session.execute(_WAITING, {"before": before, "limit": limit})).mappings().all()


async def stored_as(session: AsyncSession, *, connection: str, body: bytes, since: datetime) -> UUID | None:
    """The newest delivery of a connection with exactly this body."""
    found = await session.execute(
        text(
            """
            SELECT id FROM delivery WHERE connection = :connection AND id >= :since AND body = :body ORDER BY id DESC LIMIT 1
            """
        ),
        {"connection": connection, "body": body, "since": new_id_floor(since)},
    )
    identifier: UUID | None = found.scalar_one_or_none()
    return identifier


async def forget_bodies(session: AsyncSession, *, before: UUID, limit: int) -> int:
    """Remove raw bodies of deliveries older than `before`, and what was edited in them; how many."""
    await session.execute(text("DELETE FROM item_edit WHERE delivery_id < :before"), {"before": before})
    found = await session.execute(
        text(
            """
            WITH old AS MATERIALIZED (
                SELECT id FROM delivery WHERE body IS NOT NULL AND id < :before ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
            )
            UPDATE delivery d SET body = NULL FROM old WHERE d.id = old.id RETURNING 1
            """
        ),
        {"before": before, "limit": limit},
    )
    return len(found.all())


_OLDEST_WAITING = Query(
    """
    SELECT min(received_at) AS at FROM (
        (SELECT d.received_at FROM delivery d JOIN connection c ON c.key = d.connection AND c.state = 'active'
         WHERE d.state = 'accepted' ORDER BY d.id LIMIT 1)
        UNION ALL
        (SELECT d.received_at FROM delivery d JOIN connection c ON c.key = d.connection AND c.state = 'active'
         WHERE d.state = 'pending' ORDER BY d.id LIMIT 1)
    ) oldest
    """
)


async def oldest_waiting(within: Within) -> datetime | None:
    """Arrival of the oldest delivery of an active connection that is not read or waits for a fetch."""
    oldest: datetime | None = (await _OLDEST_WAITING.row(within)).at
    return oldest
