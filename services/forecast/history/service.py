"""A deal's history by two clocks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock, organisation
from libs.common.messaging.topics import Topic
from libs.common.web.auth import Principal
from libs.common.web.errors import NotFound
from services.forecast.config import settings_of
from services.forecast.history import repository
from services.forecast.history.schemas import HistoryReading, VersionOut


class UnknownDeal(NotFound):
    """No deal of this id, or none that the caller may see."""


async def read(
    session: AsyncSession, deal_id: UUID, *, as_of: datetime | None, known_at: datetime | None, principal: Principal
) -> HistoryReading:
    """The deal's entries up to both instants (now, if None). Raises UnknownDeal."""
    now = clock.now()
    await require_visible(session, deal_id, principal=principal)
    until, known = as_of or now, known_at or now
    versions = [
        VersionOut.model_validate({name: row[name] for name in VersionOut.model_fields})
        for row in await repository.versions(
            session, deal_id, as_of=until, known_at=known, calendar=settings_of(session).calendar
        )
    ]
    return HistoryReading(
        deal_id=deal_id, as_of=until, known_at=known, current=versions[-1] if versions else None, versions=versions
    )


async def has_arrived(session: AsyncSession, topic: Topic, at: datetime) -> bool:
    """Whether all that the owner of a topic recorded by an instant is here; True of a topic of which nobody was ever heard."""
    arrived = await repository.recorded_to(session, topic.name, topic.partitions)
    return arrived is None or arrived >= at


async def require_visible(session: AsyncSession, deal_id: UUID, *, principal: Principal) -> None:
    """Raise UnknownDeal unless the principal may see this deal."""
    if not await repository.is_visible(session, deal_id, organisation.scope_parameters(principal)):
        raise UnknownDeal(f"There is no deal {deal_id} here, or you may not see it.")


async def entries(session: AsyncSession, names: Sequence[tuple[UUID, int]]) -> dict[tuple[UUID, int], dict[str, Any]]:
    """Entries of deals' timelines by deal and version, for deals whose rows the caller has found within its scope."""
    return await repository.entries(session, names)
