"""Named queries over contacts, their roles, and the one table of their names."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.organisation import visible

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('contact ' || CAST(:contact AS text), 0))")


async def lock(session: AsyncSession, contact_id: UUID) -> None:
    """Keep others from changing or erasing the contact until this transaction ends."""
    await session.execute(_LOCK, {"contact": str(contact_id)})


_APPEND = text("""
    INSERT INTO contact_entry (entry_id, contact_id, account_id, at, seniority, department, active, erased, author, request_digest, recorded_at)
    VALUES (:entry_id, :contact_id, :account_id, :at, :seniority, :department, :active, :erased, :author, :request_digest, :recorded_at)
""")


async def append(session: AsyncSession, row: Mapping[str, Any]) -> None:
    await session.execute(_APPEND, row)


_APPEND_ROLE = text("""
    INSERT INTO contact_role_entry (entry_id, deal_id, contact_id, role, holds, at, author, request_digest, recorded_at)
    VALUES (:entry_id, :deal_id, :contact_id, :role, :holds, :at, :author, :request_digest, :recorded_at)
""")


async def append_role(session: AsyncSession, row: Mapping[str, Any]) -> None:
    await session.execute(_APPEND_ROLE, row)


_DIGESTS = {
    "contact": text("SELECT request_digest FROM contact_entry WHERE entry_id = :entry_id"),
    "role": text("SELECT request_digest FROM contact_role_entry WHERE entry_id = :entry_id"),
}


async def digest_of(session: AsyncSession, kind: str, entry_id: UUID) -> str | None:
    """The digest of the request that made an entry; None if there is none. `kind` is `contact` or `role`."""
    found: str | None = await session.scalar(_DIGESTS[kind], {"entry_id": entry_id})
    return found


_CONTACT_OF_ENTRY = text("SELECT contact_id FROM contact_entry WHERE entry_id = :entry_id")


async def contact_of(session: AsyncSession, entry_id: UUID) -> UUID:
    """Of whom an entry speaks."""
    return UUID(str(await session.scalar(_CONTACT_OF_ENTRY, {"entry_id": entry_id})))


_STANDING = """
    SELECT DISTINCT ON (e.contact_id) e.contact_id, e.account_id, e.at AS since, e.seniority, e.department, e.active, e.author,
           e.recorded_at, p.name, p.email, p.phone, p.title,
           EXISTS (SELECT 1 FROM contact_entry x WHERE x.contact_id = e.contact_id AND x.erased AND x.recorded_at <= :known_at) AS erased
    FROM contact_entry e LEFT JOIN contact_person p ON p.contact_id = e.contact_id
    WHERE e.contact_id IN ({chosen}) AND e.at <= :as_of AND e.recorded_at <= :known_at
    ORDER BY e.contact_id, e.at DESC, e.entry_id DESC
"""
_OF_ACCOUNT = text(
    "SELECT * FROM ({standing}) s WHERE s.account_id = :account_id ORDER BY s.active DESC, s.contact_id".replace(
        "{standing}",
        _STANDING.replace("{chosen}", "SELECT c.contact_id FROM contact_entry c WHERE c.account_id = :account_id"),
    )
)
_OF_DEAL = text(
    _STANDING.replace("{chosen}", "SELECT c.contact_id FROM contact_role_entry c WHERE c.deal_id = :deal_id")
)
_ONE = text(_STANDING.replace("{chosen}", ":contact_id"))


async def of_account(
    session: AsyncSession, account_id: UUID, *, as_of: datetime, known_at: datetime
) -> list[RowMapping]:
    """The contacts that work, or worked last, for an account."""
    values = {"account_id": account_id, "as_of": as_of, "known_at": known_at}
    return list((await session.execute(_OF_ACCOUNT, values)).mappings())


async def of_deal(session: AsyncSession, deal_id: UUID, *, as_of: datetime, known_at: datetime) -> list[RowMapping]:
    """The contacts that hold or held a role in a deal."""
    values = {"deal_id": deal_id, "as_of": as_of, "known_at": known_at}
    return list((await session.execute(_OF_DEAL, values)).mappings())


async def one(session: AsyncSession, contact_id: UUID, *, as_of: datetime, known_at: datetime) -> RowMapping | None:
    values = {"contact_id": contact_id, "as_of": as_of, "known_at": known_at}
    return (await session.execute(_ONE, values)).mappings().one_or_none()


_ROLES = text(
    """
    SELECT s.contact_id, s.deal_id, s.role, s.since FROM (
        SELECT DISTINCT ON (e.deal_id, e.contact_id, e.role) e.deal_id, e.contact_id, e.role, e.holds, e.at AS since
        FROM contact_role_entry e
        WHERE e.contact_id = ANY(CAST(:contacts AS uuid[])) AND e.at <= :as_of AND e.recorded_at <= :known_at
        ORDER BY e.deal_id, e.contact_id, e.role, e.at DESC, e.entry_id DESC
    ) s JOIN deal d ON d.deal_id = s.deal_id
    WHERE s.holds AND {visible}
    ORDER BY s.deal_id, s.role, s.contact_id
    """.replace("{visible}", visible("d.owner_id"))
)


async def roles_of(
    session: AsyncSession, contacts: list[UUID], scope: Mapping[str, Any], *, as_of: datetime, known_at: datetime
) -> list[RowMapping]:
    """The roles that these contacts hold in deals within scope."""
    values = {"contacts": contacts, "as_of": as_of, "known_at": known_at, **scope}
    return list((await session.execute(_ROLES, values)).mappings())


_PUT_PERSON = text("""
    INSERT INTO contact_person (contact_id, name, email, phone, title, updated_at)
    VALUES (:contact_id, :name, :email, :phone, :title, :updated_at)
    ON CONFLICT (contact_id) DO UPDATE
    SET name = excluded.name, email = excluded.email, phone = excluded.phone, title = excluded.title, updated_at = excluded.updated_at
""")


async def put_person(session: AsyncSession, row: Mapping[str, Any]) -> None:
    await session.execute(_PUT_PERSON, row)


_ERASE = text("DELETE FROM contact_person WHERE contact_id = :contact_id")


async def erase(session: AsyncSession, contact_id: UUID) -> None:
    """Remove the names of a contact."""
    await session.execute(_ERASE, {"contact_id": contact_id})


_FORGET = text("""
    DELETE FROM contact_person p
    WHERE p.updated_at < :before
      AND NOT EXISTS (SELECT 1 FROM touchpoint t WHERE p.contact_id = ANY(t.contacts) AND NOT t.withdrawn AND t.at >= :before)
""")


async def forget(session: AsyncSession, before: datetime) -> None:
    """Remove the names of contacts that nobody wrote, and with whom nobody spoke, since `before`."""
    await session.execute(_FORGET, {"before": before})
