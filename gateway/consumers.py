"""The event door: which events come in, and the one call each leads to."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.writeback import service as writeback
from libs.common import crash
from libs.common.events.base import EventData, Received
from libs.common.events.deals import EditWanted
from libs.common.messaging.applier import Handler
from libs.common.web.auth import Principal

SELF = Principal.system("gateway")


async def on_edit(session: AsyncSession, events: Sequence[Received[EditWanted]]) -> None:
    await writeback.take(session, events, principal=SELF)
    crash.point("gateway.applied_not_committed")


HANDLERS: Mapping[type[EventData], Handler] = {EditWanted: on_edit}
