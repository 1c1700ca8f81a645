"""The organisation as every service keeps it from the deals service's events, and scope enforced in queries.

`org_closure(ancestor, descendant)` holds every pair of a unit and a unit below it, itself included. A row that belongs to a
person (its `owner_id`) is visible when that person's unit lies below a unit of the principal's scope; without an owner, or
with one that nobody placed, it stands under `UNASSIGNED_UNIT`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Received
from libs.common.events.deals import PersonPlaced, UnitChanged
from libs.common.ids import ROOT_UNIT, UNASSIGNED_UNIT
from libs.common.statehash import Hashed
from libs.common.web.auth import Principal

FINGERPRINT = (
    Hashed("org_unit", "state", ("unit_id",), ("parent_id", "name", "kind", "removed")),
    Hashed("org_person", "state", ("person_id",), ("unit_id", "manager_id", "is_active")),
)

CREATE: tuple[str, ...] = (
    """
    CREATE TABLE org_unit (
        unit_id uuid PRIMARY KEY,
        parent_id uuid,
        name text NOT NULL,
        kind text NOT NULL,
        version bigint NOT NULL,
        valid_from timestamptz NOT NULL,
        removed boolean NOT NULL DEFAULT false
    )
    """,
    """
    CREATE TABLE org_closure (
        ancestor uuid NOT NULL,
        descendant uuid NOT NULL,
        PRIMARY KEY (ancestor, descendant)
    )
    """,
    "CREATE INDEX org_closure_by_descendant ON org_closure (descendant)",
    """
    CREATE TABLE org_person (
        person_id uuid PRIMARY KEY,
        unit_id uuid NOT NULL,
        manager_id uuid,
        is_active boolean NOT NULL DEFAULT true,
        version bigint NOT NULL,
        valid_from timestamptz NOT NULL
    )
    """,
    "CREATE INDEX org_person_by_unit ON org_person (unit_id)",
    f"""
    INSERT INTO org_unit (unit_id, parent_id, name, kind, version, valid_from) VALUES
        ('{ROOT_UNIT}', NULL, 'Company', 'company', 0, '1970-01-01T00:00:00Z'),
        ('{UNASSIGNED_UNIT}', '{ROOT_UNIT}', 'Unassigned', 'unassigned', 0, '1970-01-01T00:00:00Z')
    """,  # noqa: S608 - constants of ours
    f"""
    INSERT INTO org_closure VALUES
        ('{ROOT_UNIT}', '{ROOT_UNIT}'), ('{UNASSIGNED_UNIT}', '{UNASSIGNED_UNIT}'), ('{ROOT_UNIT}', '{UNASSIGNED_UNIT}')
    """,  # noqa: S608 - constants of ours
    "GRANT SELECT, INSERT, UPDATE, DELETE ON org_unit, org_closure, org_person TO foretell_app",
)

_CLOSURE_LOCK = 0x4F726743


def _order(event: UnitChanged | PersonPlaced) -> tuple[datetime, int]:
    """The newest of a timeline: a correction of the past has a higher version and an older `valid_from`."""
    return (event.valid_from, event.version)


async def apply_units(session: AsyncSession, events: Sequence[Received[UnitChanged]]) -> None:
    """Take units over from their events; the newest of each timeline stands, and the closure is made anew."""
    newest: dict[UUID, UnitChanged] = {}
    for event in events:
        known = newest.get(event.data.unit_id)
        if known is None or _order(event.data) > _order(known):
            newest[event.data.unit_id] = event.data
    await put_units(session, [newest[unit] for unit in sorted(newest)])


async def put_units(session: AsyncSession, units: Sequence[UnitChanged]) -> None:
    """Write units, unless a newer entry is there already, then rebuild the closure under a lock."""
    if not units:
        return
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CLOSURE_LOCK})
    await session.execute(
        text(
            """
            INSERT INTO org_unit (unit_id, parent_id, name, kind, version, valid_from, removed)
            VALUES (:unit_id, :parent_id, :name, :kind, :version, :valid_from, :removed)
            ON CONFLICT (unit_id) DO UPDATE
            SET parent_id = excluded.parent_id, name = excluded.name, kind = excluded.kind, version = excluded.version,
                valid_from = excluded.valid_from, removed = excluded.removed
            WHERE (org_unit.valid_from, org_unit.version) < (excluded.valid_from, excluded.version)
            """
        ),
        [
            unit.model_dump(include={"unit_id", "parent_id", "name", "kind", "version", "valid_from", "removed"})
            for unit in units
        ],
    )
    await session.execute(text("DELETE FROM org_closure"))
    # A parent that has not arrived yet is a placeholder below the root; `UNION` ends even where units point in a circle.
    await session.execute(
        text(
            """
            INSERT INTO org_closure (ancestor, descendant)
            WITH RECURSIVE edge AS (
                SELECT u.unit_id AS child,
                       CASE WHEN p.unit_id IS NULL THEN cast(:root AS uuid) ELSE u.parent_id END AS parent
                FROM org_unit u LEFT JOIN org_unit p ON p.unit_id = u.parent_id
                WHERE u.unit_id <> :root
            ), pair AS (
                SELECT unit_id AS ancestor, unit_id AS descendant FROM org_unit
                UNION
                SELECT edge.parent, pair.descendant FROM pair JOIN edge ON edge.child = pair.ancestor
            )
            SELECT ancestor, descendant FROM pair
            """
        ),
        {"root": ROOT_UNIT},
    )


async def apply_placements(session: AsyncSession, events: Sequence[Received[PersonPlaced]]) -> None:
    """Take over where people belong; the newest of each timeline stands."""
    newest: dict[UUID, PersonPlaced] = {}
    for event in events:
        known = newest.get(event.data.person_id)
        if known is None or _order(event.data) > _order(known):
            newest[event.data.person_id] = event.data
    await put_placements(session, [newest[person] for person in sorted(newest)])


async def put_placements(session: AsyncSession, placements: Sequence[PersonPlaced]) -> None:
    """Write placements, unless a newer entry is there already."""
    if not placements:
        return
    await session.execute(
        text(
            """
            INSERT INTO org_person (person_id, unit_id, manager_id, is_active, version, valid_from)
            VALUES (:person_id, :unit_id, :manager_id, :is_active, :version, :valid_from)
            ON CONFLICT (person_id) DO UPDATE
            SET unit_id = excluded.unit_id, manager_id = excluded.manager_id, is_active = excluded.is_active,
                version = excluded.version, valid_from = excluded.valid_from
            WHERE (org_person.valid_from, org_person.version) < (excluded.valid_from, excluded.version)
            """
        ),
        [
            placed.model_dump(include={"person_id", "unit_id", "manager_id", "is_active", "version", "valid_from"})
            for placed in placements
        ],
    )


def sees_everything(principal: Principal) -> bool:
    return ROOT_UNIT in principal.scope


def visible(owner_column: str) -> str:
    """SQL condition that a row's owner is within scope; needs the parameters of `scope_parameters`.

    `owner_column` is written by us, never by a caller: `visible("d.owner_id")`.
    """
    return f"""(
        :sees_everything OR EXISTS (
            SELECT 1 FROM org_closure scope_closure
            WHERE scope_closure.ancestor = ANY(cast(:scope AS uuid[]))
              AND scope_closure.descendant = coalesce(
                  (SELECT scope_person.unit_id FROM org_person scope_person WHERE scope_person.person_id = {owner_column}),
                  cast(:unassigned AS uuid))
        )
    )"""  # noqa: S608 - the column's name is a literal of the code


def scope_parameters(principal: Principal) -> dict[str, Any]:
    """The parameters of `visible` for a principal."""
    return {
        "sees_everything": sees_everything(principal),
        "scope": list(principal.scope),
        "unassigned": UNASSIGNED_UNIT,
    }


_SEES_UNPLACED = text(
    "SELECT EXISTS (SELECT 1 FROM org_closure WHERE ancestor = ANY(cast(:scope AS uuid[])) AND descendant = :unit)"
)
_PEOPLE = text("""
    SELECT p.person_id FROM org_person p
    WHERE p.unit_id IN (SELECT descendant FROM org_closure WHERE ancestor = ANY(cast(:scope AS uuid[])))
""")


async def people_seen(session: AsyncSession, principal: Principal) -> list[UUID] | None:
    """The people whose rows a principal sees: the same rows as by `visible`, but an index on the owner finds them.

    None where the scope cannot be told as people: it is everything, or holds what belongs to nobody.
    """
    scope = {"scope": list(principal.scope)}
    if sees_everything(principal) or await session.scalar(_SEES_UNPLACED, scope | {"unit": UNASSIGNED_UNIT}):
        return None
    return list((await session.scalars(_PEOPLE, scope)).all())
