"""Units and where people belong, within a principal's scope."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.deals import UnitChanged
from libs.common.organisation import scope_parameters
from libs.common.sql import Query
from libs.common.web.auth import Principal

_UNITS_LOCK = 0x556E6974

_LOCK = Query(f"SELECT pg_advisory_xact_lock({_UNITS_LOCK})")
_KNOWN = Query("""
    SELECT unit_id, max(version) AS version, min(valid_from) AS since
    FROM unit_version WHERE unit_id = ANY(:units) GROUP BY unit_id
""")


async def lock_units(session: AsyncSession, units: Collection[UUID]) -> dict[UUID, tuple[int, datetime]]:
    """Keep others from changing units; returns per known unit its version and since when it is known to exist."""
    await _LOCK.run(session)
    return {row.unit_id: (row.version, row.since) for row in await _KNOWN.rows(session, {"units": list(units)})}


_APPEND = text("""
    INSERT INTO unit_version (unit_id, version, valid_from, recorded_at, parent_id, name, kind)
    VALUES (:unit_id, :version, :valid_from, :recorded_at, :parent_id, :name, :kind)
""")


async def append_units(session: AsyncSession, units: Sequence[UnitChanged], *, recorded_at: datetime) -> None:
    """Append versions of units."""
    rows = [unit.model_dump(exclude={"removed"}) | {"recorded_at": recorded_at} for unit in units]
    await session.execute(_APPEND, rows)


_SEEN = """
    (:sees_everything OR EXISTS (
        SELECT 1 FROM org_closure c WHERE c.ancestor = ANY(CAST(:scope AS uuid[])) AND c.descendant = {unit}))
"""

_TREE = text(
    """
    SELECT u.unit_id, u.parent_id, u.name, u.kind, u.version,
           coalesce((SELECT min(v.valid_from) FROM unit_version v WHERE v.unit_id = u.unit_id), u.valid_from) AS valid_from,
           (SELECT count(*) FROM org_person p WHERE p.unit_id = u.unit_id AND p.is_active) AS people
    FROM org_unit u
    JOIN LATERAL (SELECT count(*) AS depth FROM org_closure c WHERE c.descendant = u.unit_id) above ON true
    WHERE NOT u.removed AND {seen}
    ORDER BY above.depth, u.name, u.unit_id
    """.replace("{seen}", _SEEN.replace("{unit}", "u.unit_id"))
)


async def units(session: AsyncSession, *, principal: Principal) -> Sequence[RowMapping]:
    """Units in scope, a parent before its children."""
    return (await session.execute(_TREE, _scope(principal))).mappings().all()


_PEOPLE = text(
    """
    SELECT p.person_id, p.unit_id, p.manager_id, p.is_active, p.version, p.valid_from
    FROM org_person p WHERE {seen}
    ORDER BY p.unit_id, p.person_id
    """.replace("{seen}", _SEEN.replace("{unit}", "p.unit_id"))
)


async def people(session: AsyncSession, *, principal: Principal) -> Sequence[RowMapping]:
    """People in scope."""
    return (await session.execute(_PEOPLE, _scope(principal))).mappings().all()


def _scope(principal: Principal) -> dict[str, object]:
    parameters = scope_parameters(principal)
    return {name: parameters[name] for name in ("sees_everything", "scope")}
