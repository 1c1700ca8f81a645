"""Who the ids in events and readings are. Names stay here; pages join them at the edge."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal, require

READERS = ("viewer", "seller", "manager", "sales_ops", "finance", "cso", "ceo")


async def names(session: AsyncSession, ids: Collection[UUID], *, principal: Principal) -> dict[UUID, str]:
    """The known names of these people: CRM users and persons of leads. Unknown ids are left out."""
    require(principal, *READERS)
    if not ids:
        return {}
    found = await session.execute(
        text("SELECT id, name FROM person WHERE id = ANY(:ids) AND name <> ''"), {"ids": list(ids)}
    )
    return {row.id: row.name for row in found}
