"""Metrics by HTTP. Each is JSON, or a file by `format=csv` or `format=parquet`."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from libs.common.web.api import Reading
from libs.common.web.auth import CurrentPrincipal
from services.forecast.metrics import service
from services.forecast.metrics.export import metric_deals_table, metric_table
from services.forecast.metrics.schemas import By, ContractsOut, MetricDealsReading, MetricReading, OverviewReading
from services.forecast.metrics.service import Asking
from services.forecast.readings.endpoints import EXPORT_LIMIT, Asked, Exported, ExportTooLarge
from services.forecast.readings.export import answer

router = APIRouter(prefix="/forecast/metrics", tags=["metrics"])

Renewals = Annotated[bool, Query(description="with renewals, where the metric leaves them out")]
Target = Annotated[
    Decimal | None,
    Query(ge=0, description="of the whole view, in the reading's currency; where the contract takes one"),
]


def _asking(
    question: Asked,
    by: Annotated[
        By, Query(description="what the rows are; stage and warning only where the contract has them")
    ] = "none",
    renewals: Renewals = False,
    target: Target = None,
) -> Asking:
    return Asking(question, by, renewals, target)


Wanted = Annotated[Asking, Depends(_asking)]


@router.get("")
async def read_contracts(principal: CurrentPrincipal) -> ContractsOut:
    """All metrics with their contracts: version, formula, grain, clock, currency rule, when they are unknown."""
    del principal  # contracts belong to nobody's scope; the caller only has to be known
    return service.contracts()


@router.get("/overview")
async def read_overview(
    session: Reading,
    principal: CurrentPrincipal,
    question: Asked,
    renewals: Renewals = False,
    target: Target = None,
) -> OverviewReading:
    """All metrics of one population at one instant; those of stages and warnings are cut by them, the others are whole."""
    asking = Asking(question, renewals=renewals, target=target)
    return await service.overview(session, asking, principal=principal)


@router.get("/{name}", response_model=MetricReading)
async def read_metric(
    name: str, session: Reading, principal: CurrentPrincipal, asking: Wanted, form: Exported
) -> MetricReading | Response:
    """A metric of a period with its parts and the total; without a value the reason is told."""
    reading = await service.read(session, name, asking, principal=principal)
    return answer(metric_table(reading), form) if form else reading


@router.get("/{name}/deals", response_model=MetricDealsReading)
async def read_metric_deals(
    name: str,
    session: Reading,
    principal: CurrentPrincipal,
    asking: Wanted,
    form: Exported,
    part: Annotated[
        str | None, Query(description="the key of a row, empty for the row without one; without it the total")
    ] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> MetricDealsReading | Response:
    """The deals behind a part, greatest amount first, each with its role. A file carries all of them."""
    size = EXPORT_LIMIT if form else limit
    reading = await service.deals(
        session, name, asking, part=part, cursor=None if form else cursor, limit=size, principal=principal
    )
    if form is None:
        return reading
    if reading.next_cursor is not None:
        raise ExportTooLarge(f"{reading.count} deals are more than one export carries ({EXPORT_LIMIT}); narrow it.")
    return answer(metric_deals_table(reading), form)
