"""Named queries over the ledger of promises."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.organisation import visible

_APPEND = text("""
    INSERT INTO commitment_entry (entry_id, commitment_id, deal_id, account_id, kind, at, promise, side, owner_id, due, note, author,
                                  request_digest, recorded_at)
    VALUES (:entry_id, :commitment_id, :deal_id, :account_id, :kind, :at, :promise, :side, :owner_id, :due, :note, :author,
            :request_digest, :recorded_at)
""")


async def append(session: AsyncSession, row: Mapping[str, Any]) -> None:
    await session.execute(_APPEND, row)


_DIGEST = text("SELECT request_digest FROM commitment_entry WHERE entry_id = :entry_id")


async def digest_of(session: AsyncSession, entry_id: UUID) -> str | None:
    """The digest of the request that made an entry; None if there is none."""
    found: str | None = await session.scalar(_DIGEST, {"entry_id": entry_id})
    return found


_MADE = text("SELECT * FROM commitment_entry WHERE commitment_id = :commitment_id AND kind = 'made'")


async def made(session: AsyncSession, commitment_id: UUID) -> RowMapping | None:
    """The entry by which a promise was made."""
    return (await session.execute(_MADE, {"commitment_id": commitment_id})).mappings().one_or_none()


_OF = text(
    """
    SELECT e.* FROM commitment_entry e LEFT JOIN deal d ON d.deal_id = e.deal_id
    WHERE (e.deal_id = :deal_id OR e.account_id = :account_id OR d.account_id = :account_id)
      AND (e.deal_id IS NULL OR {visible}) AND e.at <= :as_of AND e.recorded_at <= :known_at
    ORDER BY e.commitment_id, e.at, e.entry_id
    """.replace("{visible}", visible("d.owner_id"))
)


async def of(
    session: AsyncSession,
    scope: Mapping[str, Any],
    *,
    deal_id: UUID | None,
    account_id: UUID | None,
    as_of: datetime,
    known_at: datetime,
) -> list[RowMapping]:
    """All entries of the promises of a deal, or of an account and its deals, within scope."""
    values = {"deal_id": deal_id, "account_id": account_id, "as_of": as_of, "known_at": known_at}
    return list((await session.execute(_OF, values | dict(scope))).mappings())
