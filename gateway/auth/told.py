"""What people and programs may do, as it is told to the services."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.auth import repository
from libs.common import clock
from libs.common.events.crm import CrmRightsChanged
from libs.common.ids import entity_id
from libs.common.messaging import outbox
from libs.common.web.auth import Principal


def key_of(name: str) -> UUID:
    """The aggregate of what a program's keys of one name may do."""
    return entity_id("foretell", "api_key", name)


async def tell_rights(session: AsyncSession, key: UUID, principal: Principal, *, at: datetime) -> None:
    """Tell what somebody may do now: what they delegated to others goes no further than that."""
    version = clock.to_millis(at)
    event = CrmRightsChanged(
        subject=principal.subject, version=version, roles=tuple(sorted(principal.roles)), scope=principal.scope
    )
    outbox.add(session, event, key=key, version=version, occurred_at=at)
    await repository.keep_told(session, [principal.subject])
