"""White space over HTTP."""

from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.downloads import csv_file
from libs.common.web.idempotency import IdempotencyKey
from services.deals.whitespace import service
from services.deals.whitespace.schemas import CellIn, MatrixOut, RowOut
from services.deals.whitespace.service import Wanted

router = APIRouter(prefix="/accounts", tags=["whitespace"])

Word = Annotated[str | None, Query(max_length=100)]
COLUMNS = ("account_id", "name", "tier", "segment", "region", "market")
CELL = ("product", "state", "competitor", "worth", "currency", "worth_basis", "worth_n")


def _wanted(
    q: Annotated[str | None, Query(max_length=200, description="part of the name")] = None,
    tier: Word = None,
    segment: Word = None,
    market: Word = None,
) -> Wanted:
    return Wanted(q=q, tier=tier, segment=segment, market=market)


Filters = Annotated[Wanted, Depends(_wanted)]


@router.get("/whitespace")
async def read_whitespace(
    session: Reading,
    principal: CurrentPrincipal,
    wanted: Filters,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> MatrixOut:
    """Accounts by name with what stands of every product: owned, open, potential, competitor, not applicable, unknown."""
    return await service.matrix(session, wanted, cursor=cursor, limit=limit, principal=principal)


@router.get("/whitespace.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def export_whitespace(session: Reading, principal: CurrentPrincipal, wanted: Filters) -> Response:
    """The same as CSV, a line per cell, of at most 5,000 accounts."""
    found = await service.matrix(session, wanted, cursor=None, limit=None, principal=principal)
    return csv_file("whitespace", (*COLUMNS, *CELL), (line for row in found.items for line in _lines(row)))


@router.get("/{account_id}/whitespace")
async def read_account(account_id: UUID, session: Reading, principal: CurrentPrincipal) -> RowOut:
    """What stands of every product at one account."""
    return await service.of_account(session, account_id, principal=principal)


@router.post("/{account_id}/whitespace", status_code=201)
async def say_of_product(
    account_id: UUID,
    wanted: CellIn,
    session: Transaction,
    principal: CurrentPrincipal,
    idempotency_key: IdempotencyKey = None,
) -> RowOut:
    """Say that a product is the account's already, could be sold, is bought elsewhere, or is of no use to them."""
    return await service.say(session, account_id, wanted, idempotency_key=idempotency_key, principal=principal)


def _lines(row: RowOut) -> Iterator[list[object]]:
    """A line per cell of an account."""
    of_account = [getattr(row, name) for name in COLUMNS]
    for each in row.cells:
        worth, stated = each.worth, each.stated
        told = (worth.amount, worth.currency, worth.basis, worth.n) if worth else (None,) * 4
        yield [*of_account, each.product, each.state, stated.competitor if stated else None, *told]
