"""Product lines over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from pydantic import AwareDatetime

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.downloads import csv_file
from libs.common.web.idempotency import IdempotencyKey
from libs.common.web.uploads import CSV_BODY, CsvBody
from services.deals.productlines import importing, service
from services.deals.productlines.schemas import LinesIn, LinesOut
from services.deals.statements.schemas import LoadOut

router = APIRouter(prefix="/deals", tags=["product lines"])

AsOf = Annotated[AwareDatetime | None, Query(description="as valid at this instant")]
KnownAt = Annotated[AwareDatetime | None, Query(description="as known at this instant")]


@router.post("/lines/import", openapi_extra=CSV_BODY)
async def import_lines(
    body: CsvBody, session: Transaction, principal: CurrentPrincipal, dry_run: bool = False
) -> LoadOut:
    """Lines of many deals: `deal_id,product,quantity,price,term_months,amount,currency`; those of a deal replace what it had."""
    return await importing.load(session, body, dry_run=dry_run, principal=principal)


@router.get("/{deal_id}/lines")
async def read_lines(
    deal_id: UUID, session: Reading, principal: CurrentPrincipal, as_of: AsOf = None, known_at: KnownAt = None
) -> LinesOut:
    """What is sold, by product, and the sum against the deal's amount."""
    return await service.read(session, deal_id, as_of=as_of, known_at=known_at, principal=principal)


@router.get("/{deal_id}/lines.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def export_lines(deal_id: UUID, session: Reading, principal: CurrentPrincipal) -> Response:
    """The same as CSV, in the form in which a file comes in."""
    found = await service.read(session, deal_id, principal=principal)
    lines = ({"deal_id": deal_id, "currency": found.currency, **each.model_dump()} for each in found.lines)
    return csv_file("lines", importing.COLUMNS, ([each[name] for name in importing.COLUMNS] for each in lines))


@router.post("/{deal_id}/lines", status_code=201)
async def say_lines(
    deal_id: UUID,
    wanted: LinesIn,
    session: Transaction,
    principal: CurrentPrincipal,
    idempotency_key: IdempotencyKey = None,
    if_match: Annotated[str | None, Header(max_length=200)] = None,
) -> LinesOut:
    """State all lines of a deal whose amount is not that of a quote."""
    return await service.say(
        session, deal_id, wanted, idempotency_key=idempotency_key, if_match=if_match, principal=principal
    )
