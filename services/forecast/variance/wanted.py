"""What a plan states of the drivers of a bridge, in the units of the bridge."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import money
from libs.common.web.auth import Principal
from libs.common.web.errors import Conflict
from services.forecast.assumptions import drivers
from services.forecast.assumptions.drivers import Created, PlanDrivers
from services.forecast.assumptions.measures import MONTH_DAYS
from services.forecast.attainment.reached import Node, Stand, wanted_to_date
from services.forecast.plans.spans import months_of
from services.forecast.rates.conversion import Rates
from services.forecast.readings.asked import Asked
from services.forecast.variance.drivers import Driver, Said
from services.forecast.variance.shown import Side


class NoDrivers(Conflict):
    """No plan in force states drivers of the unit for the period."""


async def in_force(session: AsyncSession, after: Asked, *, principal: Principal) -> PlanDrivers:
    """What plans in force state of the unit, or of those above it. Raises NoDrivers."""
    found = None
    if not _others(after):
        found = await drivers.of_unit(
            session,
            _units(after),
            period=(after.period.start, after.period.end),
            deal_type=after.filters.deal_type,
            value_basis=str(after.filters.value_basis),
            at=after.as_of,
            principal=principal,
        )
    if found is None:
        raise none_of(after)
    return found


async def of_version(
    session: AsyncSession, row: Mapping[str, Any], after: Asked, *, principal: Principal
) -> PlanDrivers | None:
    """What one version states of the unit and period that are asked about."""
    period = (after.period.start, after.period.end)
    return await drivers.of_version(session, row, _units(after), period=period, principal=principal)


def none_of(after: Asked) -> NoDrivers:
    """That there is nothing to compare with."""
    others = _others(after)
    return NoDrivers(
        f"against: no plan in force assumes a win rate, creation or size of {after.org.name} in {after.period.key}"
        + (f" by {', '.join(others)}" if others else "")
        + "; state them in the plan, or compare with prior_year."
    )


def _others(after: Asked) -> list[str]:
    """What the question asks about that no plan is of."""
    filters = asdict(after.filters)
    return [name for name, value in filters.items() if value is not None and name not in ("deal_type", "value_basis")]


def _units(after: Asked) -> list[UUID]:
    """The unit and those above it, the nearest first."""
    if after.past is None:
        raise ValueError("a variance is read from history")
    return after.past.organisation.path(after.org.unit_id)[::-1]


def said(plan: PlanDrivers | None, after: Asked, before: Side, *, until: date, rates: Rates) -> dict[Driver, Said]:
    """The plan's drivers as a bridge counts them; what has no rate, or cannot be counted, is left out.

    Creation is of the days that are compared: so many a month as the plan assumes, or as many as make the pipeline that it wants by
    then if each is worth what one of the earlier period was.
    """
    if plan is None:
        return {}
    found: dict[Driver, Said] = {}
    days = Fraction(max(0, (until - after.period.start).days))
    for name, its in plan.stated.items():
        value: Fraction | None = Fraction(its.value)
        if name == "creation":
            value = Fraction(its.value) * days / Fraction(MONTH_DAYS)
        elif name == "size":
            value = _minor(its.value, plan, after, rates)
        if value is not None:
            found[name] = Said(value, its.value, name, its.of, its.assumption_id)
    if "creation" not in found and plan.created is not None:
        pipeline = _to_date(plan.created, until)
        units = None if pipeline is None else _minor(pipeline, plan, after, rates)
        if pipeline is not None and units is not None and before.pipeline > 0:
            deals = units * before.counted.created.there / before.pipeline
            found["creation"] = Said(deals, pipeline, "pipeline_created", plan.created.of)
    return found


def _minor(value: Decimal, plan: PlanDrivers, after: Asked, rates: Rates) -> Fraction | None:
    """Money of the plan in minor units of the bridge; None without a rate."""
    worth = rates.convert(value, plan.row["currency"], after.period.start)
    return None if worth is None else Fraction(worth.scaleb(money.exponent(rates.base)))


def _to_date(created: Created, until: date) -> Decimal | None:
    """What of the target lies in the days before `until`, as the plan's attainment counts it."""
    months = months_of(created.content.spans, created.span)
    stand = Stand(np.zeros((0, 0), dtype=np.int64), months, until)
    return wanted_to_date(Node(created.content, created.place, created.span), stand)
