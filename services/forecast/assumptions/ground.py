"""History as a lock sees it, counted for the nodes of a plan."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal
from services.forecast.assumptions import counting
from services.forecast.assumptions.counting import Facts
from services.forecast.assumptions.measures import Metric
from services.forecast.config import settings_of
from services.forecast.metrics.formulas.scene import Scene
from services.forecast.metrics.formulas.tidying import in_clean_up
from services.forecast.organisation.service import Basis
from services.forecast.plans import service as plans
from services.forecast.plans.content import Content
from services.forecast.plans.service import Found
from services.forecast.readings.asked import Asked, Filters, Question
from services.forecast.readings.service import decide

Result = TypeVar("Result")


@dataclass(frozen=True)
class Ground:
    """A version of a plan and the deals that it is of, at an instant. `day`: the local one."""

    found: Found
    content: Content
    asked: Asked
    zone: ZoneInfo

    @property
    def day(self) -> date:
        return self.asked.business_date.day

    @property
    def start(self) -> date:
        start: date = self.found.row["period_start"]
        return start

    @property
    def end(self) -> date:
        end: date = self.found.row["period_end"]
        return end

    def place(self, node_id: UUID) -> int:
        """Where a node stands. Raises NotOfThisPlan."""
        return plans.place_of(self.content, node_id)


async def ground(
    session: AsyncSession,
    found: Found,
    *,
    as_of: datetime | None = None,
    known_at: datetime | None = None,
    organisation: Basis = "is",
    principal: Principal,
) -> Ground:
    """The deals of a plan's unit, type and basis as valid and known then, in the organisation of then (`was`) or of today."""
    content = await plans.content(session, found, found.row["measures"][0], principal=principal)
    question = Question(
        found.row["period_key"],
        found.row["unit_id"],
        as_of=as_of,
        known_at=known_at,
        filters=Filters(deal_type=found.row["deal_type"], value_basis=found.row["value_basis"]),
        organisation=organisation,
    )
    asked = await decide(session, question, principal=principal, from_history=True)
    return Ground(found, content, asked, ZoneInfo(settings_of(session).org_timezone))


async def counted(on: Ground, work: Callable[[dict[Metric, Facts]], Result]) -> Result:
    """What `work` makes of the facts, beside the event loop."""

    def worked() -> Result:
        asked = on.asked
        assert asked.past is not None  # noqa: S101 - it was asked from history
        scene = Scene(asked.past.population, asked.as_of, asked.known_at, asked.period, on.day, asked.calendar, on.zone)
        found = counting.facts(
            asked.past.population, in_clean_up(scene), on.content.tree, asked.past.organisation, on.zone
        )
        return work(dict(found))

    return await asyncio.to_thread(worked)
