"""Named queries over what is set, absences, and what people have on their hands."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.organisation import scope_parameters, visible
from libs.common.web.auth import Principal
from services.leads.capacity.flow import FlowIn
from services.leads.capacity.models import Absence, Flow, Seller
from services.leads.register.repository import ANSWERED

_LOCK_KEY = 0x666C6F77


async def flow(session: AsyncSession) -> Flow:
    """The newest version of what is set, else as shipped."""
    rows = await session.execute(
        text(
            "SELECT version, content::text AS content, said_by, recorded_at FROM lead_flow ORDER BY version DESC LIMIT 1"
        )
    )
    row = rows.one_or_none()
    if row is None:
        return Flow(0, FlowIn())
    return Flow(row.version, FlowIn.model_validate_json(row.content), row.said_by, row.recorded_at)


async def lock(session: AsyncSession) -> None:
    """Let one transaction at a time add versions to what is set and to absences."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})


async def add_flow(session: AsyncSession, version: int, content: FlowIn, *, said_by: str, at: datetime) -> None:
    await session.execute(
        text("INSERT INTO lead_flow VALUES (:version, cast(:content AS jsonb), :said_by, :at)"),
        {"version": version, "content": content.model_dump_json(), "said_by": said_by, "at": at},
    )


_KNOWN = f"""
    SELECT * FROM (
        SELECT DISTINCT ON (absence_id) absence_id, version, person_id, first_day, last_day, withdrawn, said_by, recorded_at
        FROM absence WHERE recorded_at <= :known_at
        ORDER BY absence_id, version DESC
    ) AS known
    WHERE last_day >= :first AND first_day <= :last AND {visible("known.person_id")}
"""  # noqa: S608
_ABSENCES = text(f"{_KNOWN} ORDER BY first_day, absence_id LIMIT 1000")
_ONE = text(
    f"""
    SELECT absence_id, version, person_id, first_day, last_day, withdrawn, said_by, recorded_at
    FROM absence WHERE absence_id = :absence_id AND {visible("absence.person_id")} ORDER BY version DESC LIMIT 1
    """  # noqa: S608
)


async def absences(
    session: AsyncSession, *, first: date, last: date, known_at: datetime, principal: Principal
) -> list[Absence]:
    """Absences that touch the days, as known at an instant, of people within the principal's scope; withdrawn ones too."""
    given = {"first": first, "last": last, "known_at": known_at, **scope_parameters(principal)}
    return [Absence(**row) for row in (await session.execute(_ABSENCES, given)).mappings()]


async def absence(session: AsyncSession, absence_id: UUID, *, principal: Principal) -> Absence | None:
    """The newest version of an absence of somebody within the principal's scope."""
    rows = await session.execute(_ONE, {"absence_id": absence_id, **scope_parameters(principal)})
    row = rows.mappings().one_or_none()
    return None if row is None else Absence(**row)


async def add_absence(session: AsyncSession, new: Absence) -> None:
    await session.execute(
        text(
            """
            INSERT INTO absence (absence_id, version, person_id, first_day, last_day, withdrawn, said_by, recorded_at)
            VALUES (:absence_id, :version, :person_id, :first_day, :last_day, :withdrawn, :said_by, :recorded_at)
            """
        ),
        {name: getattr(new, name) for name in Absence.__slots__},
    )


_SELLERS = text(
    """
    SELECT p.person_id, p.unit_id, p.manager_id FROM org_person p
    WHERE p.is_active
      AND (p.person_id = ANY(cast(:people AS uuid[]))
           OR p.unit_id = ANY(cast(:units AS uuid[]))
              AND NOT EXISTS (SELECT 1 FROM org_person led
                              WHERE led.manager_id = p.person_id AND led.is_active))
    ORDER BY p.person_id
    """
)


async def sellers(session: AsyncSession, *, units: Iterable[UUID], people: Iterable[UUID] = ()) -> list[Seller]:
    """Active people of the units, without who leads others; and those named, if active."""
    rows = await session.execute(_SELLERS, {"units": list(units), "people": list(people)})
    return [Seller(*row) for row in rows]


async def is_visible(session: AsyncSession, person_id: UUID, *, principal: Principal) -> bool:
    """Whether the organisation knows the person, within the principal's scope."""
    query = text(
        f"SELECT EXISTS (SELECT 1 FROM org_person p WHERE p.person_id = :person_id AND {visible('p.person_id')})"  # noqa: S608
    )
    return bool(await session.scalar(query, {"person_id": person_id, **scope_parameters(principal)}))


_TAKEN = text(
    f"""
    WITH today AS (
        SELECT lead_id FROM lead_evidence WHERE at >= :since
        UNION SELECT lead_id FROM lead WHERE state ->> 'verdict_at' >= :since_text
        UNION SELECT lead_id FROM lead_input WHERE kind = 'record' AND payload ->> 'status' = 'working' AND at >= :since
    ), held AS (
        SELECT owner_id, place, state ->> 'source' AS source FROM lead
        WHERE owner_id = ANY(cast(:people AS uuid[])) AND version > 0 AND NOT deleted AND verdict = 'pending'
          AND state ->> 'assigned_at' IS NOT NULL AND {ANSWERED} IS NULL
        UNION ALL
        SELECT owner_id, place, state ->> 'source' FROM lead
        WHERE lead_id IN (SELECT lead_id FROM today) AND owner_id = ANY(cast(:people AS uuid[])) AND version > 0
          AND NOT deleted AND {ANSWERED} >= :since
    )
    SELECT owner_id, place, source, count(*) AS leads FROM held GROUP BY 1, 2, 3
    """  # noqa: S608
)


async def on_hands(session: AsyncSession, people: Sequence[UUID], *, since: datetime) -> list[Any]:
    """(owner_id, place, source, leads): given out and not answered yet, or first answered from `since` on."""
    given = {"people": list(people), "since": since, "since_text": since.isoformat()[:19]}
    return list(await session.execute(_TAKEN, given))
