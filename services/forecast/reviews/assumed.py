"""What a plan takes for granted, as reviews see it: how each assumption stands, and which break calls for a review."""

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal
from services.forecast.assumptions import breaks, reading
from services.forecast.assumptions.schemas import AssumptionOut
from services.forecast.plans.service import Found
from services.forecast.reviews.causes import Trigger
from services.forecast.reviews.document import Assumed


async def standing(session: AsyncSession, found: Found, *, principal: Principal) -> list[Assumed]:
    """The assumptions of a version as the newest lock left them, broken ones first."""
    told = await reading.shown(session, found, principal=principal)
    return [
        Assumed(
            assumption_id=each.assumption_id,
            text=_said(each, told.currency),
            state=each.state,
            is_critical=each.criticality == "critical",
        )
        for each in told.items
    ]


async def broken(session: AsyncSession, *, principal: Principal) -> list[Trigger]:
    """Critical assumptions of plans in force that are broken, as often as asked."""
    return [
        Trigger("assumption", each.plan_id, each.assumption_id, each.text, each.since)
        for each in await breaks.critical_breaks(session, principal=principal)
    ]


def _said(assumption: AssumptionOut, currency: str) -> str:
    """What is expected, and what was seen of how many cases."""
    expected, seen = breaks.number(assumption.metric, assumption.expected, currency), assumption.seen
    said = f"{assumption.label} of {assumption.path[-1]}: {expected} ± {assumption.tolerance:.0%} expected"
    if seen is None or seen.value is None:
        return said
    return f"{said}, {breaks.number(assumption.metric, seen.value, currency)} seen of {seen.cases} cases"
