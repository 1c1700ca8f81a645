"""Comparisons with CRMs on their way to those who listen to deals only."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Cause, Received
from libs.common.events.crm import CrmDealsCompared
from libs.common.events.deals import DealsCompared
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require


async def hand_on(session: AsyncSession, events: Sequence[Received[CrmDealsCompared]], *, principal: Principal) -> None:
    """Tell each comparison again among the events of deals, with a recording time of this service."""
    require(principal, "system")
    await outbox.stamp(session)
    for each in events:
        outbox.add(
            session,
            DealsCompared.model_validate(each.data.model_dump()),
            key=each.key,
            version=each.aggregate_version,
            occurred_at=each.occurred_at,
            cause=Cause(connection=each.data.connection, event=each.id),
        )
