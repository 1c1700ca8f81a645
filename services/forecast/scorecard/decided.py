"""Decisions about plans on a scorecard, and how earlier ones turned out, as both were known when the month was closed."""

from datetime import timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.calendar import Period
from libs.common.web.auth import Principal
from services.forecast.reviews import service as reviews
from services.forecast.scorecard.document import Decided
from services.forecast.scorecard.sales import Instants

BACK: Final = timedelta(days=366)
"""Decisions of the year before the month's end are shown."""
NONE: Final = "No review has recorded a decision within a year."


async def read(session: AsyncSession, month: Period, instants: Instants, *, principal: Principal) -> list[Decided]:
    """Decisions of the last year, the newest first. What was scored after the month was closed stands on the next one."""
    found = await reviews.decisions(session, plan_id=None, at=instants.known_at, principal=principal)
    since = month.end - BACK
    return [
        Decided.model_validate(
            {name: getattr(each, name) for name in Decided.model_fields if name != "line"}
            | {"line": f"decision.{each.review_id}"}
        )
        for each in found.items
        if each.decided_at.date() >= since
    ]
