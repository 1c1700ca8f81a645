"""Named queries: the teams, and what of the queue waits to be taken on by each."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.ids import UNASSIGNED_UNIT
from libs.common.organisation import scope_parameters
from libs.common.web.auth import Principal
from services.leads.assignment.repository import RULE
from services.leads.register.repository import ANSWERED


@dataclass(frozen=True, slots=True)
class Team:
    unit_id: UUID
    name: str


_TEAMS = text(
    """
    SELECT u.unit_id, u.name FROM org_unit u
    WHERE NOT u.removed AND u.unit_id <> :unassigned
      AND (:sees_everything OR EXISTS (
          SELECT 1 FROM org_closure c WHERE c.ancestor = ANY(cast(:scope AS uuid[])) AND c.descendant = u.unit_id))
      AND (EXISTS (SELECT 1 FROM org_person p WHERE p.unit_id = u.unit_id AND p.is_active)
           OR EXISTS (SELECT 1 FROM routing_rule r
                      WHERE r.unit_id = u.unit_id AND r.version = (SELECT max(version) FROM routing_rules)))
    ORDER BY u.name, u.unit_id
    """
)


async def teams(session: AsyncSession, *, principal: Principal) -> list[Team]:
    """Units with people, or that a rule names, within the principal's scope."""
    rows = await session.execute(_TEAMS, {**scope_parameters(principal), "unassigned": UNASSIGNED_UNIT})
    return [Team(*row) for row in rows]


_WAITING = text(
    f"""
    SELECT unit_id, lead_id, place, first_at, source, waiting FROM (
        SELECT team.unit_id, lead.lead_id, lead.place, lead.first_at, lead.state ->> 'source' AS source,
               count(*) OVER (PARTITION BY team.unit_id) AS waiting,
               row_number() OVER (PARTITION BY team.unit_id
                                  ORDER BY lead.place, lead.first_at DESC, lead.lead_id DESC) AS number
        FROM lead LEFT JOIN org_person p ON p.person_id = lead.owner_id {RULE}
        CROSS JOIN LATERAL (SELECT coalesce(p.unit_id, rule.unit_id) AS unit_id) AS team
        WHERE team.unit_id = ANY(cast(:units AS uuid[])) AND lead.version > 0 AND NOT lead.deleted
          AND lead.verdict = 'pending' AND coalesce(lead.recycled_until <= :today, true)
          AND lead.state ->> 'assigned_at' IS NULL AND {ANSWERED} IS NULL
    ) AS queued
    WHERE number <= :most ORDER BY unit_id, number
    """  # noqa: S608
)


async def waiting(
    session: AsyncSession, units: Sequence[UUID], *, on: date, most: int
) -> dict[UUID, tuple[int, list[Any]]]:
    """By unit how many leads wait to be taken on, and the best `most` of them as (lead_id, place, first_at, source).

    A lead waits for the team of its owner, else for the one that the rules name; once given to somebody here, or
    answered, it waits no more.
    """
    found: dict[UUID, tuple[int, list[Any]]] = defaultdict(lambda: (0, []))
    for row in await session.execute(_WAITING, {"units": list(units), "today": on.isoformat(), "most": most}):
        found[row.unit_id] = (row.waiting, [*found[row.unit_id][1], row])
    return found
