"""What stands in an outbox and has not reached the broker."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

COUNTED = 100_000
"""More waiting events than that are not counted: it would take longer the more there are."""

_UNPUBLISHED = text(
    """
    WITH cursor AS MATERIALIZED (
        SELECT coalesce(max(lower_txid::text::bigint), 0)::text::xid8 AS lower,
               coalesce(max(upper_txid::text::bigint), 0)::text::xid8 AS upper, coalesce(max(position), 0) AS position
        FROM relay_cursor
    )
    SELECT count(*) AS events, min(recorded_at) AS oldest FROM (
        (SELECT o.recorded_at FROM outbox o, cursor c
         WHERE o.txid >= c.lower AND o.txid < c.upper AND o.position > c.position LIMIT :counted)
        UNION ALL
        (SELECT o.recorded_at FROM outbox o, cursor c WHERE o.txid >= c.upper ORDER BY o.txid, o.position LIMIT :counted)
    ) waiting
    """
)


class Waiting(NamedTuple):
    """Events that the broker has not got: how many, at most `COUNTED`, and since when the oldest waits."""

    events: int
    oldest: datetime | None


async def unpublished(session: AsyncSession) -> Waiting:
    """What the relay has not sent."""
    row = (await session.execute(_UNPUBLISHED, {"counted": COUNTED})).one()
    return Waiting(min(row.events, COUNTED), row.oldest)
