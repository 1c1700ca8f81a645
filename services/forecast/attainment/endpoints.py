"""Attainment by HTTP, and the way from a call over the projection to the quota."""

from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime
from starlette.responses import Response

from libs.common.events.crm import DealType, ValueBasis
from libs.common.web.api import Reading
from libs.common.web.auth import CurrentPrincipal
from services.forecast.attainment import bridged, planned, service
from services.forecast.attainment.export import months_table, nodes_table, reached_table
from services.forecast.attainment.schemas import AttainmentReading, Below, PlanAttainmentReading
from services.forecast.attainment.service import Asking
from services.forecast.organisation.service import Basis
from services.forecast.outlook.reasons import BridgeReading
from services.forecast.plans.schemas import Measure
from services.forecast.readings.endpoints import Exported
from services.forecast.readings.export import answer
from services.forecast.rollup.schemas import Rate

router = APIRouter(prefix="/forecast", tags=["attainment"])
plans_router = APIRouter(prefix="/plans", tags=["plans"])


def _asking(
    period: Annotated[str, Query(max_length=20, description="2026Q4, 2026-11 or FY2026")],
    org: Annotated[UUID | None, Query(description="a unit; without it the caller's own")] = None,
    as_of: Annotated[AwareDatetime | None, Query(description="as valid at this instant")] = None,
    known_at: Annotated[AwareDatetime | None, Query(description="as known at this instant")] = None,
    deal_type: Annotated[DealType | None, Query(description="without it the quotas for all types")] = None,
    value_basis: Annotated[ValueBasis | None, Query(description="without it the organisation's own")] = None,
) -> Asking:
    return Asking(period, org, deal_type, value_basis, as_of, known_at)


Asked = Annotated[Asking, Depends(_asking)]


@router.get("/attainment", response_model=AttainmentReading)
async def read_attainment(
    session: Reading,
    principal: CurrentPrincipal,
    asking: Asked,
    form: Exported,
    organisation: Annotated[
        Basis | None,
        Query(description="today's (is), or as it was; without it: today's for the present, else as it was"),
    ] = None,
    currency: Annotated[str | None, Query(description="ISO 4217; without it the base currency")] = None,
    rate: Annotated[
        Rate,
        Query(description="won deals at the rate set of their fiscal year, or of their booking day; quotas at the set"),
    ] = "constant",
    below: Annotated[Below, Query(description="the nodes right below, or all of them")] = "children",
    table: Annotated[Literal["nodes", "months"], Query(description="what a file carries")] = "nodes",
) -> AttainmentReading | Response:
    """A unit's quota beside what is closed: attainment, gap, the chance to reach it, its parts and its months."""
    wanted = replace(asking, organisation=organisation, currency=currency, rate=rate, below=below)
    reading = await service.read(session, wanted, principal=principal)
    if form is None:
        return reading
    return answer(months_table(reading) if table == "months" else nodes_table(reading), form)


@router.get("/projection/bridge")
async def read_bridge(
    session: Reading,
    principal: CurrentPrincipal,
    asking: Asked,
    target: Annotated[
        Decimal | None, Query(description="an amount that is to be reached; without it the unit's quota, if it has one")
    ] = None,
) -> BridgeReading:
    """From a unit's call to its projection and on to its target. It adds up, level by level."""
    return await bridged.read(session, asking, target=target, principal=principal)


@plans_router.get("/{plan_id}/attainment", response_model=PlanAttainmentReading)
async def read_plan_attainment(
    plan_id: UUID,
    session: Reading,
    principal: CurrentPrincipal,
    form: Exported,
    version: Annotated[
        int | None, Query(ge=1, le=100_000, description="without it the one that held, else the newest")
    ] = None,
    measure: Annotated[Measure, Query(description="what the numbers are of")] = "bookings",
    node: Annotated[UUID | None, Query(description="a node of the plan; without it the root")] = None,
    levels: Annotated[int, Query(ge=0, le=20, description="how far below")] = 1,
    period: Annotated[
        str | None, Query(max_length=20, description="a period of the plan; without it all of it")
    ] = None,
    as_of: Annotated[AwareDatetime | None, Query(description="as valid at this instant")] = None,
    known_at: Annotated[AwareDatetime | None, Query(description="as known at this instant")] = None,
    org: Annotated[Basis | None, Query(description="by today's organisation (is), or as it was")] = None,
) -> PlanAttainmentReading | Response:
    """What the nodes of a plan have closed, will close, and how likely each reaches its target."""
    wanted = planned.Asking(plan_id, version, measure, node, levels, period, as_of, known_at, org)
    reading = await planned.read(session, wanted, principal=principal)
    return reading if form is None else answer(reached_table(reading), form)
