"""Units and where people belong: their versions, and what of them lies within a principal's scope."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.deals import UnitChanged
from libs.common.organisation import scope_parameters, visible
from libs.common.web.auth import Principal
from services.deals.chronicle import Moment
from services.deals.organisation.standing import Organisation, Placement, UnitContent

_CONTENT = "parent_id, name, kind, lead_id, removed"


async def unit_history(
    session: AsyncSession, units: Collection[UUID]
) -> tuple[dict[UUID, int], dict[UUID, list[Moment[UnitContent]]]]:
    """The newest version of each of these units, and what stands of their histories."""
    newest = await session.execute(
        text("SELECT unit_id, max(version) FROM unit_version WHERE unit_id = ANY(cast(:ids AS uuid[])) GROUP BY 1"),
        {"ids": list(units)},
    )
    found = await session.execute(
        text(
            f"""
            SELECT DISTINCT ON (unit_id, valid_from) unit_id, valid_from, {_CONTENT} FROM unit_version
            WHERE unit_id = ANY(cast(:ids AS uuid[])) ORDER BY unit_id, valid_from, version DESC
            """  # noqa: S608 - fragment of this module
        ),
        {"ids": list(units)},
    )
    stored: dict[UUID, list[Moment[UnitContent]]] = {}
    for unit, valid_from, *content in found:
        stored.setdefault(unit, []).append(Moment(valid_from, UnitContent(*content)))
    return {row[0]: row[1] for row in newest}, stored


async def append_units(session: AsyncSession, units: Sequence[UnitChanged], *, recorded_at: datetime) -> None:
    """Append versions of units."""
    await session.execute(
        text(
            """
            INSERT INTO unit_version (unit_id, version, valid_from, recorded_at, parent_id, name, kind, lead_id, removed)
            VALUES (:unit_id, :version, :valid_from, :recorded_at, :parent_id, :name, :kind, :lead_id, :removed)
            """
        ),
        [unit.model_dump() | {"recorded_at": recorded_at} for unit in units],
    )


async def ever_below(session: AsyncSession, units: Collection[UUID]) -> set[UUID]:
    """The units that ever stood right below one of these."""
    found = await session.scalars(
        text("SELECT DISTINCT unit_id FROM unit_version WHERE parent_id = ANY(cast(:ids AS uuid[]))"),
        {"ids": list(units)},
    )
    return set(found)


async def ever_in(session: AsyncSession, units: Collection[UUID]) -> set[UUID]:
    """The people who ever stood in one of these."""
    found = await session.scalars(
        text(
            "SELECT DISTINCT person_id FROM person_version WHERE (content ->> 'unit_id')::uuid = ANY(cast(:ids AS uuid[]))"
        ),
        {"ids": list(units)},
    )
    return set(found)


_NEWEST = (
    """valid_from <= :as_of DESC, CASE WHEN valid_from <= :as_of THEN valid_from END DESC, valid_from, version DESC"""
)


async def organisation_at(session: AsyncSession, as_of: datetime, known_at: datetime | None = None) -> Organisation:
    """The organisation as valid at `as_of` as known at `known_at`, of all that has begun.

    Before its first entry a unit or a person stands where that first entry puts it: CRMs rarely tell since when.
    """
    values = {"as_of": as_of, "known_at": known_at}
    known = "recorded_at <= coalesce(cast(:known_at AS timestamptz), 'infinity')"
    units = await session.execute(
        text(
            f"""
            SELECT DISTINCT ON (unit_id) unit_id, {_CONTENT} FROM unit_version WHERE {known} ORDER BY unit_id, {_NEWEST}
            """  # noqa: S608 - fragments of this module
        ),
        values,
    )
    people = await session.execute(
        text(
            f"""
            SELECT DISTINCT ON (person_id) person_id, content::text AS content FROM person_version
            WHERE {known} ORDER BY person_id, {_NEWEST}
            """  # noqa: S608 - fragments of this module
        ),
        values,
    )
    placed: dict[UUID, Placement] = {}
    for person, content in people:
        found = orjson.loads(content)
        manager = UUID(found["manager_id"]) if found["manager_id"] else None
        placed[person] = Placement(UUID(found["unit_id"]), manager, found["is_active"])
    return Organisation({unit: UnitContent(*content) for unit, *content in units}, placed)


_SEEN = """
    (:sees_everything OR EXISTS (
        SELECT 1 FROM org_closure c WHERE c.ancestor = ANY(CAST(:scope AS uuid[])) AND c.descendant = {unit}))
