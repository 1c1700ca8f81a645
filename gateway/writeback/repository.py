"""Queries on edits that are to be written to CRMs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.crm import EditedField
from libs.common.events.deals import EditWanted


@dataclass(frozen=True, slots=True)
class Due:
    """An edit leased to be written. `sends`: how often the CRM took it without showing it. `changed_at`: of its connection."""

    edit_id: UUID
    connection: str
    deal_id: UUID
    external_id: str
    field: EditedField
    wanted: str | None
    bases: Sequence[str | None]
    currency: str | None
    attempts: int
    sends: int
    changed_at: datetime


_TAKE = text("""
    INSERT INTO write_back (edit_id, sequence, connection, deal_id, external_id, field, wanted, bases, currency, wanted_at, state)
    VALUES (:edit_id, :sequence, :connection, :deal_id, :external_id, :field, :wanted, :bases, :currency, :wanted_at,
        CASE WHEN EXISTS (
            SELECT 1 FROM write_back n WHERE n.deal_id = :deal_id AND n.field = :field AND n.sequence > :sequence
        ) THEN 'superseded' ELSE 'due' END)
    ON CONFLICT DO NOTHING
""")
_SUPERSEDE = text("""
    UPDATE write_back SET state = 'superseded', ended_at = clock_timestamp()
    WHERE deal_id = :deal_id AND field = :field AND sequence < :sequence AND state = 'due'
""")


async def take(session: AsyncSession, events: Sequence[EditWanted]) -> None:
    """Keep what is to be written; of one field of a deal the last edit only."""
    for each in sorted(events, key=lambda edit: (edit.deal_id, edit.field, edit.sequence)):
        values = each.model_dump(exclude={"pipeline"}) | {"bases": list(each.bases)}
        await session.execute(_TAKE, values)
        await session.execute(_SUPERSEDE, {name: values[name] for name in ("deal_id", "field", "sequence")})


_LEASE = text("""
    WITH due AS (
        SELECT w.edit_id, c.updated_at FROM write_back w JOIN connection c ON c.key = w.connection AND c.state = 'active'
        WHERE w.state = 'due' AND w.due_at <= clock_timestamp() AND w.connection <> ALL(cast(:busy AS text[]))
        ORDER BY w.due_at, w.edit_id LIMIT :limit FOR UPDATE OF w SKIP LOCKED
    )
    UPDATE write_back w SET due_at = clock_timestamp() + make_interval(secs => :lease_s), attempts = w.attempts + 1, is_leased = true
    FROM due WHERE w.edit_id = due.edit_id
    RETURNING w.edit_id, w.connection, w.deal_id, w.external_id, w.field, w.wanted, w.bases, w.currency, w.attempts, w.sends,
              due.updated_at
""")


async def lease(session: AsyncSession, *, limit: int, lease_s: float, busy: Collection[str] = ()) -> list[Due]:
    """Take due edits of active connections that are not `busy`; a process that dies loses them after that time."""
    values = {"limit": limit, "lease_s": lease_s, "busy": list(busy)}
    return sorted((Due(*row) for row in await session.execute(_LEASE, values)), key=lambda due: due.edit_id)


async def release(session: AsyncSession) -> None:
    """Make due again what is leased: for whoever begins to lead, since who led before has ended.

    Should that one still be about to write, both find by reading first what the other has written.
    """
    await session.execute(
        text("UPDATE write_back SET due_at = clock_timestamp(), is_leased = false WHERE state = 'due' AND is_leased")
    )


_LOCK = text("""
    SELECT edit_id FROM write_back WHERE edit_id = ANY(cast(:edits AS uuid[])) AND state = 'due' ORDER BY edit_id FOR UPDATE
""")


async def still_due(session: AsyncSession, edits: Collection[UUID]) -> set[UUID]:
    """Lock these edits; those that nothing has superseded since they were leased."""
    return set((await session.scalars(_LOCK, {"edits": list(edits)})).all())


_END = text("""
    UPDATE write_back SET state = :outcome, crm_value = :crm_value, reason = :reason, ended_at = clock_timestamp()
    WHERE edit_id = :edit_id
""")
_POSTPONE = text("""
    UPDATE write_back SET due_at = clock_timestamp() + make_interval(secs => :delay_s), reason = :reason, sends = sends + :sends, is_leased = false
    WHERE edit_id = :edit_id AND state = 'due'
""")


async def end(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        await session.execute(_END, list(rows))


async def postpone(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        await session.execute(_POSTPONE, list(rows))


_OWNERS = text(
    "SELECT id, external_id FROM person WHERE kind = 'user' AND connection = :connection AND id = ANY(cast(:ids AS uuid[]))"
)


async def owners(session: AsyncSession, connection: str, ids: Collection[UUID]) -> dict[UUID, str]:
    """What a CRM calls these of its users."""
    found = await session.execute(_OWNERS, {"connection": connection, "ids": list(ids)})
    return {row.id: row.external_id for row in found}
