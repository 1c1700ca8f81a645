"""The statements of plans: rows are only ever appended, and who may see them is decided here."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import organisation
from libs.common.web.auth import Principal

Table = Literal["plan", "plan_entry", "plan_node", "plan_cell", "plan_text", "plan_assumption"]

WITHIN_SCOPE = """(:sees_everything OR EXISTS (
    SELECT 1 FROM org_closure v WHERE v.ancestor = ANY(cast(:scope AS uuid[])) AND v.descendant = {0}.unit_id))"""
"""Whether the unit of a plan lies within scope."""

LOCK = 0x506C616E
"""Advisory lock of whatever makes a plan the one that holds: of two at once the second sees the first."""


async def alone(session: AsyncSession, plan_id: UUID) -> None:
    """Let nobody else write of this plan until this transaction ends."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(cast(:id AS text), 0))"), {"id": str(plan_id)}
    )


async def alone_in_activating(session: AsyncSession) -> None:
    """Let nobody else activate any plan until this transaction ends."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


async def append(session: AsyncSession, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Append rows; of plans and entries one that is there already stays as it was. Returns how many are new.

    What stands in a draft has one row of each key in a change: two would say two things, so that is an error and no row is lost.
    """
    if not rows:
        return 0
    again = "ON CONFLICT DO NOTHING" if table in ("plan", "plan_entry") else ""
    added = await session.execute(
        text(
            f"""
            INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, cast(:rows AS jsonb))
            {again}
            """  # noqa: S608 - one of our tables
        ),
        {"rows": orjson.dumps(rows, default=str).decode()},
    )
    return int(added.rowcount)  # type: ignore[attr-defined]


async def copy(session: AsyncSession, plan_id: UUID, *, since: int, to: int) -> None:
    """Begin a version with all that stands in another."""
    await session.execute(
        text(
            """
            INSERT INTO plan_node
            SELECT :plan, :to, 1, n.node_id, n.parent_id, n.dimension, n.value, n.label, n.position, n.organisational, false
            FROM (SELECT DISTINCT ON (node_id) * FROM plan_node WHERE plan_id = :plan AND version = :since
                  ORDER BY node_id, sequence DESC) n WHERE NOT n.removed
            """
        ),
        {"plan": plan_id, "since": since, "to": to},
    )
    await session.execute(
        text(
            """
            INSERT INTO plan_cell
            SELECT :plan, :to, 1, c.node_id, c.measure, c.period_start, c.period_end, c.amount, c.manual
            FROM (SELECT DISTINCT ON (measure, node_id, period_start, period_end) * FROM plan_cell
                  WHERE plan_id = :plan AND version = :since
                  ORDER BY measure, node_id, period_start, period_end, sequence DESC) c
            JOIN plan_node n ON n.plan_id = :plan AND n.version = :to AND n.node_id = c.node_id
            WHERE c.amount IS NOT NULL
            """
        ),
        {"plan": plan_id, "since": since, "to": to},
    )
    await session.execute(
        text(
            """
            INSERT INTO plan_text
            SELECT :plan, :to, 1, t.market, t.text, t.campaigns, t.promotions
            FROM (SELECT DISTINCT ON (market) * FROM plan_text WHERE plan_id = :plan AND version = :since
                  ORDER BY market, sequence DESC) t
            """
        ),
        {"plan": plan_id, "since": since, "to": to},
    )
    await session.execute(
        text(
            """
            INSERT INTO plan_assumption
            SELECT :plan, :to, 1, a.assumption_id, a.node_id, a.metric, a.expected, a.tolerance, a.criticality, a.cases, false
            FROM (SELECT DISTINCT ON (assumption_id) * FROM plan_assumption WHERE plan_id = :plan AND version = :since
                  ORDER BY assumption_id, sequence DESC) a
            JOIN plan_node n ON n.plan_id = :plan AND n.version = :to AND n.node_id = a.node_id
            WHERE NOT a.removed
            """
        ),
        {"plan": plan_id, "since": since, "to": to},
    )


async def entry(session: AsyncSession, entry_id: UUID) -> dict[str, Any] | None:
    """One entry, whoever asks: only for finding a repetition."""
    found = await session.execute(text("SELECT * FROM plan_entry WHERE entry_id = :id"), {"id": entry_id})
    row = found.mappings().first()
    return dict(row) if row else None


async def plan(session: AsyncSession, plan_id: UUID, *, principal: Principal) -> dict[str, Any] | None:
    """A plan within scope, with its unit's name and kind."""
    found = await session.execute(
        text(
            f"""
            SELECT p.*, u.name AS unit_name, u.kind AS unit_kind
            FROM plan p JOIN org_unit u ON u.unit_id = p.unit_id WHERE p.plan_id = :id AND {WITHIN_SCOPE.format("p")}
            """  # noqa: S608 - fragment of this module
        ),
        {"id": plan_id, **organisation.scope_parameters(principal)},
    )
    row = found.mappings().first()
    return dict(row) if row else None


