"""The projection by HTTP."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query

from libs.common.web.api import Reading
from libs.common.web.auth import CurrentPrincipal
from services.forecast.outlook import service
from services.forecast.outlook.schemas import PastReading, ProjectionReading
from services.forecast.readings.endpoints import Asked

router = APIRouter(prefix="/forecast", tags=["projection"])


@router.get("/projection")
async def read_projection(
    session: Reading,
    principal: CurrentPrincipal,
    question: Asked,
    target: Annotated[
        Decimal | None, Query(description="an amount: how likely is it that at least this is closed?")
    ] = None,
) -> ProjectionReading:
    """What will be closed won at the period's end: what it is made of, which adds up, and how sure that is."""
    return await service.read(session, question, target=target, principal=principal)


@router.get("/projection/past")
async def read_past(session: Reading, principal: CurrentPrincipal, question: Asked) -> PastReading:
    """The company's last periods of this kind as they would have been called on three days of each, and what came."""
    return await service.past_periods(session, question, principal=principal)
