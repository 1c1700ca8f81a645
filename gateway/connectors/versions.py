"""The versions of deals and leads that left, kept for as long as the records: person data is not in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.crm import CrmDealChanged, CrmLeadChanged, CrmRecord
from libs.common.sql import Query


@dataclass(frozen=True, slots=True)
class Version:
    """A canonical change as it left. `actor` is who the CRM says changed the record."""

    event_id: UUID
    connection: str
    object_type: str
    external_id: str
    delivery_id: UUID
    received_at: datetime
    actor: str | None
    event: CrmRecord


_KEEP = Query(
    """
    INSERT INTO record_version (event_id, connection, object_type, external_id, delivery_id, received_at, actor, canonical)
    SELECT n.event_id, n.connection, n.object_type, n.external_id, n.delivery_id, n.received_at, n.actor, n.canonical::jsonb
    FROM unnest(
        cast(:events AS uuid[]), cast(:connections AS text[]), cast(:types AS text[]), cast(:ids AS text[]),
        cast(:deliveries AS uuid[]), cast(:received AS timestamptz[]), cast(:actors AS text[]), cast(:canonicals AS text[])
    ) AS n (event_id, connection, object_type, external_id, delivery_id, received_at, actor, canonical)
    """
)


async def keep(session: AsyncSession, versions: Sequence[Version]) -> None:
    """Append those of deals and leads."""
    kept = [each for each in versions if isinstance(each.event, CrmDealChanged | CrmLeadChanged)]
    if not kept:
        return
    await _KEEP.run(
        session,
        {
            "events": [each.event_id for each in kept],
            "connections": [each.connection for each in kept],
            "types": [each.object_type for each in kept],
            "ids": [each.external_id for each in kept],
            "deliveries": [each.delivery_id for each in kept],
            "received": [each.received_at for each in kept],
            "actors": [each.actor for each in kept],
            "canonicals": [each.event.model_dump_json() for each in kept],
        },
    )
