"""Variance by HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from libs.common.web.api import Reading
from libs.common.web.auth import CurrentPrincipal
from services.forecast.readings.endpoints import Asked, Exported
from services.forecast.readings.export import answer
from services.forecast.variance import service
from services.forecast.variance.export import bridge_table
from services.forecast.variance.schemas import Against, VarianceReading

router = APIRouter(prefix="/forecast", tags=["movement"])


@router.get("/variance", response_model=VarianceReading)
async def read_variance(
    session: Reading,
    principal: CurrentPrincipal,
    question: Asked,
    form: Exported,
    against: Annotated[
        Against,
        Query(
            description="the same period a year ago, the one right before, or what the drivers of the plan in force make"
        ),
    ] = "prior_year",
) -> VarianceReading | Response:
    """Why a period brought more or less than another: pipeline, creation, win rate, timing, size, scope and rates, to the cent."""
    found = await service.read(session, question, against=against, principal=principal)
    return answer(bridge_table(found), form) if form else found
