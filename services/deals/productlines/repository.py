"""The lines of quotes, as pricing told them."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_LEADS = text("SELECT lead_id FROM lead_link WHERE deal_id = :deal_id ORDER BY lead_id")


async def leads_of(session: AsyncSession, deal_id: UUID) -> list[UUID]:
    """The leads that a deal was linked to: quotes of their provisional deals are its own."""
    return list((await session.scalars(_LEADS, {"deal_id": deal_id})).all())


_QUOTE = text("""
    SELECT payload::text FROM deal_input
    WHERE deal_id = ANY(CAST(:deals AS uuid[])) AND kind = 'quote' AND payload ->> 'quote_id' = CAST(:quote_id AS text)
    ORDER BY valid_from DESC, CAST(payload ->> 'version' AS integer) DESC LIMIT 1
""")


async def quote(session: AsyncSession, deals: Collection[UUID], quote_id: UUID) -> dict[str, Any] | None:
    """The newest state of a quote of these deals, which the caller found within scope."""
    found = await session.scalar(_QUOTE, {"deals": list(deals), "quote_id": str(quote_id)})
    return None if found is None else orjson.loads(found)
