"""What has come from each connection, in one statement for all of them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.ids import new_id_floor

_STATES = ("accepted", "pending", "processed", "parked")

# The newest delivery, the deliveries of a range of ids and those of few states each have their index.
_BY_CONNECTION = text(
    f"""
    SELECT c.key AS connection, newest.received_at AS last_at,
           {", ".join(f"coalesce(recent.{state}, 0) AS {state}" for state in _STATES)},
           coalesce(unsettled.parked, 0) AS all_parked, coalesce(unsettled.waiting, 0) AS waiting,
           unsettled.oldest_waiting_at
    FROM connection c
    LEFT JOIN LATERAL (
        SELECT d.received_at FROM delivery d WHERE d.connection = c.key ORDER BY d.id DESC LIMIT 1
    ) newest ON true
    LEFT JOIN (
        SELECT d.connection, {", ".join(f"count(*) FILTER (WHERE d.state = '{state}') AS {state}" for state in _STATES)}
        FROM delivery d WHERE d.id >= :since_id AND d.received_at >= :since GROUP BY d.connection
    ) recent ON recent.connection = c.key
    LEFT JOIN (
        SELECT d.connection, count(*) FILTER (WHERE d.state = 'parked') AS parked,
               count(*) FILTER (WHERE d.state <> 'parked') AS waiting,
               min(d.received_at) FILTER (WHERE d.state <> 'parked') AS oldest_waiting_at
        FROM delivery d WHERE d.state IN ('accepted', 'pending', 'parked') GROUP BY d.connection
    ) unsettled ON unsettled.connection = c.key
    ORDER BY c.key
    """  # noqa: S608 - the names are this module's own
)


async def by_connection(session: AsyncSession, *, since: datetime) -> Sequence[RowMapping]:
    """Per connection: the last delivery, deliveries since then by state, and all that are parked or not yet effective."""
    return (await session.execute(_BY_CONNECTION, {"since": since, "since_id": new_id_floor(since)})).mappings().all()
