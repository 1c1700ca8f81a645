"""Competitors over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.downloads import csv_file
from libs.common.web.idempotency import IdempotencyKey
from libs.common.web.uploads import CSV_BODY, CsvBody
from services.deals.competitors import importing, service
from services.deals.competitors.schemas import AgainstOut, CompetitorIn, CompetitorsOut, NamedPage
from services.deals.statements.schemas import LoadOut

router = APIRouter(prefix="/deals", tags=["competitors"])

AsOf = Annotated[AwareDatetime | None, Query(description="as valid at this instant")]
KnownAt = Annotated[AwareDatetime | None, Query(description="as known at this instant")]
COLUMNS = ("competitor", *AgainstOut.model_fields)


@router.get("/competitors")
async def list_competitors(session: Reading, principal: CurrentPrincipal) -> NamedPage:
    """Who was named in deals that you see, with the record against each."""
    return await service.named(session, principal=principal)


@router.get("/competitors.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def export_competitors(session: Reading, principal: CurrentPrincipal) -> Response:
    """The same as CSV."""
    found = await service.named(session, principal=principal)
    lines = ({"competitor": each.competitor, **each.against.model_dump()} for each in found.items)
    return csv_file("competitors", COLUMNS, ([each[name] for name in COLUMNS] for each in lines))


@router.post("/competitors/import", openapi_extra=CSV_BODY)
async def import_competitors(
    body: CsvBody, session: Transaction, principal: CurrentPrincipal, dry_run: bool = False
) -> LoadOut:
    """Competitors of many deals: `deal_id,competitor,state,source`. The same file again changes nothing."""
    return await importing.load(session, body, dry_run=dry_run, principal=principal)


@router.get("/{deal_id}/competitors")
async def read_competitors(
    deal_id: UUID, session: Reading, principal: CurrentPrincipal, as_of: AsOf = None, known_at: KnownAt = None
) -> CompetitorsOut:
    """Who else offers in a deal, why it was lost, and how often we win against each."""
    return await service.read(session, deal_id, as_of=as_of, known_at=known_at, principal=principal)


@router.post("/{deal_id}/competitors", status_code=201)
async def say_of_competitor(
    deal_id: UUID,
    wanted: CompetitorIn,
    session: Transaction,
    principal: CurrentPrincipal,
    idempotency_key: IdempotencyKey = None,
) -> CompetitorsOut:
    """Name who else offers, or say what became of them."""
    return await service.say(session, deal_id, wanted, idempotency_key=idempotency_key, principal=principal)
