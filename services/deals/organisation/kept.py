"""What was stated of the organisation, as rows that are only ever appended, and which of them have not begun."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.deals.organisation.standing import Statement, UnitContent

_LOCK = 0x556E6974

_COLUMNS = """
    s.statement_id, s.kind, s.valid_from, s.recorded_at, s.unit_id, s.parent_id, s.name, s.person_id, s.lead_id, s.into_id,
    s.position
"""
_STANDS = "NOT EXISTS (SELECT 1 FROM org_revocation r WHERE r.statement_id = s.statement_id)"
_BEGUN = "NOT EXISTS (SELECT 1 FROM org_planned p WHERE p.statement_id = s.statement_id) AND " + _STANDS  # noqa: S608 - a fragment of this module


async def lock(session: AsyncSession) -> None:
    """Keep others from changing the organisation until this transaction ends."""
    await session.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))


async def keep(session: AsyncSession, rows: Sequence[dict[str, Any]], *, now: datetime) -> set[UUID]:
    """Append statements, those that begin after `now` as planned; returns the ids of those that were not there."""
    if not rows:
        return set()
    found = await session.scalars(
        text(
            """
            INSERT INTO org_statement
            SELECT * FROM jsonb_populate_recordset(NULL::org_statement, cast(:rows AS jsonb))
            ON CONFLICT DO NOTHING RETURNING statement_id
            """
        ),
        {"rows": orjson.dumps(rows, default=str).decode()},
    )
    added = set(found)
    await session.execute(
        text(
            """
            INSERT INTO org_planned
            SELECT statement_id, valid_from FROM org_statement
            WHERE statement_id = ANY(cast(:ids AS uuid[])) AND valid_from > :now
            """
        ),
        {"ids": list(added), "now": now},
    )
    return added


def row_of(said: Statement, *, by: str, digest: str) -> dict[str, Any]:
    """The row of a statement."""
    return {**asdict(said), "recorded_by": by, "request_digest": digest}


async def digests(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, str]:
    """Of which of these statements there is a row, each with the digest of the request that made it."""
    found = await session.execute(
        text("SELECT statement_id, request_digest FROM org_statement WHERE statement_id = ANY(cast(:ids AS uuid[]))"),
        {"ids": list(ids)},
    )
    return {row.statement_id: row.request_digest for row in found}


async def of_units(session: AsyncSession, units: Collection[UUID]) -> list[Statement]:
    """What was said of these units and has begun."""
    return await _statements(
        session, f"s.unit_id = ANY(cast(:ids AS uuid[])) AND s.person_id IS NULL AND {_BEGUN}", {"ids": list(units)}
    )


async def of_people(session: AsyncSession, people: Collection[UUID]) -> list[Statement]:
    """What was said of these people and has begun."""
    return await _statements(session, f"s.person_id = ANY(cast(:ids AS uuid[])) AND {_BEGUN}", {"ids": list(people)})


async def closures(session: AsyncSession) -> list[Statement]:
    """Which units were closed."""
    return await _statements(session, f"s.kind = 'unit_closed' AND {_BEGUN}", {})


async def since(session: AsyncSession, instant: datetime) -> list[Statement]:
    """What holds from a later instant than this one, and what was planned and has not begun; without what was revoked."""
    planned = "EXISTS (SELECT 1 FROM org_planned p WHERE p.statement_id = s.statement_id)"
    return await _statements(session, f"(s.valid_from > :instant OR {planned}) AND {_STANDS}", {"instant": instant})


async def _statements(session: AsyncSession, condition: str, values: dict[str, Any]) -> list[Statement]:
    found = await session.execute(text(f"SELECT {_COLUMNS} FROM org_statement s WHERE {condition}"), values)  # noqa: S608
    return [Statement(**row) for row in found.mappings()]


async def due(session: AsyncSession, now: datetime) -> bool:
    """Whether anything planned begins by now."""
    return bool(
        await session.scalar(text("SELECT EXISTS (SELECT 1 FROM org_planned WHERE valid_from <= :now)"), {"now": now})
    )


async def begin(session: AsyncSession, now: datetime) -> list[Statement]:
    """Take what begins by now out of the plans."""
    ids = await session.scalars(
        text("DELETE FROM org_planned WHERE valid_from <= :now RETURNING statement_id"), {"now": now}
    )
    return await _statements(session, "s.statement_id = ANY(cast(:ids AS uuid[]))", {"ids": list(ids)})


async def revoke(session: AsyncSession, statement: UUID, *, at: datetime, by: str) -> None:
    """Take a plan back; what was said stays, and that it was revoked."""
    await session.execute(text("DELETE FROM org_planned WHERE statement_id = :id"), {"id": statement})
    await session.execute(
        text("INSERT INTO org_revocation VALUES (:id, :at, :by)"), {"id": statement, "at": at, "by": by}
    )


_STATE = """
    CASE WHEN r.statement_id IS NOT NULL THEN 'revoked' WHEN p.statement_id IS NOT NULL THEN 'planned' ELSE 'begun' END
"""
_LISTED = f"""
    SELECT {_COLUMNS}, s.recorded_by, r.revoked_at, r.revoked_by, {_STATE} AS state
    FROM org_statement s LEFT JOIN org_revocation r USING (statement_id) LEFT JOIN org_planned p USING (statement_id)
    WHERE (cast(:ids AS uuid[]) IS NULL OR s.statement_id = ANY(cast(:ids AS uuid[]))) AND (cast(:state AS text) IS NULL OR {_STATE} = :state)
      AND (cast(:unit_id AS uuid) IS NULL OR :unit_id IN (s.unit_id, s.parent_id, s.into_id))
      AND (cast(:person_id AS uuid) IS NULL OR :person_id IN (s.person_id, s.lead_id))
      AND (:sees_everything OR EXISTS (
          SELECT 1 FROM org_closure c
          WHERE c.ancestor = ANY(cast(:scope AS uuid[])) AND c.descendant IN (
              s.unit_id, s.parent_id, s.into_id, (SELECT o.unit_id FROM org_person o WHERE o.person_id = s.person_id))))
    ORDER BY s.valid_from DESC, s.recorded_at DESC, s.position DESC, s.statement_id DESC LIMIT :limit
"""  # noqa: S608 - fragments of this module


async def listed(session: AsyncSession, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """Statements within scope, the latest to begin first, each with its state and who made and revoked it."""
    return [dict(row) for row in (await session.execute(text(_LISTED), wanted)).mappings()]


async def named(session: AsyncSession, units: Collection[UUID]) -> dict[UUID, tuple[datetime, UnitContent]]:
    """Since when CRM paths name these units, and as what."""
    found = await session.execute(
        text(
            """
            SELECT DISTINCT ON (unit_id) unit_id, valid_from, parent_id, name, kind FROM unit_named
            WHERE unit_id = ANY(cast(:ids AS uuid[])) ORDER BY unit_id, valid_from
            """
        ),
        {"ids": list(units)},
    )
    return {row.unit_id: (row.valid_from, UnitContent(row.parent_id, row.name, row.kind)) for row in found}


async def name(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Keep since when CRM paths name units."""
    await session.execute(
        text("INSERT INTO unit_named VALUES (:unit_id, :valid_from, :parent_id, :name, :kind) ON CONFLICT DO NOTHING"),
        rows,
    )
