"""Names of people for the pages; events and services know ids only."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.people import service as people
from libs.common.web.auth import Principal


async def names_of(session: AsyncSession, ids: Collection[UUID], *, principal: Principal) -> Mapping[UUID, str]:
    """Names of those whom the people directory knows; the others are missing."""
    return await people.names(session, ids, principal=principal)
