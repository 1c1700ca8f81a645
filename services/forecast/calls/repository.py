"""What people said, as rows that are only ever appended; who may see and say it is decided in these statements."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import organisation
from libs.common.ids import UNASSIGNED_UNIT
from libs.common.web.auth import Principal
from services.forecast.calls.steps import NodeKey, Quota

Table = Literal["submission", "judgement", "adjustment_entry", "quota"]


@dataclass(frozen=True, slots=True)
class Population:
    """Which calls belong together: a period, a deal type (None: all) and a value basis. `period_end` is exclusive."""

    period_key: str
    period_start: date
    period_end: date
    deal_type: str | None
    value_basis: str


_SAME = """
    {0}.period_start = :period_start AND {0}.period_end = :period_end
    AND {0}.deal_type IS NOT DISTINCT FROM cast(:deal_type AS text) AND {0}.value_basis = :value_basis
"""
_KNOWN = "{0}.{1} <= coalesce(cast(:as_of AS timestamptz), 'infinity') AND {0}.recorded_at <= coalesce(cast(:known_at AS timestamptz), 'infinity')"
WITHIN_SCOPE = """(:sees_everything OR EXISTS (
    SELECT 1 FROM org_closure v WHERE v.ancestor = ANY(cast(:scope AS uuid[])) AND v.descendant = CASE
        WHEN {0}.node_kind = 'unit' THEN {0}.node_id
        ELSE coalesce((SELECT vp.unit_id FROM org_person vp WHERE vp.person_id = {0}.node_id), cast(:unassigned AS uuid))
    END))"""
"""Whether the node of a row lies within scope: a unit by itself, a person by the unit they belong to."""


KEYS: Mapping[Table, str] = {
    "submission": "submission_id",
    "judgement": "judgement_id",
    "adjustment_entry": "entry_id",
    "quota": "quota_id",
}


async def append(session: AsyncSession, table: Table, rows: Sequence[Mapping[str, Any]]) -> set[UUID]:
    """Append rows; one that is there already stays as it was. Returns the ids of the new ones."""
    if not rows:
        return set()
    added = await session.scalars(
        text(
            f"""
            INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, cast(:rows AS jsonb))
            ON CONFLICT DO NOTHING RETURNING {KEYS[table]}
            """  # noqa: S608 - one of our tables
        ),
        {"rows": orjson.dumps(rows, default=str).decode()},
    )
    return set(added)


async def known(session: AsyncSession, table: Table, ids: Collection[UUID]) -> set[UUID]:
    """Which of these ids are there."""
    found = await session.scalars(
        text(f"SELECT {KEYS[table]} FROM {table} WHERE {KEYS[table]} = ANY(cast(:ids AS uuid[]))"),  # noqa: S608
        {"ids": list(ids)},
    )
    return set(found)


async def nodes_within(session: AsyncSession, nodes: Collection[NodeKey], *, principal: Principal) -> set[NodeKey]:
    """Which of these units and people there are within scope."""
    found = await session.execute(
        text(
            f"""
            SELECT n.node_kind, n.node_id
            FROM unnest(cast(:kinds AS text[]), cast(:ids AS uuid[])) AS n (node_kind, node_id)
            WHERE {WITHIN_SCOPE.format("n")} AND CASE WHEN n.node_kind = 'unit'
                THEN EXISTS (SELECT 1 FROM org_unit u WHERE u.unit_id = n.node_id)
                ELSE EXISTS (SELECT 1 FROM org_person p WHERE p.person_id = n.node_id) END
            """  # noqa: S608 - fragment of this module
        ),
        {
            "kinds": [node.kind for node in nodes],
            "ids": [node.id for node in nodes],
            **organisation.scope_parameters(principal),
        },
    )
    return {NodeKey(row.node_kind, row.node_id) for row in found}


async def find(session: AsyncSession, table: Table, identifier: UUID) -> dict[str, Any] | None:
    """One row by its id, whoever asks: only for finding a repetition."""
    found = await session.execute(
        text(f"SELECT * FROM {table} WHERE {KEYS[table]} = :id"),  # noqa: S608 - one of our tables
        {"id": identifier},
    )
    row = found.mappings().first()
    return dict(row) if row else None


async def in_force(
    session: AsyncSession,
    population: Population,
    *,
    as_of: datetime | None,
    known_at: datetime | None,
    principal: Principal,
) -> list[dict[str, Any]]:
    """The newest call of every person at every node, with `stands`: at a node the newest of its own line, else the newest."""
    statement = f"""
        SELECT s.*, row_number() OVER (
            PARTITION BY s.node_kind, s.node_id ORDER BY s.from_above, s.made_at DESC, s.submission_id DESC) = 1 AS stands
        FROM (
            SELECT DISTINCT ON (c.node_kind, c.node_id, c.person) c.* FROM submission c
            WHERE {_SAME.format("c")} AND {_KNOWN.format("c", "made_at")} AND {WITHIN_SCOPE.format("c")}
            ORDER BY c.node_kind, c.node_id, c.person, c.made_at DESC, c.submission_id DESC
        ) s
    """  # noqa: S608 - fragments of this module
    found = await session.execute(text(statement), _values(population, as_of, known_at, principal))
    return [dict(row) for row in found.mappings()]


async def adjustments_in_force(
    session: AsyncSession, population: Population, *, as_of: datetime, known_at: datetime | None, principal: Principal
) -> list[dict[str, Any]]:
    """Adjustments made, not withdrawn and not past their expiry at `as_of`, as known at `known_at`."""
    statement = f"""
        SELECT a.* FROM adjustment_entry a
        WHERE a.kind = 'made' AND {_SAME.format("a")} AND {_KNOWN.format("a", "at")} AND a.expires_at > :as_of
          AND {WITHIN_SCOPE.format("a")}
          AND NOT EXISTS (
              SELECT 1 FROM adjustment_entry e
              WHERE e.adjustment_id = a.adjustment_id AND e.kind = 'withdrawn' AND {_KNOWN.format("e", "at")})
        ORDER BY a.at, a.entry_id
    """  # noqa: S608 - fragments of this module
    found = await session.execute(text(statement), _values(population, as_of, known_at, principal))
    return [dict(row) for row in found.mappings()]


async def quotas(
    session: AsyncSession,
    population: Population,
    *,
    as_of: datetime | None,
    known_at: datetime | None,
    principal: Principal,
) -> list[Quota]:
    """The newest quota of every node for the period and for every period within it."""
    statement = f"""
        SELECT DISTINCT ON (q.node_kind, q.node_id, q.period_start, q.period_end)
               q.node_kind, q.node_id, q.period_start, q.period_end, q.amount, q.currency
        FROM quota q
        WHERE q.period_start >= :period_start AND q.period_end <= :period_end
          AND q.deal_type IS NOT DISTINCT FROM cast(:deal_type AS text) AND q.value_basis = :value_basis
          AND {_KNOWN.format("q", "made_at")} AND {WITHIN_SCOPE.format("q")}
        ORDER BY q.node_kind, q.node_id, q.period_start, q.period_end, q.made_at DESC, q.quota_id DESC
    """  # noqa: S608 - fragments of this module
    found = await session.execute(text(statement), _values(population, as_of, known_at, principal))
    return [
        Quota(NodeKey(row.node_kind, row.node_id), row.period_start, row.period_end, row.amount, row.currency)
        for row in found
    ]


def _values(
    population: Population, as_of: datetime | None, known_at: datetime | None, principal: Principal
) -> dict[str, Any]:
    return {
        **asdict(population),
        "as_of": as_of,
        "known_at": known_at,
        **organisation.scope_parameters(principal),
    }


async def submissions(
    session: AsyncSession,
    *,
    wanted: Mapping[str, Any],
    current_only: bool,
    after: tuple[datetime, UUID] | None,
    limit: int,
    principal: Principal,
) -> list[dict[str, Any]]:
    """Calls within scope, newest first, each with `is_current`; `wanted` narrows by columns, a None narrows nothing."""
    narrowed = "".join(f" AND c.{name} = :{name}" for name, value in wanted.items() if value is not None)
    current = """NOT EXISTS (
        SELECT 1 FROM submission n WHERE n.person = c.person AND n.node_kind = c.node_kind AND n.node_id = c.node_id
          AND n.period_start = c.period_start AND n.period_end = c.period_end AND n.value_basis = c.value_basis
          AND n.deal_type IS NOT DISTINCT FROM c.deal_type
          AND (n.made_at, n.submission_id) > (c.made_at, c.submission_id))"""
    statement = f"""
        SELECT c.*, {current} AS is_current FROM submission c
        WHERE {WITHIN_SCOPE.format("c")} {narrowed} {f"AND {current}" if current_only else ""}
          AND (cast(:after_at AS timestamptz) IS NULL OR (c.made_at, c.submission_id) < (:after_at, cast(:after_id AS uuid)))
        ORDER BY c.made_at DESC, c.submission_id DESC LIMIT :limit
    """  # noqa: S608 - fragments of this module
    values = {name: value for name, value in wanted.items() if value is not None}
    cursor = {"after_at": after[0] if after else None, "after_id": after[1] if after else None, "limit": limit}
    found = await session.execute(text(statement), values | cursor | organisation.scope_parameters(principal))
    return [dict(row) for row in found.mappings()]


async def may_act_on(
    session: AsyncSession, node: NodeKey, *, strictly_below: bool, principal: Principal
) -> bool | None:
    """Whether the node lies in the principal's scope (`strictly_below`: is not itself a unit of it); None if there is none."""
    row = (
        await session.execute(
            text(
                f"""
                SELECT {WITHIN_SCOPE.format("n")} AS within,
                       n.node_kind = 'unit' AND n.node_id = ANY(cast(:scope AS uuid[])) AS is_top
                FROM (SELECT cast(:kind AS text) AS node_kind, cast(:id AS uuid) AS node_id) n
                WHERE (n.node_kind = 'unit' AND EXISTS (SELECT 1 FROM org_unit u WHERE u.unit_id = n.node_id AND NOT u.removed))
                   OR (n.node_kind = 'person' AND EXISTS (SELECT 1 FROM org_person p WHERE p.person_id = n.node_id))
                """  # noqa: S608 - fragment of this module
            ),
            {"kind": node.kind, "id": node.id, **organisation.scope_parameters(principal)},
        )
    ).one_or_none()
    return None if row is None else bool(row.within and not (strictly_below and row.is_top))


