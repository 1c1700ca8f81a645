"""What deliveries add up to: items by outcome, and how long they took."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.deliveries.asked import Selection
from gateway.deliveries.repository import matching

_OUTCOMES = ("applied", "superseded", "duplicate", "ignored", "parked", "pending")
_PERCENTILES = """count(d.settled_at) AS settled,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM d.settled_at - d.received_at)) AS p50_s,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM d.settled_at - d.received_at)) AS p95_s"""


async def latency(session: AsyncSession, asked: Selection, *, limit: int) -> RowMapping:
    """How long the newest settled deliveries asked for took."""
    condition, values = matching(asked)
    found = await session.execute(
        text(
            f"""
            SELECT {_PERCENTILES} FROM (
                SELECT d.received_at, d.settled_at FROM delivery d WHERE d.settled_at IS NOT NULL AND {condition}
                ORDER BY d.id DESC LIMIT :limit
            ) d
            """  # noqa: S608 - the conditions are this module's own
        ),
        values | {"limit": limit},
    )
    return found.mappings().one()


async def counts(session: AsyncSession, *, since: datetime, until: datetime | None = None) -> Sequence[RowMapping]:
    """Per connection: deliveries, unread ones, items as the parser counted them, items by outcome."""
    found = await session.execute(
        text(
            f"""
            WITH chosen AS (
                SELECT d.id, d.connection, d.state, d.item_count, d.received_at, d.settled_at FROM delivery d
                WHERE d.received_at >= :since AND (cast(:until AS timestamptz) IS NULL OR d.received_at < :until)
            ), told AS (
                SELECT i.connection, {", ".join(f"count(*) FILTER (WHERE outcome = '{name}') AS {name}" for name in _OUTCOMES)}
                FROM delivery_item i JOIN chosen c ON c.id = i.delivery_id GROUP BY i.connection
            ), taken AS (
                SELECT d.connection, {_PERCENTILES} FROM chosen d GROUP BY d.connection
            )
            SELECT n.key AS connection, count(c.id) AS deliveries, count(c.id) FILTER (WHERE c.state = 'accepted') AS unread,
                   coalesce(sum(c.item_count), 0) AS items,
                   {", ".join(f"coalesce(max(t.{name}), 0) AS {name}" for name in _OUTCOMES)},
                   min(c.received_at) FILTER (WHERE c.state IN ('accepted', 'pending')) AS oldest_waiting_at,
                   coalesce(max(k.settled), 0) AS settled, max(k.p50_s) AS p50_s, max(k.p95_s) AS p95_s
            FROM connection n LEFT JOIN chosen c ON c.connection = n.key LEFT JOIN told t ON t.connection = n.key
            LEFT JOIN taken k ON k.connection = n.key
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
