"""The statements of buyers' links."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it is kept."""

    link_id: UUID
    plan_id: UUID
    deal_id: UUID
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    visits: int
    visited_at: datetime | None


_LINK = "link_id, plan_id, deal_id, created_by, created_at, expires_at, revoked_at, visits, visited_at"


async def insert(session: AsyncSession, link: Link, *, fingerprint: bytes) -> None:
    await session.execute(
        text(
            """
            INSERT INTO buyer_link (link_id, fingerprint, plan_id, deal_id, created_by, created_at, expires_at)
            VALUES (:link, :fingerprint, :plan, :deal, :by, :at, :expires)
            """
        ),
        {
            "link": link.link_id,
            "fingerprint": fingerprint,
            "plan": link.plan_id,
            "deal": link.deal_id,
            "by": link.created_by,
            "at": link.created_at,
            "expires": link.expires_at,
        },
    )


async def by_fingerprint(session: AsyncSession, fingerprint: bytes) -> Link | None:
    """The link of a token, whatever its state; locked, so that of a visit and a revocation one comes first."""
    return await _one(session, "fingerprint = :key FOR UPDATE", fingerprint)


async def by_id(session: AsyncSession, link_id: UUID) -> Link | None:
    return await _one(session, "link_id = :key FOR UPDATE", link_id)


async def _one(session: AsyncSession, condition: str, key: bytes | UUID) -> Link | None:
    rows = await session.execute(text(f"SELECT {_LINK} FROM buyer_link WHERE {condition}"), {"key": key})  # noqa: S608
    row = rows.mappings().first()
    return Link(**row) if row else None


async def of_deal(session: AsyncSession, deal_id: UUID) -> list[Link]:
    """All links to a deal's plan, the newest first, at most 50."""
    rows = await session.execute(
        text(f"SELECT {_LINK} FROM buyer_link WHERE deal_id = :deal ORDER BY created_at DESC, link_id LIMIT 50"),  # noqa: S608
        {"deal": deal_id},
    )
    return [Link(**row) for row in rows.mappings()]


async def visited(session: AsyncSession, link_id: UUID, *, at: datetime) -> None:
    await session.execute(
        text("UPDATE buyer_link SET visits = visits + 1, visited_at = :at WHERE link_id = :link"),
        {"at": at, "link": link_id},
    )


async def revoke(session: AsyncSession, link_id: UUID, *, by: str, at: datetime) -> None:
    """Revoke a link; one that was revoked stays as it is."""
    await session.execute(
        text("UPDATE buyer_link SET revoked_at = :at, revoked_by = :by WHERE link_id = :link AND revoked_at IS NULL"),
        {"at": at, "by": by, "link": link_id},
    )
