"""Person data of leads captured here, and whose leads a principal may capture. The only place with names and mails."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.organisation import scope_parameters, visible
from libs.common.web.auth import Principal


@dataclass(frozen=True, slots=True)
class Person:
    """The contact of a captured lead; `request_digest` recognises a repetition of the request that brought it."""

    person_id: UUID
    name: str | None
    email: str | None
    phone: str | None
    request_digest: str


async def find_person(session: AsyncSession, lead_id: UUID) -> Person | None:
    """The contact of a lead that the caller has already found within the principal's scope."""
    rows = await session.execute(
        text("SELECT person_id, name, email, phone, request_digest FROM lead_person WHERE lead_id = :lead_id"),
        {"lead_id": lead_id},
    )
    row = rows.one_or_none()
    return None if row is None else Person(*row)


async def add_person(session: AsyncSession, lead_id: UUID, person: Person, *, recorded_at: datetime) -> None:
    await session.execute(
        text(
            """
            INSERT INTO lead_person (lead_id, person_id, name, email, phone, request_digest, recorded_at)
            VALUES (:lead_id, :person_id, :name, :email, :phone, :request_digest, :recorded_at)
            """
        ),
        {
            "lead_id": lead_id,
            "person_id": person.person_id,
            "name": person.name,
            "email": person.email,
            "phone": person.phone,
            "request_digest": person.request_digest,
            "recorded_at": recorded_at,
        },
    )


async def is_placed(session: AsyncSession, person_id: UUID) -> bool:
    """True for a person the organisation knows."""
    query = text("SELECT EXISTS (SELECT 1 FROM org_person WHERE person_id = :person_id)")
    return bool(await session.scalar(query, {"person_id": person_id}))


async def may_own(session: AsyncSession, owner_id: UUID | None, *, principal: Principal) -> bool:
    """True when a lead of this owner (None: of nobody) would lie within the principal's scope."""
    query = text(f"SELECT {visible('given.owner_id')} FROM (SELECT cast(:owner_id AS uuid) AS owner_id) AS given")  # noqa: S608
    return bool(await session.scalar(query, {"owner_id": owner_id, **scope_parameters(principal)}))
