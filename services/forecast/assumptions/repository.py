"""Assumptions of plans and how they stood at locks: only ever appended, and who may see them is decided here."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import organisation
from libs.common.web.auth import Principal
from services.forecast.plans.repository import WITHIN_SCOPE


async def assumptions(
    session: AsyncSession, plan_id: UUID, version: int, *, principal: Principal
) -> list[dict[str, Any]]:
    """What a version within scope assumes, as it stands."""
    found = await session.execute(
        text(
            f"""
            SELECT s.* FROM (
                SELECT DISTINCT ON (a.assumption_id) a.*
                FROM plan_assumption a JOIN plan p ON p.plan_id = a.plan_id
                WHERE a.plan_id = :plan AND a.version = :version AND {WITHIN_SCOPE.format("p")}
                ORDER BY a.assumption_id, a.sequence DESC
            ) s WHERE NOT s.removed ORDER BY s.assumption_id
            """  # noqa: S608 - fragment of another module
        ),
        {"plan": plan_id, "version": version, **organisation.scope_parameters(principal)},
    )
    return [dict(row) for row in found.mappings()]


async def states(
    session: AsyncSession, plan_id: UUID, version: int, *, since: datetime | None = None, principal: Principal
) -> list[dict[str, Any]]:
    """How the assumptions of a version within scope stood at each lock, the oldest first."""
    found = await session.execute(
        text(
            f"""
            SELECT s.*, k.known_at FROM assumption_state s
            JOIN assumption_look k ON (k.plan_id, k.version, k.due_at) = (s.plan_id, s.version, s.due_at)
            JOIN plan p ON p.plan_id = s.plan_id
            WHERE s.plan_id = :plan AND s.version = :version AND {WITHIN_SCOPE.format("p")}
              AND (cast(:since AS timestamptz) IS NULL OR s.due_at >= :since)
            ORDER BY s.due_at, s.assumption_id
            """  # noqa: S608 - fragment of another module
        ),
        {"plan": plan_id, "version": version, "since": since, **organisation.scope_parameters(principal)},
    )
    return [dict(row) for row in found.mappings()]


async def in_force(session: AsyncSession) -> list[dict[str, Any]]:
    """The versions in force that assume anything, with the instant of their last look. Of any scope: no number is here."""
    found = await session.execute(
        text(
            """
            SELECT p.plan_id, a.version, a.made_at AS active_since,
                   (SELECT max(k.due_at) FROM assumption_look k WHERE k.plan_id = p.plan_id AND k.version = a.version)
                       AS looked_at
            FROM plan p JOIN plan_entry a ON a.plan_id = p.plan_id AND a.kind = 'activated'
            WHERE NOT EXISTS (SELECT 1 FROM plan_entry s WHERE s.plan_id = a.plan_id AND s.version = a.version
                                AND s.kind = 'superseded')
              AND EXISTS (SELECT 1 FROM plan_assumption b WHERE b.plan_id = a.plan_id AND b.version = a.version)
            ORDER BY p.plan_id
            """
        )
    )
    return [dict(row) for row in found.mappings()]


async def newest_look(session: AsyncSession, plan_id: UUID, version: int) -> datetime | None:
    """The lock at which a version was last looked at."""
    found: datetime | None = await session.scalar(
        text("SELECT max(due_at) FROM assumption_look WHERE plan_id = :plan AND version = :version"),
        {"plan": plan_id, "version": version},
    )
    return found


async def broken(session: AsyncSession, *, on: Any, principal: Principal) -> list[dict[str, Any]]:
    """Of plans within scope that are in force on a day: what is broken at their newest look, the longest broken first."""
    found = await session.execute(
        text(
            f"""
            SELECT s.*, a.node_id, a.metric, a.expected, a.tolerance, a.criticality, p.name AS plan_name, p.currency, n.label
            FROM plan p
            JOIN plan_entry e ON e.plan_id = p.plan_id AND e.kind = 'activated'
            JOIN LATERAL (
                SELECT k.due_at FROM assumption_look k WHERE k.plan_id = p.plan_id AND k.version = e.version
                ORDER BY k.due_at DESC LIMIT 1
            ) k ON true
            JOIN assumption_state s ON s.plan_id = p.plan_id AND s.version = e.version AND s.due_at = k.due_at
            JOIN LATERAL (
                SELECT * FROM plan_assumption x WHERE x.plan_id = s.plan_id AND x.version = s.version
                  AND x.assumption_id = s.assumption_id ORDER BY x.sequence DESC LIMIT 1
            ) a ON true
            JOIN LATERAL (
                SELECT y.label FROM plan_node y WHERE y.plan_id = s.plan_id AND y.version = s.version AND y.node_id = a.node_id
                ORDER BY y.sequence DESC LIMIT 1
            ) n ON true
            WHERE s.state = 'broken' AND p.period_start <= :on AND p.period_end > :on AND {WITHIN_SCOPE.format("p")}
              AND NOT EXISTS (SELECT 1 FROM plan_entry z WHERE z.plan_id = e.plan_id AND z.version = e.version
                                AND z.kind = 'superseded')
            ORDER BY s.broken_since, s.assumption_id
            """  # noqa: S608 - fragment of another module
        ),
        {"on": on, **organisation.scope_parameters(principal)},
    )
    return [dict(row) for row in found.mappings()]


async def add_look(session: AsyncSession, look: Mapping[str, Any], states: Sequence[Mapping[str, Any]]) -> bool:
    """Append a look with its states; False when there is one of that lock already."""
    added = await session.execute(
        text(
            """
            INSERT INTO assumption_look SELECT * FROM jsonb_populate_record(NULL::assumption_look, cast(:row AS jsonb))
            ON CONFLICT DO NOTHING RETURNING due_at
            """
        ),
        {"row": orjson.dumps(look, default=str).decode()},
    )
    if added.scalar_one_or_none() is None:
        return False
    await session.execute(
        text(
            """
            INSERT INTO assumption_state
            SELECT * FROM jsonb_populate_recordset(NULL::assumption_state, cast(:rows AS jsonb))
            """
        ),
        {"rows": orjson.dumps(states, default=str).decode()},
    )
    return True


async def told(session: AsyncSession, assumption_id: UUID, plan_id: UUID, until: datetime) -> int:
    """In how many looks an assumption stood by a lock, over all versions: the order of what is told of it."""
    found = await session.scalar(
        text(
            "SELECT count(*) FROM assumption_state WHERE plan_id = :plan AND assumption_id = :id AND due_at <= :until"
        ),
        {"plan": plan_id, "id": assumption_id, "until": until},
    )
    return int(found or 0)
