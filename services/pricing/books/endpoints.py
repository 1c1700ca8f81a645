"""Price and cost books by HTTP."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.uploads import CSV_BODY, CsvBody
from services.pricing.books import importing, service
from services.pricing.books.schemas import BundleIn, BundleOut, EntriesIn, EntriesOut, EntryOut, ImportOut

router = APIRouter(tags=["books"])

Word = Annotated[str | None, Query(min_length=1, max_length=100)]
Currency = Annotated[str | None, Query(min_length=3, max_length=3)]


@router.get("/price-books")
async def read_book(
    session: Reading,
    principal: CurrentPrincipal,
    on: date | None = None,
    known_at: AwareDatetime | None = None,
    currency: Currency = None,
    market: Word = None,
    segment: Word = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
) -> EntriesOut:
    """What stands in the books on a day, as known at an instant. Costs only for those who may see them."""
    rows = await service.book(
        session,
        on=on,
        known_at=known_at,
        currency=currency,
        market=market,
        segment=segment,
        limit=limit,
        principal=principal,
    )
    codes = await service.codes(session, (row.product_id for row in rows), principal=principal)
    return EntriesOut(items=[EntryOut.of(row, codes.get(row.product_id)) for row in rows])


@router.get("/price-books/export", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def export_book(
    session: Reading,
    principal: CurrentPrincipal,
    on: date | None = None,
    known_at: AwareDatetime | None = None,
) -> Response:
    """The books on a day as a CSV file that can be imported again."""
    rows = await service.book(
        session,
        on=on,
        known_at=known_at,
        currency=None,
        market=None,
        segment=None,
        limit=100_000,
        principal=principal,
    )
    codes = await service.codes(session, (row.product_id for row in rows), principal=principal)
    headers = {"content-disposition": 'attachment; filename="price-books.csv"'}
    return Response(importing.written(rows, codes), media_type="text/csv", headers=headers)


@router.post("/price-books/statements", status_code=201)
async def state(wanted: EntriesIn, session: Transaction, principal: CurrentPrincipal) -> EntriesOut:
    """Say what holds from a day on, all of it or nothing; what was said before stays. The same again makes nothing new."""
    made = await service.state(session, [entry.wanted() for entry in wanted.statements], principal=principal)
    return EntriesOut(items=[EntryOut.kept(*row) for row in made])


@router.post("/price-books/imports", openapi_extra=CSV_BODY)
async def import_csv(
    body: CsvBody,
    session: Transaction,
    principal: CurrentPrincipal,
    dry_run: Annotated[bool, Query(description="read and report only")] = False,
) -> ImportOut:
    """Make the statements of a CSV body; refused lines are named, the others are made."""
    return await importing.take(session, body, dry_run=dry_run, principal=principal)


@router.get("/products/{product_id}/prices")
async def history(
    product_id: UUID,
    session: Reading,
    principal: CurrentPrincipal,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> EntriesOut:
    """All that was said of a product's prices, the newest first."""
    rows = await service.history(session, product_id, limit=limit, principal=principal)
    codes = await service.codes(session, [product_id], principal=principal)
    return EntriesOut(items=[EntryOut.of(row, codes.get(product_id), actor) for row, actor in rows])


@router.put("/products/{product_id}/parts")
async def bundle(product_id: UUID, wanted: BundleIn, session: Transaction, principal: CurrentPrincipal) -> BundleOut:
    """Say what a bundle is made of from a day on."""
    kept = await service.bundle(session, wanted.wanted(product_id), principal=principal)
    return BundleOut(statement_id=kept.statement_id, product_id=product_id, recorded_at=kept.recorded_at)
