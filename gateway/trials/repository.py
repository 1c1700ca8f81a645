"""What a trial reads: the newest record of everything known of a connection, and deliveries that have had no effect."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.connectors.repository import Unread

_RECORDS = text(
    """
    SELECT object_type, external_id, crm_time, sequence, deleted, merged_into, record, canonical, delivery_id, received_at,
        actor
    FROM source_record
    WHERE connection = :connection AND crm_time IS NOT NULL AND (object_type, external_id) > (:type, :id)
    ORDER BY object_type, external_id LIMIT :limit
    """
)


async def records(session: AsyncSession, connection: str, after: tuple[str, str], limit: int) -> Sequence[Any]:
    """Stored records of a connection after a key, in the order of their keys."""
    values = {"connection": connection, "type": after[0], "id": after[1], "limit": limit}
    return (await session.execute(_RECORDS, values)).all()


_DELIVERIES = text(
    """
    SELECT id, connection, received_at, headers, body, traceparent, item_count, received_at AS changed_at
    FROM delivery
    WHERE connection = :connection AND state IN ('accepted', 'parked') AND body IS NOT NULL
    ORDER BY id DESC LIMIT :limit
    """
)


async def without_effect(session: AsyncSession, connection: str, limit: int) -> list[Unread]:
    """The newest deliveries that are unread or parked, newest first."""
    found = await session.execute(_DELIVERIES, {"connection": connection, "limit": limit})
    return [Unread(*row) for row in found]
