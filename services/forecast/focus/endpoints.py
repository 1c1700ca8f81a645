"""Focus by HTTP."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from libs.common.events.crm import DealType, ValueBasis
from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.idempotency import IdempotencyKey
from services.forecast.attainment.service import Asking
from services.forecast.focus import service, statements
from services.forecast.focus.export import focus_table
from services.forecast.focus.schemas import (
    AssumptionsIn,
    AssumptionsOut,
    FocusReading,
    StatementIn,
    StatementOut,
    Whose,
)
from services.forecast.readings.endpoints import Exported
from services.forecast.readings.export import answer

router = APIRouter(prefix="/forecast/focus", tags=["focus"])


@router.get("", response_model=FocusReading)
async def read_focus(
    session: Reading,
    principal: CurrentPrincipal,
    form: Exported,
    period: Annotated[str, Query(max_length=20, description="2026Q4, 2026-11 or FY2026")],
    org: Annotated[UUID | None, Query(description="a unit; without it the caller's own")] = None,
    deal_type: Annotated[DealType | None, Query(description="without it all types")] = None,
    value_basis: Annotated[ValueBasis | None, Query(description="without it the organisation's own")] = None,
    hours: Annotated[Decimal, Query(gt=0, le=100_000, max_digits=10, description="hours that there are")] = Decimal(12),
    whose: Annotated[Whose, Query(description="one reader's for all deals, or each owner's own")] = "together",
) -> FocusReading | Response:
    """The open deals on which an hour of attention is worth most, which of them fit into the hours, and why."""
    asking = Asking(period, org, deal_type, value_basis)
    reading = await service.read(session, asking, hours=hours, whose=whose, principal=principal)
    return answer(focus_table(reading), form) if form else reading


@router.post("/assumptions")
async def set_assumptions(
    wanted: AssumptionsIn,
    session: Transaction,
    principal: CurrentPrincipal,
    idempotency_key: IdempotencyKey = None,
) -> AssumptionsOut:
    """Say what is assumed of attention from now on: uplift, hours, weights, tiers. Sales ops or CSO."""
    return await statements.assume(session, wanted, idempotency_key=idempotency_key, principal=principal)


@router.post("/deals/{deal_id}")
async def say_of_deal(
    deal_id: UUID,
    wanted: StatementIn,
    session: Transaction,
    principal: CurrentPrincipal,
    idempotency_key: IdempotencyKey = None,
) -> StatementOut:
    """Say what a deal takes in hours, and what winning it would serve for."""
    return await statements.say(session, deal_id, wanted, idempotency_key=idempotency_key, principal=principal)
