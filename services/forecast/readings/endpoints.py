"""Readings by HTTP. Each is JSON, or a file by `format=csv`, `format=parquet` or the `Accept` header."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime
from starlette.responses import Response

from libs.common.events.crm import DealType, ValueBasis
from libs.common.web.api import Reading
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.errors import TooLarge
from services.forecast.organisation.service import Basis
from services.forecast.readings import call, pipeline, planned
from services.forecast.readings.asked import Filters, Question
from services.forecast.readings.call import Behind
from services.forecast.readings.export import Form, answer, deals_table, pipeline_table, rollup_table
from services.forecast.readings.figures import Only
from services.forecast.readings.schemas import ClosePlansReading, PipelineReading
from services.forecast.rollup.schemas import By, CallReading, DealsReading, Rate, RollupReading

router = APIRouter(prefix="/forecast", tags=["readings"])

EXPORT_LIMIT = 100_000

Period = Annotated[str | None, Query(description="2026Q4, 2026-11 or FY2026; without it the current quarter")]
ACCEPTED: dict[str, Form] = {"text/csv": "csv", "application/vnd.apache.parquet": "parquet"}
Format = Annotated[Literal["json", "csv", "parquet"] | None, Query(alias="format")]


class ExportTooLarge(TooLarge):
    """More deals than one export carries."""


def _question(
    period: Period = None,
    org: Annotated[UUID | None, Query(description="a unit of the organisation; narrows what you may see")] = None,
    day: Annotated[
        date | None, Query(alias="date", description="business date; overdue and carried over depend on it")
    ] = None,
    as_of: Annotated[AwareDatetime | None, Query(description="as valid at this instant")] = None,
    known_at: Annotated[AwareDatetime | None, Query(description="as known at this instant")] = None,
    deal_type: DealType | None = None,
    value_basis: ValueBasis | None = None,
    owner: UUID | None = None,
    region: str | None = None,
    market: str | None = None,
    product: str | None = None,
    segment: str | None = None,
    stage: str | None = None,
    organisation: Annotated[
        Basis | None,
        Query(description="today's (is), or as it was; without it: today's for the present, else as it was"),
    ] = None,
    currency: Annotated[str | None, Query(description="ISO 4217; without it the base currency")] = None,
    rate: Annotated[
        Rate, Query(description="won deals at the rate set of their fiscal year, or at the rate of their booking day")
    ] = "constant",
) -> Question:
    filters = Filters(deal_type, value_basis, owner, region, market, product, segment, stage)
    return Question(period, org, day, as_of, known_at, filters, organisation, currency, rate)


Asked = Annotated[Question, Depends(_question)]


def _exported(request: Request, form: Format = None) -> Form | None:
    """As which file the answer leaves, if as one."""
    if form is not None:
        return None if form == "json" else form
    accepted = request.headers.get("accept", "").split(",")[0].partition(";")[0].strip()
    return ACCEPTED.get(accepted)


Exported = Annotated[Form | None, Depends(_exported)]


@router.get("/rollup", response_model=RollupReading)
async def read_rollup(
    session: Reading, principal: CurrentPrincipal, question: Asked, form: Exported, by: By = "category"
) -> RollupReading | Response:
    """The forecast of a period, cut by one dimension; the rows add up to the totals, to the cent."""
    reading = await call.rollup(session, question, by=by, principal=principal)
    return answer(rollup_table(reading), form) if form else reading


@router.get("/call")
async def read_call(session: Reading, principal: CurrentPrincipal, question: Asked) -> CallReading:
    """Everything the Call page shows of a period and a unit, from one snapshot."""
    return await call.call(session, question, principal=principal)


@router.get("/pipeline", response_model=PipelineReading)
async def read_pipeline(
    session: Reading, principal: CurrentPrincipal, question: Asked, form: Exported
) -> PipelineReading | Response:
    """What is open of a period and a unit: by stage and line, by close month, and what in it needs care."""
    reading = await pipeline.read(session, question, principal=principal)
    return answer(pipeline_table(reading), form) if form else reading


@router.get("/close-plans")
async def read_close_plans(session: Reading, principal: CurrentPrincipal, question: Asked) -> ClosePlansReading:
    """What of the open deals of a period would close after it by their close plans, line by line, as of now."""
    return await planned.read(session, question, principal=principal)


@router.get("/deals", response_model=DealsReading)
async def read_deals(
    session: Reading,
    principal: CurrentPrincipal,
    question: Asked,
    form: Exported,
    line: Annotated[
        Behind | None,
        Query(
            description="a line, or open deals of the period's lines: all of them (open), past their close date (overdue), "
            "without a known amount (unpriced), put off three times or more (pushed); without it all lines of the forecast"
        ),
    ] = None,
    only: Annotated[
        Only | None, Query(description="of these deals those of which something is known, or not: see `receipt`")
    ] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> DealsReading | Response:
    """The deals behind a number, greatest first, with its receipt; `total` is the number itself. A file carries all of them."""
    size = EXPORT_LIMIT if form else limit
    reading = await call.deals(
        session, question, line=line, only=only, cursor=None if form else cursor, limit=size, principal=principal
    )
    if form is None:
        return reading
    if reading.next_cursor is not None:
        raise ExportTooLarge(
            f"{reading.total.count} deals are more than one export carries ({EXPORT_LIMIT}); narrow it."
        )
    return answer(deals_table(reading, reading.items), form)
