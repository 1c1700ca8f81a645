"""Scorecards by HTTP."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.idempotency import IdempotencyKey
from libs.common.web.uploads import CSV_BODY, CsvBody
from services.forecast.readings.endpoints import Exported
from services.forecast.readings.export import answer
from services.forecast.scorecard import answering, importing, service
from services.forecast.scorecard.document import TieOut
from services.forecast.scorecard.export import tie_out_table
from services.forecast.scorecard.schemas import (
    CardOut,
    DraftOut,
    MonthsOut,
    NoteIn,
    NoteOut,
    OrdersOut,
    SignIn,
    VerifiedOut,
)

router = APIRouter(prefix="/forecast", tags=["scorecard"])

Month = Annotated[str, Path(max_length=20, description="a month, such as 2026-10")]
Version = Annotated[int | None, Query(ge=1, le=1_000_000, description="without it the newest")]


@router.post("/imports/orders", openapi_extra=CSV_BODY)
async def import_orders(
    body: CsvBody,
    session: Transaction,
    principal: CurrentPrincipal,
    dry_run: Annotated[bool, Query(description="read and report only")] = False,
) -> OrdersOut:
    """Take orders or invoices from a CSV body; refused lines are named, the others are taken. Needs the role finance."""
    return await importing.take(session, body, dry_run=dry_run, principal=principal)


@router.get("/scorecards")
async def list_scorecards(session: Reading, principal: CurrentPrincipal) -> MonthsOut:
    """Months that are over, with what was signed of each."""
    return await service.listing(session, principal=principal)


@router.get("/scorecards/verify")
async def verify_scorecards(session: Reading, principal: CurrentPrincipal) -> VerifiedOut:
    """Whether all signed documents are what was signed, and from which one on they are not."""
    return await service.verify(session, principal=principal)


@router.get("/scorecards/{period}/draft")
async def read_draft(period: Month, session: Reading, principal: CurrentPrincipal, response: Response) -> DraftOut:
    """A month as it would be signed. Its ETag is what a signature names."""
    found = await service.draft(session, period, principal=principal)
    response.headers["ETag"] = f'"{found.digest}"'
    return found


@router.post("/scorecards/{period}/sign", status_code=201)
async def sign_scorecard(
    period: Month,
    wanted: SignIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: Annotated[str | None, Header(max_length=200, description="the digest of the draft that was read")] = None,
) -> CardOut:
    """Sign what was read, in one's own name. Needs the role cso; finance has closed the month."""
    found = await service.sign(session, period, wanted, if_match=if_match, principal=principal)
    response.headers["ETag"] = f'"{found.signature.contents_digest}"'
    return found


@router.get("/scorecards/{period}")
async def read_scorecard(
    period: Month, session: Reading, principal: CurrentPrincipal, response: Response, version: Version = None
) -> CardOut:
    """A signed month, with what was asked about it."""
    found = await service.read(session, period, version, principal=principal)
    response.headers["ETag"] = f'"{found.signature.contents_digest}"'
    return found


@router.get(
    "/scorecards/{period}/document", response_class=Response, responses={200: {"content": {"application/json": {}}}}
)
async def read_document(
    period: Month, session: Reading, principal: CurrentPrincipal, version: Version = None
) -> Response:
    """The text that was signed, to the byte: anybody can work its digest out again."""
    text = await service.document(session, period, version, principal=principal)
    return Response(text, media_type="application/json")


@router.get("/scorecards/{period}/tie-out", response_model=TieOut)
async def read_tie_out(
    period: Month, session: Reading, principal: CurrentPrincipal, form: Exported, version: Version = None
) -> TieOut | Response:
    """The tie-out of a signed version; without `version` that of the month as it stands. JSON, or a file."""
    if version is None:
        contents = (await service.draft(session, period, principal=principal)).contents
    else:
        contents = (await service.read(session, period, version, principal=principal)).contents
    return answer(tie_out_table(contents), form) if form else TieOut.model_validate(contents["tie_out"])


@router.post("/scorecards/{period}/versions/{version}/notes", status_code=201)
async def ask_about_line(
    period: Month,
    version: Annotated[int, Path(ge=1, le=1_000_000)],
    wanted: NoteIn,
    session: Transaction,
    principal: CurrentPrincipal,
    idempotency_key: IdempotencyKey = None,
) -> NoteOut:
    """Ask about a line of a signed version, or answer a question. It stays with that version."""
    return await answering.ask(session, period, version, wanted, idempotency_key=idempotency_key, principal=principal)