async def plans(
    session: AsyncSession,
    *,
    period: tuple[date, date] | None,
    unit: UUID | None,
    limit: int,
    principal: Principal,
) -> list[dict[str, Any]]:
    """Plans within scope, the newest first."""
    found = await session.execute(
        text(
            f"""
            SELECT p.*, u.name AS unit_name, u.kind AS unit_kind
            FROM plan p JOIN org_unit u ON u.unit_id = p.unit_id
            WHERE {WITHIN_SCOPE.format("p")}
              AND (cast(:unit AS uuid) IS NULL OR p.unit_id = :unit)
              AND (cast(:from AS date) IS NULL OR (p.period_start < :until AND p.period_end > :from))
            ORDER BY p.period_start DESC, p.made_at DESC, p.plan_id LIMIT :limit
            """  # noqa: S608 - fragment of this module
        ),
        {
            "unit": unit,
            "from": period[0] if period else None,
            "until": period[1] if period else None,
            "limit": limit,
            **organisation.scope_parameters(principal),
        },
    )
    return [dict(row) for row in found.mappings()]


async def entries(session: AsyncSession, plan_ids: Sequence[UUID], *, principal: Principal) -> list[dict[str, Any]]:
    """All entries of these plans that lie within scope but edits that are not the newest of their version, oldest first."""
    found = await session.execute(
        text(
            f"""
            SELECT e.* FROM plan_entry e JOIN plan p ON p.plan_id = e.plan_id
            WHERE e.plan_id = ANY(cast(:ids AS uuid[])) AND {WITHIN_SCOPE.format("p")}
            ORDER BY e.plan_id, e.version, e.sequence
            """  # noqa: S608 - fragment of this module
        ),
        {"ids": list(plan_ids), **organisation.scope_parameters(principal)},
    )
    return [dict(row) for row in found.mappings()]


async def nodes(session: AsyncSession, plan_id: UUID, version: int, *, principal: Principal) -> list[dict[str, Any]]:
    """The nodes of a version within scope, as they stand."""
    found = await session.execute(
        text(
            f"""
            SELECT * FROM (
                SELECT DISTINCT ON (n.node_id) n.node_id, n.parent_id, n.dimension, n.value, n.label, n.position,
                       n.organisational, n.removed
                FROM plan_node n JOIN plan p ON p.plan_id = n.plan_id
                WHERE n.plan_id = :plan AND n.version = :version AND {WITHIN_SCOPE.format("p")}
                ORDER BY n.node_id, n.sequence DESC
            ) s WHERE NOT s.removed
            """  # noqa: S608 - fragment of this module
        ),
        {"plan": plan_id, "version": version, **organisation.scope_parameters(principal)},
    )
    return [dict(row) for row in found.mappings()]


async def cells(
    session: AsyncSession, plan_id: UUID, version: int, measure: str, *, principal: Principal
) -> Sequence[Mapping[str, Any]]:
    """The numbers of a version within scope: `node_id, period_start, period_end, amount, manual`; those taken back left out."""
    found = await session.execute(
        text(
            f"""
            SELECT s.* FROM (
                SELECT DISTINCT ON (c.node_id, c.period_start, c.period_end)
                       c.node_id, c.period_start, c.period_end, c.amount, c.manual
                FROM plan_cell c JOIN plan p ON p.plan_id = c.plan_id
                WHERE c.plan_id = :plan AND c.version = :version AND c.measure = :measure AND {WITHIN_SCOPE.format("p")}
                ORDER BY c.node_id, c.period_start, c.period_end, c.sequence DESC
            ) s WHERE s.amount IS NOT NULL
            """  # noqa: S608 - fragment of this module
        ),
        {"plan": plan_id, "version": version, "measure": measure, **organisation.scope_parameters(principal)},
    )
    return found.mappings().all()  # type: ignore[return-value]


async def standing(session: AsyncSession, plan_id: UUID, version: int, *, principal: Principal) -> list[dict[str, Any]]:
    """The numbers of a version within scope in all measures, also of nodes that are gone; those taken back left out."""
    found = await session.execute(
        text(
            f"""
            SELECT s.* FROM (
                SELECT DISTINCT ON (c.measure, c.node_id, c.period_start, c.period_end)
                       c.measure, c.node_id, c.period_start, c.period_end, c.amount, c.manual
                FROM plan_cell c JOIN plan p ON p.plan_id = c.plan_id
                WHERE c.plan_id = :plan AND c.version = :version AND {WITHIN_SCOPE.format("p")}
                ORDER BY c.measure, c.node_id, c.period_start, c.period_end, c.sequence DESC
            ) s WHERE s.amount IS NOT NULL
            """  # noqa: S608 - fragment of this module
        ),
        {"plan": plan_id, "version": version, **organisation.scope_parameters(principal)},
    )
    return [dict(row) for row in found.mappings()]


