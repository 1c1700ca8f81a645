"""Judgements of deals and the ledger of adjustments: their statements."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import organisation
from libs.common.ids import UNASSIGNED_UNIT
from libs.common.web.auth import Principal
from services.forecast.calls.repository import WITHIN_SCOPE, Population
from services.forecast.calls.steps import NodeKey


async def deal(session: AsyncSession, deal_id: UUID, *, principal: Principal) -> dict[str, Any] | None:
    """A deal within scope as it stands: `line` (null when removed), `amount_base`, `close_date`."""
    found = await session.execute(
        text(
            f"""
            SELECT d.deal_id, d.line, d.amount_base, d.close_date FROM deal_current d
            WHERE d.deal_id = :deal_id AND {organisation.visible("d.owner_id")}
            """  # noqa: S608 - fragment of ours
        ),
        {"deal_id": deal_id, **organisation.scope_parameters(principal)},
    )
    row = found.mappings().first()
    return dict(row) if row else None


async def judgements(
    session: AsyncSession,
    *,
    person: str | None = None,
    deal_id: UUID | None = None,
    below: NodeKey | None = None,
    population: Population | None = None,
    limit: int,
    principal: Principal,
) -> list[dict[str, Any]]:
    """The newest judgement of each person on each deal within scope, newest first, with the deal as it stands now.

    `population`: dates judged in its period, deals of its type and basis; `below`: deals of a person or of a unit's people.
    `is_open`: the deal is open.
    """
    statement = f"""
        SELECT j.*, d.name, d.line, d.amount_base AS crm_amount, d.close_date AS crm_close_date, d.category AS crm_category,
               d.owner_id, d.line IN ('commit', 'most_likely', 'best_case', 'pipeline', 'held_back', 'omitted') AS is_open
        FROM (
            SELECT DISTINCT ON (x.person, x.deal_id) x.* FROM judgement x
            WHERE (cast(:person AS text) IS NULL OR x.person = :person)
              AND (cast(:deal_id AS uuid) IS NULL OR x.deal_id = :deal_id)
            ORDER BY x.person, x.deal_id, x.made_at DESC, x.judgement_id DESC
        ) j JOIN deal_current d ON d.deal_id = j.deal_id
        WHERE {organisation.visible("d.owner_id")}
          AND (cast(:from AS date) IS NULL OR (j.close_date >= :from AND j.close_date < :until))
          AND (cast(:value_basis AS text) IS NULL OR d.value_basis = :value_basis)
          AND (cast(:deal_type AS text) IS NULL OR d.deal_type = :deal_type)
          AND (cast(:kind AS text) IS NULL OR (:kind = 'person' AND d.owner_id = :node) OR (
              :kind = 'unit' AND EXISTS (
                  SELECT 1 FROM org_closure b WHERE b.ancestor = :node AND b.descendant = coalesce(
                      (SELECT o.unit_id FROM org_person o WHERE o.person_id = d.owner_id), cast(:unassigned AS uuid)))))
        ORDER BY j.made_at DESC, j.judgement_id DESC LIMIT :limit
    """  # noqa: S608 - fragments of ours
    found = await session.execute(
        text(statement),
        {
            "person": person,
            "deal_id": deal_id,
            "from": population.period_start if population else None,
            "until": population.period_end if population else None,
            "value_basis": population.value_basis if population else None,
            "deal_type": population.deal_type if population else None,
            "kind": below.kind if below else None,
            "node": below.id if below else UNASSIGNED_UNIT,
            "limit": limit,
            **organisation.scope_parameters(principal),
        },
    )
    return [dict(row) for row in found.mappings()]


_STATE = (
    """CASE WHEN e.kind = 'withdrawn' THEN 'withdrawn' WHEN a.expires_at <= :now THEN 'expired' ELSE 'in_force' END"""
)


async def adjustments(
    session: AsyncSession,
    *,
    adjustment_id: UUID | None = None,
    period: tuple[date, date] | None = None,
    node: NodeKey | None = None,
    now: datetime,
    limit: int = 500,
    principal: Principal,
) -> list[dict[str, Any]]:
    """Adjustments within scope, newest first, with `state`, `ended_at`, `ended_by`."""
    statement = f"""
        SELECT a.*, {_STATE} AS state, e.at AS ended_at, e.made_by AS ended_by FROM adjustment_entry a
        LEFT JOIN adjustment_entry e ON e.adjustment_id = a.adjustment_id AND e.kind <> 'made'
        WHERE a.kind = 'made' AND {WITHIN_SCOPE.format("a")}
          AND (cast(:adjustment_id AS uuid) IS NULL OR a.adjustment_id = :adjustment_id)
          AND (cast(:from AS date) IS NULL OR (a.period_start = :from AND a.period_end = :until))
          AND (cast(:kind AS text) IS NULL OR (a.node_kind = :kind AND a.node_id = :node))
        ORDER BY a.at DESC, a.entry_id DESC LIMIT :limit
    """  # noqa: S608 - fragments of ours
    found = await session.execute(
        text(statement),
        {
            "adjustment_id": adjustment_id,
            "from": period[0] if period else None,
            "until": period[1] if period else None,
            "kind": node.kind if node else None,
            "node": node.id if node else None,
            "now": now,
            "limit": limit,
            **organisation.scope_parameters(principal),
        },
    )
    return [dict(row) for row in found.mappings()]


async def expiring(session: AsyncSession, now: datetime) -> list[dict[str, Any]]:
    """Adjustments past their expiry whose end has not been written."""
    found = await session.execute(
        text(
            """
            SELECT a.* FROM adjustment_entry a
            WHERE a.kind = 'made' AND a.expires_at <= :now AND NOT EXISTS (
                SELECT 1 FROM adjustment_entry e WHERE e.adjustment_id = a.adjustment_id AND e.kind <> 'made')
            ORDER BY a.expires_at, a.adjustment_id LIMIT 1000
            """
        ),
        {"now": now},
    )
    return [dict(row) for row in found.mappings()]