async def person_of(session: AsyncSession, subject: str) -> UUID | None:
    """Who of the organisation a caller is: by their seat, or because they are called by that person's id."""
    found: UUID | None = await session.scalar(
        text(
            """
            SELECT coalesce(
                (SELECT person_id FROM seat WHERE subject = :subject),
                (SELECT person_id FROM org_person WHERE person_id::text = regexp_replace(:subject, '^user:', '')))
            """
        ),
        {"subject": subject},
    )
    return found


async def put_seat(session: AsyncSession, subject: str, *, person_id: UUID, set_by: str, set_at: datetime) -> None:
    await session.execute(
        text(
            """
            INSERT INTO seat VALUES (:subject, :person_id, :set_by, :set_at)
            ON CONFLICT (subject) DO UPDATE SET person_id = excluded.person_id, set_by = excluded.set_by,
                                                set_at = excluded.set_at
            """
        ),
        {"subject": subject, "person_id": person_id, "set_by": set_by, "set_at": set_at},
    )


async def units_of(session: AsyncSession, persons: Collection[UUID]) -> dict[UUID, UUID]:
    """The unit each person belongs to; whom nobody placed stands under the unassigned one."""
    found = await session.execute(
        text("SELECT person_id, unit_id FROM org_person WHERE person_id = ANY(cast(:persons AS uuid[]))"),
        {"persons": list(persons)},
    )
    placed = {row.person_id: row.unit_id for row in found}
    return {person: placed.get(person, UNASSIGNED_UNIT) for person in persons}
