"""Promised parts by HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.downloads import csv_file
from libs.common.web.idempotency import IdempotencyKey
from services.pricing.promises import service
from services.pricing.promises.schemas import AnswerIn, PartOut, PartsOut, RecordOut

router = APIRouter(prefix="/promised-parts", tags=["promised parts"])


@router.get("")
async def list_parts(
    session: Reading,
    principal: CurrentPrincipal,
    quote_id: Annotated[UUID | None, Query()] = None,
    account_id: Annotated[UUID | None, Query()] = None,
) -> PartsOut:
    """What customers promised in return for a price, of deals that the caller may see, and how often each kind is kept.

    With `account_id`: of the deals of one account, and the record of the kinds that it promised.
    """
    rows = await service.listed(session, quote_id=quote_id, account_id=account_id, principal=principal)
    kinds = None if account_id is None else sorted({row.part.got for row in rows})
    found = [] if kinds == [] else await service.records(session, kinds=kinds, principal=principal)
    return PartsOut(items=[PartOut.of(row) for row in rows], record=[RecordOut.of(*each) for each in found])


@router.get("/export", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def export(session: Reading, principal: CurrentPrincipal) -> Response:
    """The same parts as a CSV file."""
    rows = await service.listed(session, principal=principal)
    names = list(PartOut.model_fields)
    return csv_file("promised-parts", names, ([getattr(PartOut.of(row), name) for name in names] for row in rows))


@router.post("/{part_id}/answers", status_code=201)
async def answer(
    part_id: UUID,
    wanted: AnswerIn,
    session: Transaction,
    principal: CurrentPrincipal,
    idempotency_key: IdempotencyKey = None,
) -> PartOut:
    """Say whether the customer kept their part, or ask later. Nothing that was said is changed; the last holds."""
    return PartOut.of(
        await service.answer(session, part_id, wanted, idempotency_key=idempotency_key, principal=principal)
    )
