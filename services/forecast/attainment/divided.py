"""What the plans in force want of markets or products in a month, and what is closed where they want it."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import money
from libs.common.calendar import Period
from libs.common.web.auth import ROLES, Principal, require
from services.forecast.attainment.targets import OfPlans
from services.forecast.config import settings_of
from services.forecast.plans import facts, holding
from services.forecast.plans.content import Content
from services.forecast.plans.crediting import credited
from services.forecast.plans.tree import Tree
from services.forecast.readings.asked import Asked, Filters, Question
from services.forecast.readings.service import decide

Dimension = Literal["market", "product"]
DIMENSIONS: Final[tuple[Dimension, ...]] = ("market", "product")


async def wanted(
    session: AsyncSession, month: Period, *, value_basis: str, as_of: datetime, known_at: datetime, principal: Principal
) -> Mapping[Dimension, Mapping[str, OfPlans]]:
    """By dimension and value, of the plans of all types of deals that held at an instant.

    Of one dimension the plan of the greatest unit speaks for all below it. A part of a plan that stands within a unit is credited
    with that unit's deals alone, so what is closed may be less than the value closed altogether.
    """
    require(principal, *ROLES)
    plans = await holding.contents(session, period=(month.start, month.end), value_basis=value_basis, at=as_of)
    found: dict[Dimension, dict[str, OfPlans]] = {dimension: {} for dimension in DIMENSIONS}
    spoken: dict[Dimension, set[UUID]] = defaultdict(set)
    for plan, content in plans:
        at = next(
            (at for at, span in enumerate(content.spans) if (span.start, span.end) == (month.start, month.end)), None
        )
        if at is None:
            continue
        question = Question(
            period=month.key,
            org=plan["unit_id"],
            as_of=as_of,
            known_at=known_at,
            filters=Filters(value_basis=value_basis),
        )
        asked = await decide(session, question, principal=principal, from_history=True)
        done = await _done(session, asked, content, month)
        for dimension in DIMENSIONS:
            places = [each for each in leaves(content.tree, dimension) if content.grid.known[each, at]]
            if not places or spoken[dimension] & set(plan["above"]):
                continue
            spoken[dimension].add(plan["unit_id"])
            for place in places:
                target = asked.rates.convert(
                    content.amount(int(content.grid.amount[place, at])), content.currency, month.start
                )
                if target is not None:
                    _add(found[dimension], content.tree.nodes[place].value, target, done[place])
    return found


def leaves(tree: Tree, dimension: Dimension) -> list[int]:
    """The places of a dimension that are not divided by it once more."""
    return [
        place
        for place, node in enumerate(tree.nodes)
        if node.dimension == dimension
        and not any(tree.nodes[child].dimension == dimension for child in tree.children.get(place, ()))
    ]


async def _done(session: AsyncSession, asked: Asked, content: Content, month: Period) -> Sequence[Decimal]:
    """What is closed of each part of a plan in a month."""
    past, zone = asked.past, ZoneInfo(settings_of(session).org_timezone)
    assert past is not None  # noqa: S101 - it was asked from history
    places = money.exponent(asked.rates.base)

    def worked() -> Any:
        did = facts.happened(holding.BOOKINGS, past.population, zone)
        nodes = credited(content.tree, past.organisation, past.population.columns, did.rows, did.owner)
        return facts.by_period(content.tree, nodes, did, [(month.start, month.end)])

    units = await asyncio.to_thread(worked)
    return [Decimal(int(each)).scaleb(-places) for each in units[:, 0]]


def _add(found: dict[str, OfPlans], value: str, target: Decimal, closed: Decimal) -> None:
    known = found.get(value, OfPlans(Decimal(), Decimal()))
    found[value] = OfPlans(known.target + target, known.closed + closed)
