"""Movement by HTTP. Each is JSON, or a file by `format=csv` or `format=parquet`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime
from starlette.responses import Response

from libs.common.web.api import Reading
from libs.common.web.auth import CurrentPrincipal
from services.forecast.movement import service
from services.forecast.movement.export import movement_table, steps_table
from services.forecast.movement.schemas import Mode, MovementReading, Side, StepsReading
from services.forecast.movement.service import Asking
from services.forecast.readings.endpoints import Asked, Exported
from services.forecast.readings.export import answer

router = APIRouter(prefix="/forecast", tags=["movement"])

EXPORT_LIMIT = 100_000


def _asking(
    question: Asked,
    since: Annotated[
        AwareDatetime | None, Query(description="the start, as valid then; without it a week before the end")
    ] = None,
    since_known_at: Annotated[
        AwareDatetime | None,
        Query(description="the start, as known then; without it as known at `since`, or when its history was imported"),
    ] = None,
    mode: Annotated[Mode, Query(description="each deal once by both its ends, or every step on the way")] = "ends",
) -> Asking:
    return Asking(question, since, since_known_at, mode)


Moved = Annotated[Asking, Depends(_asking)]


@router.get("/movement", response_model=MovementReading)
async def read_movement(
    session: Reading, principal: CurrentPrincipal, asking: Moved, form: Exported
) -> MovementReading | Response:
    """Why a period's forecast moved; the terms add up to the cent. `as_of` and `known_at` are the end."""
    reading = await service.read(session, asking, principal=principal)
    return answer(movement_table(reading), form) if form else reading


@router.get("/movement/steps", response_model=StepsReading)
async def read_steps(
    session: Reading,
    principal: CurrentPrincipal,
    asking: Moved,
    form: Exported,
    side: Side = "open",
    term: Annotated[str | None, Query(description="created, won, pushed_out, ...; without it all terms")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> StepsReading | Response:
    """The deals behind a term, greatest first, each with the entries before and after and the delivery that caused it."""
    size = EXPORT_LIMIT if form else limit
    reading = await service.steps(session, asking, side=side, term=term, limit=size, principal=principal)
    return answer(steps_table(reading), form) if form else reading
