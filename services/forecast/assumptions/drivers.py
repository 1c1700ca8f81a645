"""What plans in force assume of a unit, as drivers for those who explain what came of it."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal
from services.forecast.assumptions import repository
from services.forecast.assumptions.measures import Metric
from services.forecast.plans import repository as plans
from services.forecast.plans.content import load

DRIVERS: Final[tuple[Metric, ...]] = ("win_rate", "creation", "size")


@dataclass(frozen=True, slots=True)
class PlanDrivers:
    """What a plan states of a unit; money in its currency, `creation` in deals a month."""

    plan_id: UUID
    version: int
    name: str
    currency: str
    stated: dict[Metric, Decimal]


async def of_unit(
    session: AsyncSession,
    unit: UUID,
    *,
    period: tuple[date, date],
    deal_type: str | None,
    value_basis: str,
    at: datetime | None,
    principal: Principal,  # noqa: ARG001 - the caller has found the unit within scope; the plan may be of a unit above
) -> PlanDrivers | None:
    """The drivers that the plan of the greatest unit states of this one, among those in force that hold for all of the period.

    None where no such plan states any.
    """
    holding = await plans.active(session, period=period, deal_type=deal_type, value_basis=value_basis, at=at)
    # A plan of a unit above says what it assumes of those below, who may not read the plan: read by the system, cut to the unit.
    system = Principal.system("forecast")
    for plan in holding:
        if not (plan["period_start"] <= period[0] and period[1] <= plan["period_end"]):
            continue
        content = await load(session, plan, plan["version"], plan["sequence"], plan["measures"][0], principal=system)
        nodes = {node.node_id for node in content.tree.nodes if (node.dimension, node.value) == ("unit", str(unit))}
        rows = await repository.assumptions(session, plan["plan_id"], plan["version"], principal=system)
        stated = {
            row["metric"]: Decimal(row["expected"])
            for row in rows
            if row["node_id"] in nodes and row["metric"] in DRIVERS
        }
        if stated:
            return PlanDrivers(plan["plan_id"], plan["version"], plan["name"], plan["currency"], stated)
    return None
