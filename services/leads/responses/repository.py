"""Named queries over clocks and their marks."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.organisation import scope_parameters, visible
from libs.common.web.auth import Principal
from services.leads.assignment.repository import RULE
from services.leads.register.repository import ANSWERED
from services.leads.responses.clocks import Mark, Schedule
from services.leads.responses.models import Begun, Kept, clock_id

STARTED = f"""
    CASE WHEN (lead.state ->> 'assigned_at')::timestamptz > lead.first_at
              AND coalesce({ANSWERED} >= (lead.state ->> 'assigned_at')::timestamptz, true)
         THEN (lead.state ->> 'assigned_at')::timestamptz ELSE lead.first_at END
"""
"""SQL: when the clock of `lead` began: at its arrival, or when it was given to somebody before it was answered."""

NEWEST = """
    LEFT JOIN LATERAL (
        SELECT c.due_at, c.started_at FROM lead_clock c WHERE c.lead_id = lead.lead_id ORDER BY c.started_at DESC LIMIT 1
    ) AS clock ON true
"""
"""SQL: the newest clock of `lead`; nulls until it was made, seconds after the lead came."""

_TO_BEGIN = text(
    f"""
    SELECT lead.lead_id, lead.version, lead.owner_id, lead.place, {STARTED} AS started_at,
           coalesce((SELECT min(i.recorded_at) FROM lead_input i WHERE i.lead_id = lead.lead_id), lead.first_at) AS seen_at
    FROM lead WHERE lead.clocked_version < lead.version ORDER BY lead.lead_id LIMIT :limit FOR UPDATE SKIP LOCKED
    """  # noqa: S608
)


async def to_begin(session: AsyncSession, *, limit: int) -> list[Begun]:
    """Leads that came or changed since their clock was made, locked."""
    return [Begun(*row) for row in await session.execute(_TO_BEGIN, {"limit": limit})]


_KEEP = text(
    """
    INSERT INTO lead_clock AS known
        (clock_id, lead_id, owner_id, started_at, warn_at, due_at, escalate_at, counted, next_at)
    VALUES (:clock_id, :lead_id, :owner_id, :started_at, :warn_at, :due_at, :escalate_at, :counted, :next_at)
    ON CONFLICT (clock_id) DO UPDATE
    SET owner_id = excluded.owner_id, warn_at = excluded.warn_at, due_at = excluded.due_at,
        escalate_at = excluded.escalate_at, next_at = excluded.next_at
    WHERE (known.owner_id, known.warn_at, known.due_at, known.escalate_at)
          IS DISTINCT FROM (excluded.owner_id, excluded.warn_at, excluded.due_at, excluded.escalate_at)
    """
)


async def keep(session: AsyncSession, clocks: Sequence[tuple[Begun, Schedule, bool]]) -> None:
    """Make the clocks of these leads, or set them anew; `True` where somebody is told of its marks."""
    await session.execute(
        _KEEP,
        [
            {
                "clock_id": clock_id(begun.lead_id, begun.started_at),
                "lead_id": begun.lead_id,
                "owner_id": begun.owner_id,
                "started_at": begun.started_at,
                "warn_at": planned.warn_at,
                "due_at": planned.due_at,
                "escalate_at": list(planned.escalate_at),
                "counted": counted,
                "next_at": planned.warn_at if counted else None,
            }
            for begun, planned, counted in clocks
        ],
    )
    await session.execute(
        text(
            """
            UPDATE lead SET clocked_version = n.version
            FROM unnest(cast(:ids AS uuid[]), cast(:versions AS bigint[])) AS n (lead_id, version)
            WHERE lead.lead_id = n.lead_id
            """
        ),
        {"ids": [each.lead_id for each, *_ in clocks], "versions": [each.version for each, *_ in clocks]},
    )


_TO_CHECK = text(
    f"""
    SELECT kept.clock_id, kept.lead_id, kept.owner_id, kept.started_at, kept.warn_at, kept.due_at, kept.escalate_at,
           least({ANSWERED},
                 (SELECT min(n.started_at) FROM lead_clock n
                  WHERE n.lead_id = kept.lead_id AND n.started_at > kept.started_at),
                 CASE WHEN lead.deleted THEN kept.started_at END) AS ended_at,
           (SELECT p.manager_id FROM org_person p WHERE p.unit_id = rule.unit_id AND p.is_active AND p.manager_id IS NOT NULL
            GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1) AS team_leader_id
    FROM lead_clock kept JOIN lead ON lead.lead_id = kept.lead_id {RULE}
    WHERE kept.next_at <= :as_of ORDER BY kept.next_at, kept.clock_id LIMIT :limit FOR UPDATE OF kept SKIP LOCKED
    """  # noqa: S608
)


async def to_check(session: AsyncSession, *, as_of: datetime, limit: int) -> list[Kept]:
    """Clocks whose next mark has come, locked."""
    return [
        Kept(
            row.clock_id,
            row.lead_id,
            row.owner_id,
            row.team_leader_id,
            Schedule(row.started_at, row.warn_at, row.due_at, tuple(row.escalate_at)),
            row.ended_at,
        )
        for row in await session.execute(_TO_CHECK, {"as_of": as_of, "limit": limit})
    ]


async def managers(session: AsyncSession, people: Collection[UUID], *, levels: int) -> Mapping[UUID, UUID]:
    """Who manages whom, from these people up so many levels."""
    rows = await session.execute(
        text(
            """
            WITH RECURSIVE above AS (
                SELECT person_id, manager_id, 1 AS level FROM org_person WHERE person_id = ANY(:people)
                UNION
                SELECT p.person_id, p.manager_id, above.level + 1
                FROM above JOIN org_person p ON p.person_id = above.manager_id WHERE above.level < :levels
            )
            SELECT DISTINCT person_id, manager_id FROM above WHERE manager_id IS NOT NULL
            """
        ),
        {"people": list(people), "levels": levels},
    )
    return {row.person_id: row.manager_id for row in rows}


_MARK = text(
    """
    INSERT INTO lead_clock_mark (clock_id, kind, level, passed_at, told_id, recorded_at)
    SELECT n.clock_id, n.kind, n.level, n.passed_at, n.told_id, :recorded_at
    FROM unnest(cast(:clocks AS uuid[]), cast(:kinds AS text[]), cast(:levels AS smallint[]),
                cast(:passed AS timestamptz[]), cast(:told AS uuid[])) AS n (clock_id, kind, level, passed_at, told_id)
    ON CONFLICT DO NOTHING RETURNING clock_id, kind, level
    """
)


async def mark(
    session: AsyncSession, marks: Sequence[tuple[UUID, Mark, UUID | None]], *, recorded_at: datetime
) -> set[tuple[UUID, str, int]]:
    """Keep (clock, mark, who is told); returns (clock, kind, level) of those that nobody was told before."""
    given = {
        "clocks": [clock for clock, _, _ in marks],
        "kinds": [each.kind for _, each, _ in marks],
        "levels": [each.level for _, each, _ in marks],
        "passed": [each.at for _, each, _ in marks],
        "told": [told for _, _, told in marks],
        "recorded_at": recorded_at,
    }
    return {tuple(row) for row in await session.execute(_MARK, given)}


async def look_again(session: AsyncSession, at: Mapping[UUID, datetime | None]) -> None:
    """Set when each of these locked clocks is looked at next."""
    await session.execute(
        text(
            """
            UPDATE lead_clock SET next_at = n.next_at
            FROM unnest(cast(:ids AS uuid[]), cast(:nexts AS timestamptz[])) AS n (clock_id, next_at)
            WHERE lead_clock.clock_id = n.clock_id
            """
        ),
        {"ids": list(at), "nexts": list(at.values())},
    )


async def of_lead(session: AsyncSession, lead_id: UUID) -> tuple[list[Any], list[Any]]:
    """The clocks of a lead that the caller found within scope, newest first; and their marks as they were passed."""
    clocks = await session.execute(
        text("SELECT * FROM lead_clock WHERE lead_id = :lead_id ORDER BY started_at DESC"), {"lead_id": lead_id}
    )
    marks = await session.execute(
        text(
            """
            SELECT m.* FROM lead_clock_mark m JOIN lead_clock c USING (clock_id)
            WHERE c.lead_id = :lead_id ORDER BY m.passed_at, m.kind, m.level
            """
        ),
        {"lead_id": lead_id},
    )
    return list(clocks), list(marks)


_SHARES = text(
    f"""
    SELECT unit_id, (SELECT name FROM org_unit u WHERE u.unit_id = told.unit_id) AS unit_name,
           count(*) FILTER (WHERE answered_at <= due_at) AS in_time,
           count(*) FILTER (WHERE answered_at > due_at OR answered_at IS NULL AND due_at < :as_of) AS late,
           count(*) FILTER (WHERE answered_at IS NULL AND due_at >= :as_of) AS running
    FROM (
        SELECT p.unit_id, kept.due_at, {ANSWERED} AS answered_at,
               (SELECT min(n.started_at) FROM lead_clock n
                WHERE n.lead_id = kept.lead_id AND n.started_at > kept.started_at) AS given_away_at
        FROM lead_clock kept JOIN lead ON lead.lead_id = kept.lead_id
        LEFT JOIN org_person p ON p.person_id = kept.owner_id
        WHERE kept.counted AND kept.started_at >= :since AND NOT lead.deleted AND {visible("kept.owner_id")}
    ) AS told
    WHERE given_away_at IS NULL OR given_away_at > due_at
    GROUP BY 1 ORDER BY 2 NULLS LAST, 1
    """  # noqa: S608
)


async def shares(session: AsyncSession, *, since: datetime, as_of: datetime, principal: Principal) -> list[Any]:
    """By team of the owner: clocks answered in time, not in time, still running. One given away before it was due is none."""
    given = {"since": since, "as_of": as_of, **scope_parameters(principal)}
    return list(await session.execute(_SHARES, given))
