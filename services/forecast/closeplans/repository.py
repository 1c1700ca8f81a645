"""The statement that keeps what was told of close plans."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

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


_ENDS = text("""
    SELECT deal_id, p50_on FROM (
        SELECT DISTINCT ON (deal_id) deal_id, p50_on, open_tasks FROM close_plan_version
        WHERE recorded_at <= :known_at AND as_of <= :day ORDER BY deal_id, version DESC
    ) newest WHERE open_tasks > 0 AND p50_on IS NOT NULL
""")


async def ends(session: AsyncSession, *, day: date, known_at: datetime) -> dict[UUID, date]:
    """By deal when half of the cases are done, of plans that had tasks left on a day, as known at an instant."""
    return {row.deal_id: row.p50_on for row in await session.execute(_ENDS, {"day": day, "known_at": known_at})}
