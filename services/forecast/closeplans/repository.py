"""The statement that keeps what was told of close plans."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Received
from libs.common.events.deals import ClosePlanMoved


async def append(session: AsyncSession, events: Sequence[Received[ClosePlanMoved]]) -> None:
    """Keep versions; one that is known already stays as it is."""
    fields = ("deal_id", "version", "as_of", "open_tasks", "p50_on", "p80_on")
    await session.execute(
        text(
            """
            INSERT INTO close_plan_version (deal_id, version, as_of, open_tasks, p50_on, p80_on, recorded_at)
            VALUES (:deal_id, :version, :as_of, :open_tasks, :p50_on, :p80_on, :recorded_at) ON CONFLICT DO NOTHING
            """
        ),
        [{name: getattr(each.data, name) for name in fields} | {"recorded_at": each.recorded_at} for each in events],
    )