async def texts(session: AsyncSession, plan_id: UUID, version: int, *, principal: Principal) -> list[dict[str, Any]]:
    """What a version says of markets, by market."""
    found = await session.execute(
        text(
            f"""
            SELECT DISTINCT ON (t.market) t.market, t.text, t.campaigns, t.promotions
            FROM plan_text t JOIN plan p ON p.plan_id = t.plan_id
            WHERE t.plan_id = :plan AND t.version = :version AND {WITHIN_SCOPE.format("p")}
            ORDER BY t.market, t.sequence DESC
            """  # noqa: S608 - fragment of this module
        ),
        {"plan": plan_id, "version": version, **organisation.scope_parameters(principal)},
    )
    return [dict(row) for row in found.mappings()]


ACTIVE = """
    SELECT p.plan_id, p.kind, p.name, p.unit_id, p.currency, p.period_start, p.period_end, p.deal_type, p.value_basis,
           p.spans, p.measures, a.version, a.sequence, a.made_at AS active_since
    FROM plan p
    JOIN plan_entry a ON a.plan_id = p.plan_id AND a.kind = 'activated'
    WHERE p.value_basis = :value_basis AND p.deal_type IS NOT DISTINCT FROM cast(:deal_type AS text)
      AND p.period_start < :period_end AND p.period_end > :period_start
      AND a.made_at <= coalesce(cast(:at AS timestamptz), 'infinity')
      AND NOT EXISTS (
          SELECT 1 FROM plan_entry s WHERE s.plan_id = a.plan_id AND s.version = a.version AND s.kind = 'superseded'
            AND s.made_at <= coalesce(cast(:at AS timestamptz), 'infinity'))
"""
"""The versions that held at an instant, of plans that touch a period, of one type and basis."""


async def active(
    session: AsyncSession,
    *,
    period: tuple[date, date],
    deal_type: str | None,
    value_basis: str,
    at: datetime | None,
) -> list[dict[str, Any]]:
    """The versions that held at an instant (None: now), the plans of greater units before those of units within them.

    Of any scope: what holds somewhere decides what may hold elsewhere. No number of theirs is here.
    """
    found = await session.execute(
        text(
            f"""
            SELECT x.*, (SELECT array_agg(k.ancestor) FROM org_closure k WHERE k.descendant = x.unit_id) AS above
            FROM ({ACTIVE}) x
            ORDER BY (SELECT count(*) FROM org_closure k WHERE k.descendant = x.unit_id), x.plan_id
            """  # noqa: S608 - fragment of this module
        ),
        {
            "period_start": period[0],
            "period_end": period[1],
            "deal_type": deal_type,
            "value_basis": value_basis,
            "at": at,
        },
    )
    return [dict(row) for row in found.mappings()]


async def within(
    session: AsyncSession, nodes: Sequence[tuple[str, UUID]], *, principal: Principal
) -> set[tuple[str, UUID]]:
    """Which of these units and people lie within scope, a person by the unit they belong to."""
    found = await session.execute(
        text(
            """
            SELECT n.kind, n.id FROM unnest(cast(:kinds AS text[]), cast(:ids AS uuid[])) AS n (kind, id)
            WHERE :sees_everything OR EXISTS (
                SELECT 1 FROM org_closure v WHERE v.ancestor = ANY(cast(:scope AS uuid[])) AND v.descendant = CASE
                    WHEN n.kind = 'unit' THEN n.id
                    ELSE coalesce((SELECT o.unit_id FROM org_person o WHERE o.person_id = n.id),
                                  cast(:unassigned AS uuid)) END)
            """
        ),
        {
            "kinds": [kind for kind, _ in nodes],
            "ids": [identifier for _, identifier in nodes],
            **organisation.scope_parameters(principal),
        },
    )
    return {(row.kind, row.id) for row in found}


async def is_below(session: AsyncSession, unit: UUID, *, top: UUID) -> bool:
    """Whether a unit is another or lies below it."""
    found = await session.scalar(
        text("SELECT EXISTS (SELECT 1 FROM org_closure WHERE ancestor = :top AND descendant = :unit)"),
        {"top": top, "unit": unit},
    )
    return bool(found)


async def above(session: AsyncSession, unit: UUID) -> list[UUID]:
    """A unit and all units above it."""
    found = await session.scalars(
        text("SELECT ancestor FROM org_closure WHERE descendant = :unit ORDER BY ancestor"), {"unit": unit}
    )
    return list(found)


async def count(session: AsyncSession, plan_id: UUID) -> int:
    """How many entries a plan has."""
    found = await session.scalar(text("SELECT count(*) FROM plan_entry WHERE plan_id = :plan"), {"plan": plan_id})
    return int(found or 0)