"""

_TREE = text(
    """
    SELECT u.unit_id, u.parent_id, u.name, u.kind, u.version,
           coalesce((SELECT min(v.valid_from) FROM unit_version v WHERE v.unit_id = u.unit_id), u.valid_from) AS valid_from,
           (SELECT v.lead_id FROM unit_version v WHERE v.unit_id = u.unit_id
            ORDER BY v.valid_from DESC, v.version DESC LIMIT 1) AS lead_id,
           (SELECT count(*) FROM org_person p WHERE p.unit_id = u.unit_id AND p.is_active) AS people
    FROM org_unit u
    JOIN LATERAL (SELECT count(*) AS depth FROM org_closure c WHERE c.descendant = u.unit_id) above ON true
    WHERE NOT u.removed AND {seen}
    ORDER BY above.depth, u.name, u.unit_id
    """.replace("{seen}", _SEEN.replace("{unit}", "u.unit_id"))
)


async def units(session: AsyncSession, *, principal: Principal) -> Sequence[RowMapping]:
    """Units in scope, a parent before its children."""
    return (await session.execute(_TREE, scope_of(principal))).mappings().all()


_PEOPLE = text(
    """
    SELECT p.person_id, p.unit_id, p.manager_id, p.is_active, p.version, p.valid_from
    FROM org_person p WHERE {seen}
    ORDER BY p.unit_id, p.person_id
    """.replace("{seen}", _SEEN.replace("{unit}", "p.unit_id"))
)


async def people(session: AsyncSession, *, principal: Principal) -> Sequence[RowMapping]:
    """People in scope."""
    return (await session.execute(_PEOPLE, scope_of(principal))).mappings().all()


_OPEN = "d.version > 0 AND NOT d.removed AND d.state = 'open'"
_SUMS = """
    d.currency, count(*) AS deals, coalesce(sum(d.amount), 0) AS amount, count(*) FILTER (WHERE d.amount IS NULL) AS unpriced
"""


async def vacancies(session: AsyncSession, *, principal: Principal) -> Sequence[RowMapping]:
    """The open deals of people who have left, by the unit they left and by currency."""
    statement = f"""
        SELECT p.unit_id, {_SUMS} FROM deal d JOIN org_person p ON p.person_id = d.owner_id
        WHERE NOT p.is_active AND {_OPEN} AND {visible("d.owner_id")}
        GROUP BY 1, d.currency ORDER BY 1, d.currency
    """  # noqa: S608 - fragments of this module
    return (await session.execute(text(statement), scope_parameters(principal))).mappings().all()


async def open_deals(session: AsyncSession, *, principal: Principal) -> list[dict[str, Any]]:
    """The open deals by owner and currency; those of nobody have no owner."""
    statement = f"""
        SELECT d.owner_id, {_SUMS} FROM deal d WHERE {_OPEN} AND {visible("d.owner_id")} GROUP BY 1, d.currency
    """  # noqa: S608 - fragments of this module
    return [dict(row) for row in (await session.execute(text(statement), scope_parameters(principal))).mappings()]


def scope_of(principal: Principal) -> dict[str, object]:
    """The parameters of statements about units."""
    parameters = scope_parameters(principal)
    return {name: parameters[name] for name in ("sees_everything", "scope")}
