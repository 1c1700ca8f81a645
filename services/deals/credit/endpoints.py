"""Splits over HTTP."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from pydantic import AwareDatetime

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.downloads import csv_file
from libs.common.web.idempotency import IdempotencyKey
from libs.common.web.uploads import CSV_BODY, CsvBody
from services.deals.credit import importing, service
from services.deals.credit.schemas import CreditedOut, PersonOut, SplitIn, SplitsOut
from services.deals.statements.schemas import LoadOut

router = APIRouter(prefix="/deals", tags=["splits"])

AsOf = Annotated[AwareDatetime | None, Query(description="as valid at this instant")]
KnownAt = Annotated[AwareDatetime | None, Query(description="as known at this instant")]
IfMatch = Annotated[str | None, Header(max_length=200)]
State = Literal["open", "won"]
COLUMNS = tuple(PersonOut.model_fields)


@router.get("/credited")
async def read_credited(
    session: Reading,
    principal: CurrentPrincipal,
    state: State = "open",
    closes_from: date | None = None,
    closes_until: date | None = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
) -> CreditedOut:
    """Deals by whom they are credited to: parts and nobody's add to the whole to the cent; overlay stands beside it."""
    return await service.credited(
        session,
        state=state,
        closes_from=closes_from,
        closes_until=closes_until,
        as_of=as_of,
        known_at=known_at,
        principal=principal,
    )


@router.get("/credited.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def export_credited(
    session: Reading,
    principal: CurrentPrincipal,
    state: State = "open",
    closes_from: date | None = None,
    closes_until: date | None = None,
) -> Response:
    """The same as CSV, a line per person and currency."""
    found = await service.credited(
        session, state=state, closes_from=closes_from, closes_until=closes_until, principal=principal
    )
    return csv_file("credited", COLUMNS, ([getattr(each, name) for name in COLUMNS] for each in found.people))


@router.post("/splits/import", openapi_extra=CSV_BODY)
async def import_splits(
    body: CsvBody, session: Transaction, principal: CurrentPrincipal, dry_run: bool = False
) -> LoadOut:
    """Splits of many deals: `deal_id,kind,person_id,share`, a line per person. The same file again changes nothing."""
    return await importing.load(session, body, dry_run=dry_run, principal=principal)


@router.get("/{deal_id}/splits")
async def read_splits(
    deal_id: UUID, session: Reading, principal: CurrentPrincipal, as_of: AsOf = None, known_at: KnownAt = None
) -> SplitsOut:
    """Who is credited with a deal, and everything that was said of it."""
    return await service.read(session, deal_id, as_of=as_of, known_at=known_at, principal=principal)


@router.post("/{deal_id}/splits", status_code=201)
async def say_split(
    deal_id: UUID,
    wanted: SplitIn,
    session: Transaction,
    principal: CurrentPrincipal,
    idempotency_key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> SplitsOut:
    """Say who is credited from now on, or from `at` on. Revenue shares that do not add to 1 are refused."""
    return await service.say(
        session, deal_id, wanted, idempotency_key=idempotency_key, if_match=if_match, principal=principal
    )
