"""Price realisation by HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from libs.common.web.api import Reading
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.downloads import csv_file
from services.pricing.realisation import service
from services.pricing.realisation.schemas import MonthOut, RealisationOut

router = APIRouter(prefix="/price-realisation", tags=["realisation"])

Word = Annotated[str | None, Query(min_length=1, max_length=100)]
Currency = Annotated[str | None, Query(min_length=3, max_length=3)]
Months = Annotated[int, Query(ge=1, le=60)]


@router.get("")
async def read(
    session: Reading,
    principal: CurrentPrincipal,
    months: Months = 12,
    currency: Currency = None,
    market: Word = None,
    segment: Word = None,
) -> RealisationOut:
    """What was left of the list price in the last months, and what took it away."""
    return RealisationOut.of(
        *await service.read(
            session, months=months, currency=currency, market=market, segment=segment, principal=principal
        )
    )


@router.get("/export", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def export(
    session: Reading,
    principal: CurrentPrincipal,
    months: Months = 12,
    currency: Currency = None,
    market: Word = None,
    segment: Word = None,
) -> Response:
    """The months as a CSV file."""
    found = await read(session, principal, months, currency, market, segment)
    names = list(MonthOut.model_fields)
    lines = ([found.currency, *(getattr(month, name) for name in names)] for month in found.months)
    return csv_file("price-realisation", ["currency", *names], lines)
