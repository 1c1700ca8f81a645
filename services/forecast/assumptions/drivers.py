"""What a version of a plan states of a unit, as drivers for those who explain what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal
from services.forecast.assumptions import repository
from services.forecast.plans import repository as plans
from services.forecast.plans.content import Content, load
from services.forecast.plans.tree import Tree

DriverMetric = Literal["win_rate", "creation", "size"]
DRIVERS: Final[tuple[DriverMetric, ...]] = ("win_rate", "creation", "size")
OF_PARTS: Final[frozenset[DriverMetric]] = frozenset({"win_rate", "size"})
"""What is said of a unit holds for those below it that say nothing themselves. How many deals a unit creates does not."""
PIPELINE: Final = "pipeline_created"


@dataclass(frozen=True, slots=True)
class Assumed:
    """What is assumed, of which node, and by which assumption."""

    value: Decimal
    of: str
    assumption_id: UUID


@dataclass(frozen=True, slots=True)
class Created:
    """How much pipeline is to be created by a node in the whole period that is asked about: a target of the plan."""

    content: Content
    place: int
    span: int

    @property
    def of(self) -> str:
        return self.content.tree.nodes[self.place].label


@dataclass(frozen=True, slots=True)
class PlanDrivers:
    """What a version states of a unit; money in its currency, `creation` in deals a month. `row`: of the plan with its version.

    `nearest`: how far above the unit the nearest one stands that it speaks of, 0 for the unit itself.
    """

    row: Mapping[str, Any]
    stated: Mapping[DriverMetric, Assumed]
    created: Created | None
    nearest: int


async def of_unit(
    session: AsyncSession,
    units: Sequence[UUID],
    *,
    period: tuple[date, date],
    deal_type: str | None,
    value_basis: str,
    at: datetime | None,
    principal: Principal,
) -> PlanDrivers | None:
    """The drivers of `units[0]`, which the others stand above, by the plans in force that hold for all of the period.

    Of several plans it is the one that speaks of the nearest of these units, and of these that of the greatest unit. What is said of
    a unit beyond the caller's scope is not told. None where none speaks of any.
    """
    holding = await plans.active(session, period=period, deal_type=deal_type, value_basis=value_basis, at=at)
    seen = await _visible(session, units, principal=principal)
    told = [
        await _stated(session, plan, seen, period)
        for plan in holding
        if plan["period_start"] <= period[0] and period[1] <= plan["period_end"]
    ]
    return min((each for each in told if each is not None), key=lambda each: each.nearest, default=None)


async def of_version(
    session: AsyncSession,
    row: Mapping[str, Any],
    units: Sequence[UUID],
    *,
    period: tuple[date, date],
    principal: Principal,
) -> PlanDrivers | None:
    """The same of one version. `row`: its plan, with `version` and `sequence`, which the caller found within scope."""
    return await _stated(session, row, await _visible(session, units, principal=principal), period)


async def _visible(session: AsyncSession, units: Sequence[UUID], *, principal: Principal) -> list[UUID]:
    visible = await plans.within(session, [("unit", unit) for unit in units], principal=principal)
    return [unit for unit in units if ("unit", unit) in visible]


async def _stated(
    session: AsyncSession, row: Mapping[str, Any], units: Sequence[UUID], period: tuple[date, date]
) -> PlanDrivers | None:
    """What a version states of `units[0]`, else of the nearest of those above it."""
    # A plan of a unit above says what it assumes of those below, who may not read the plan: read by the system, cut to the units.
    system = Principal.system("forecast")
    version, sequence = row["version"], row["sequence"]
    content = await load(session, row, version, sequence, row["measures"][0], principal=system)
    places = [(far, place) for far, unit in enumerate(units) if (place := _place_of(content.tree, unit)) is not None]
    rows = await repository.assumptions(session, row["plan_id"], version, principal=system)
    said = {(each["node_id"], each["metric"]): each for each in rows}
    stated: dict[DriverMetric, Assumed] = {}
    distances = []
    for metric in DRIVERS:
        for far, place in places:
            node = content.tree.nodes[place]
            found = said.get((node.node_id, metric))
            if found is not None and (far == 0 or metric in OF_PARTS):
                stated[metric] = Assumed(Decimal(found["expected"]), node.label, found["assumption_id"])
                distances.append(far)
                break
    created = None
    if PIPELINE in row["measures"] and places and places[0][0] == 0:
        wanted = await load(session, row, version, sequence, PIPELINE, principal=system)
        created = _created(wanted, places[0][1], period)
        distances += [0] if created else []
    return PlanDrivers(row, stated, created, min(distances)) if distances else None


def _place_of(tree: Tree, unit: UUID) -> int | None:
    """Where all of a unit stands in a plan. Below a market or a product it is but a part of the unit."""
    for place, node in enumerate(tree.nodes):
        if (node.dimension, node.value) == ("unit", str(unit)) and all(
            tree.nodes[above].dimension == "unit" for above in tree.path(place)
        ):
            return place
    return None


def _created(content: Content, place: int, period: tuple[date, date]) -> Created | None:
    """A node's target of created pipeline in a period; None where the plan has no such period, or nothing for it."""
    for at, span in enumerate(content.spans):
        if (span.start, span.end) == period and content.grid.known[place, at]:
            return Created(content, place, at)
    return None
