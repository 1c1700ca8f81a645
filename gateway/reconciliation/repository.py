"""Queries on what we have of a CRM's deals, and on comparisons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.reconciliation.standing import Standing, of_canonical

JSON = frozenset({"amounts", "theirs", "ours"})


@dataclass(frozen=True, slots=True)
class Ours:
    """The newest version of a deal that we have of a CRM."""

    external_id: str
    entity_id: UUID
    crm_time: datetime
    received_at: datetime
    mapping_version: int
    deleted: bool
    standing: Standing


_OURS = text(
    """
    SELECT external_id, entity_id, crm_time, received_at, mapping_version, deleted, canonical
    FROM source_record
    WHERE connection = :connection AND object_type = 'deal' AND external_id = ANY(:ids) AND canonical IS NOT NULL
    """
)


async def ours(session: AsyncSession, connection: str, external_ids: Sequence[str]) -> dict[str, Ours]:
    """What we have of these deals, deleted ones too; nothing of those that are not known."""
    rows = await session.execute(_OURS, {"connection": connection, "ids": list(external_ids)})
    return {
        row.external_id: Ours(
            row.external_id,
            row.entity_id,
            row.crm_time,
            row.received_at,
            row.mapping_version,
            row.deleted,
            of_canonical(row.canonical),
        )
        for row in rows
    }


_LIVE = text(
    """
    SELECT external_id FROM source_record
    WHERE connection = :connection AND object_type = 'deal' AND external_id > :after AND received_at <= :before
      AND NOT deleted AND canonical IS NOT NULL
    ORDER BY external_id LIMIT :limit
    """
)


async def live_ids(
    session: AsyncSession, connection: str, *, before: datetime, after: str = "", limit: int = 10_000
) -> list[str]:
    """Live deals beyond an id whose newest version had come by an instant, in the order of their ids."""
    given = {"connection": connection, "before": before, "after": after, "limit": limit}
    return list(await session.scalars(_LIVE, given))


_WAITED_FOR = text(
    """
    SELECT external_id FROM fetch_signal
    WHERE connection = :connection AND object_type = 'deal' AND external_id = ANY(:ids)
    UNION
    SELECT external_id FROM delivery_item
    WHERE connection = :connection AND object_type = 'deal' AND external_id = ANY(:ids) AND outcome = 'pending'
    """
)


async def waited_for(session: AsyncSession, connection: str, external_ids: Sequence[str]) -> frozenset[str]:
    """Those of which a delivery that has come is not applied yet."""
    return frozenset(await session.scalars(_WAITED_FOR, {"connection": connection, "ids": list(external_ids)}))


async def newest_unread(session: AsyncSession, connection: str) -> datetime | None:
    """Arrival of the newest delivery that nobody has read: it may hold anything that the CRM has."""
    statement = text("SELECT max(received_at) FROM delivery WHERE connection = :connection AND state = 'accepted'")
    found: datetime | None = await session.scalar(statement, {"connection": connection})
    return found


async def count_live(session: AsyncSession, connection: str) -> int:
    statement = text(
        "SELECT count(*) FROM source_record WHERE connection = :connection AND object_type = 'deal' AND NOT deleted"
        " AND canonical IS NOT NULL"
    )
    return int(await session.scalar(statement, {"connection": connection}) or 0)


async def add(session: AsyncSession, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append rows of one form to a table of this capability; mappings become JSON."""
    if not rows:
        return
    names = list(rows[0])
    values = ", ".join(f"cast(:{name} AS jsonb)" if name in JSON else f":{name}" for name in names)
    statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({values})"  # noqa: S608 - own names
    written = [
        {name: orjson.dumps(value).decode() if isinstance(value, dict) else value for name, value in row.items()}
        for row in rows
    ]
    await session.execute(text(statement), written)


_COLUMNS = """comparison_id, connection, begun_at, ended_at, outcome, reason, listed, our_count, crm_count, equal_count, under_way,
    missing, different, ours_only, unreadable, amounts, delivery_ids"""


async def newest(session: AsyncSession, *, only_compared: bool = False) -> dict[str, RowMapping]:
    """The newest comparison of each connection that has one."""
    rows = await session.execute(
        text(
            f"""
            SELECT n.* FROM connection c CROSS JOIN LATERAL (
                SELECT {_COLUMNS} FROM comparison
                WHERE connection = c.key AND (outcome = 'compared' OR NOT :only)
                ORDER BY begun_at DESC LIMIT 1
            ) n
            """  # noqa: S608 - own names
        ),
        {"only": only_compared},
    )
    return {row["connection"]: row for row in rows.mappings()}


async def page(session: AsyncSession, connection: str, *, before: datetime | None, limit: int) -> Sequence[RowMapping]:
    """Comparisons of a connection, the newest first."""
    rows = await session.execute(
        text(
            f"""
            SELECT {_COLUMNS} FROM comparison
            WHERE connection = :connection AND (cast(:before AS timestamptz) IS NULL OR begun_at < :before)
            ORDER BY begun_at DESC LIMIT :limit
            """  # noqa: S608 - own names
        ),
        {"connection": connection, "before": before, "limit": limit},
    )
    return rows.mappings().all()


async def one(session: AsyncSession, comparison_id: UUID) -> RowMapping | None:
    rows = await session.execute(
        text(f"SELECT {_COLUMNS} FROM comparison WHERE comparison_id = :id"),  # noqa: S608 - own names
        {"id": comparison_id},
    )
    return rows.mappings().first()


async def cells(session: AsyncSession, comparison_id: UUID) -> Sequence[RowMapping]:
    rows = await session.execute(
        text("SELECT * FROM comparison_cell WHERE comparison_id = :id ORDER BY position"), {"id": comparison_id}
    )
    return rows.mappings().all()


async def records(session: AsyncSession, comparison_id: UUID) -> Sequence[RowMapping]:
    rows = await session.execute(
        text("SELECT * FROM comparison_record WHERE comparison_id = :id ORDER BY position"), {"id": comparison_id}
    )
    return rows.mappings().all()


async def wish(session: AsyncSession, connection: str, *, at: datetime, actor: str) -> None:
    await session.execute(
        text(
            "INSERT INTO comparison_wish (connection, wished_at, actor) VALUES (:connection, :at, :actor)"
            " ON CONFLICT (connection) DO UPDATE SET wished_at = excluded.wished_at, actor = excluded.actor"
        ),
        {"connection": connection, "at": at, "actor": actor},
    )


async def wishes(session: AsyncSession) -> dict[str, datetime]:
    rows = await session.execute(text("SELECT connection, wished_at FROM comparison_wish"))
    return {row.connection: row.wished_at for row in rows}
