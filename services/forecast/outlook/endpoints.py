"""The projection by HTTP."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime
from starlette.responses import Response

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.idempotency import IdempotencyKey
from services.forecast.outlook import answering, months, moved, service, supposed
from services.forecast.outlook.answering import AnswersIn, SetupOut
from services.forecast.outlook.export import months_table
from services.forecast.outlook.months import By
from services.forecast.outlook.moved import Since
from services.forecast.outlook.reasons import DealMovedReading, MovedReading
from services.forecast.outlook.schemas import (
    MonthsReading,
    NeededReading,
    PastReading,
    ProjectionReading,
    SupposedReading,
)
from services.forecast.readings.endpoints import Asked, Exported
from services.forecast.readings.export import answer

Target = Annotated[Decimal | None, Query(description="an amount: how likely is it that at least this is closed?")]

router = APIRouter(prefix="/forecast", tags=["projection"])


@router.get("/projection")
async def read_projection(
    session: Reading,
    principal: CurrentPrincipal,
    question: Asked,
    target: Target = None,
) -> ProjectionReading:
    """What will be closed won at the period's end: what it is made of, which adds up, and how sure that is."""
    return await service.read(session, question, target=target, principal=principal)


@router.get("/projection/what-if")
async def read_what_if(
    session: Reading,
    principal: CurrentPrincipal,
    question: Asked,
    suppose: Annotated[
        list[str] | None,
        Query(
            description="taken one after the other: won:<deal>[:<amount>], lost:<deal>, moved:<deal>:<date>, "
            "added:<amount>[:<chance>], without:<number of largest>, pace:<factor>, creation:<factor>"
        ),
    ] = None,
    target: Target = None,
) -> SupposedReading:
    """What the projection becomes with what is supposed, and how much each supposition changes."""
    return await supposed.read(session, question, suppose or [], target=target, principal=principal)


@router.get("/projection/needed")
async def read_needed(
    session: Reading,
    principal: CurrentPrincipal,
    question: Asked,
    target: Annotated[Decimal, Query(ge=0, max_digits=20, description="an amount that should be closed")],
    wanted: Annotated[float, Query(gt=0, lt=1, description="how likely that should be")] = 0.8,
) -> NeededReading:
    """What would have to be true: deals won, a pace of wins or a creation, of which each alone makes the target so likely."""
    return await supposed.needed(session, question, target=target, wanted=wanted, principal=principal)


@router.get("/setup")
async def read_setup(session: Reading, principal: CurrentPrincipal) -> SetupOut:
    """The four questions at set-up: what was answered, and what history says."""
    return await answering.read(session, principal=principal)


@router.post("/setup", status_code=201)
async def answer_setup(
    wanted: AnswersIn,
    session: Transaction,
    principal: CurrentPrincipal,
    idempotency_key: IdempotencyKey = None,
) -> SetupOut:
    """Answer them; the answers hold from now on, until history knows better."""
    return await answering.give(session, wanted, idempotency_key=idempotency_key, principal=principal)


@router.get("/projection/past")
async def read_past(session: Reading, principal: CurrentPrincipal, question: Asked) -> PastReading:
    """The company's last periods of this kind as they would have been called on three days of each, and what came."""
    return await service.past_periods(session, question, principal=principal)


@router.get("/projection/months", response_model=MonthsReading)
async def read_months(
    session: Reading,
    principal: CurrentPrincipal,
    question: Asked,
    form: Exported,
    by: Annotated[By, Query(description="the parts: units right below, owners, markets or products")] = "unit",
) -> MonthsReading | Response:
    """What every part will bring in each of twelve months, from the one that is not over: parts, range, wins. `period` is not used.

    JSON, or a file.
    """
    reading = await months.read(session, question, by, principal=principal)
    return answer(months_table(reading), form) if form else reading


def _since(
    since: Annotated[
        AwareDatetime | None, Query(description="the start, as valid then; without it a week before the end")
    ] = None,
    since_known_at: Annotated[
        AwareDatetime | None,
        Query(description="the start, as known then; without it as known at `since`, or when its history was imported"),
    ] = None,
) -> Since:
    return Since(since, since_known_at)


Started = Annotated[Since, Depends(_since)]


@router.get("/projection/moved")
async def read_moved(
    session: Reading,
    principal: CurrentPrincipal,
    question: Asked,
    since: Started,
    limit: Annotated[int, Query(ge=1, le=100, description="deals that are itemised")] = 10,
) -> MovedReading:
    """Why the projection moved: the terms add up to the cent. `as_of` and `known_at` are the end."""
    return await moved.read(session, question, since, limit=limit, principal=principal)


@router.get("/projection/deals/{deal_id}/moved")
async def read_deal_moved(
    session: Reading, principal: CurrentPrincipal, question: Asked, since: Started, deal_id: UUID
) -> DealMovedReading:
    """Which terms moved one deal's chance and what it adds; they add up."""
    return await moved.of_deal(session, question, since, deal_id, principal=principal)
