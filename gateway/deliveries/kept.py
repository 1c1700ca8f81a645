"""What is kept of one record: its versions, its newest state, the deliveries that spoke of it."""

from collections.abc import Sequence

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.ids import normalise_external_id

_NAMES = "connection = :connection AND object_type = :object_type AND external_id = :external_id"


def _values(connection: str, object_type: str, external_id: str) -> dict[str, str]:
    return {
        "connection": connection,
        "object_type": object_type,
        "external_id": normalise_external_id(external_id),
    }


async def newest(session: AsyncSession, *, connection: str, object_type: str, external_id: str) -> RowMapping | None:
    """The newest state of a record; None where no version of it was ever understood."""
    found = await session.execute(
        text(
            f"""
            SELECT connection, object_type, external_id, entity_id, deleted, merged_into, canonical, delivery_id, event_id, received_at
            FROM source_record WHERE {_NAMES} AND crm_time IS NOT NULL
            """  # noqa: S608 - a constant of this module
        ),
        _values(connection, object_type, external_id),
    )
    return found.mappings().first()


async def versions(
    session: AsyncSession, *, connection: str, object_type: str, external_id: str, limit: int
) -> Sequence[RowMapping]:
    """Versions of a record that left, the newest by arrival first."""
    found = await session.execute(
        text(
            f"""
            SELECT event_id, delivery_id, received_at, actor, canonical FROM record_version WHERE {_NAMES}
            ORDER BY event_id DESC LIMIT :limit
            """  # noqa: S608 - a constant of this module
        ),
        _values(connection, object_type, external_id) | {"limit": limit},
    )
    return found.mappings().all()


async def deliveries(
    session: AsyncSession, *, connection: str, object_type: str, external_id: str, limit: int
) -> Sequence[RowMapping]:
    """Items of this record, the newest by arrival first."""
    found = await session.execute(
        text(
            f"""
            SELECT delivery_id, position, received_at, settled_at, crm_time, outcome, reason FROM delivery_item
            WHERE {_NAMES} ORDER BY delivery_id DESC, position LIMIT :limit
            """  # noqa: S608 - a constant of this module
        ),
        _values(connection, object_type, external_id) | {"limit": limit},
    )
    return found.mappings().all()
