"""Deals to work on, over HTTP."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from libs.common.events.crm import Category, State
from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.downloads import csv_file
from libs.common.web.idempotency import IdempotencyKey
from services.deals.worklist import service
from services.deals.worklist.repository import Filters
from services.deals.worklist.schemas import BoardOut, Check, QualityOut, Sort, ViewIn, ViewsOut, WorkPage

router = APIRouter(prefix="/deals", tags=["deals"])

COLUMNS = (
    "deal_id", "name", "connection", "external_id", "owner_id", "account_id", "pipeline", "stage", "category", "amount", "currency",
    "owner_share", "close_date", "next_step", "pushes", "checks",
)  # fmt: skip
EXPORTED = 5000

Word = Annotated[str | None, Query(max_length=200)]


def _filters(
    state: State | None = "open",
    q: Annotated[str | None, Query(max_length=200, description="words of the name, or their beginnings")] = None,
    pipeline: Word = None,
    stage: Word = None,
    category: Category | None = None,
    owner: Annotated[list[UUID] | None, Query(max_length=50)] = None,
    unowned: Annotated[bool, Query(description="only deals that name no owner")] = False,
    account: UUID | None = None,
    closes_from: date | None = None,
    closes_until: date | None = None,
    check: Annotated[Check | None, Query(description="only deals that lack this")] = None,
    deal: Annotated[list[UUID] | None, Query(max_length=500)] = None,
) -> Filters:
    return Filters(
        state=state,
        q=q,
        pipeline=pipeline,
        stage=stage,
        category=category,
        owners=owner or (),
        unowned=unowned,
        account=account,
        closes_from=closes_from,
        closes_until=closes_until,
        check=check,
        deals=deal or (),
    )


Filtered = Annotated[Filters, Depends(_filters)]


@router.get("/worklist")
async def read_worklist(
    session: Reading,
    principal: CurrentPrincipal,
    wanted: Filtered,
    sort: Sort = "close_date",
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> WorkPage:
    """Deals in an order, each with its edits that are under way, refused or in conflict, and what of it can be edited."""
    return await service.page(session, wanted, sort=sort, cursor=cursor, limit=limit, principal=principal)


@router.get("/worklist.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def export_worklist(
    session: Reading, principal: CurrentPrincipal, wanted: Filtered, sort: Sort = "close_date"
) -> Response:
    """The same as CSV, at most 5000 deals; of every field the value that counts, which is the CRM's."""
    found = await service.page(session, wanted, sort=sort, cursor=None, limit=EXPORTED, principal=principal)
    return csv_file("deals", COLUMNS, ([_told(getattr(each, name)) for name in COLUMNS] for each in found.items))


def _told(value: object) -> object:
    return "; ".join(value) if isinstance(value, list) else value


@router.get("/quality")
async def read_quality(session: Reading, principal: CurrentPrincipal, wanted: Filtered) -> QualityOut:
    """What lacks in open deals, by owner in money."""
    return await service.quality(session, wanted, principal=principal)


@router.get("/board")
async def read_board(session: Reading, principal: CurrentPrincipal, wanted: Filtered) -> BoardOut:
    """The open deals by pipeline and stage, and of each stage those that close first."""
    return await service.board(session, wanted, principal=principal)


@router.get("/views")
async def list_views(session: Reading, principal: CurrentPrincipal) -> ViewsOut:
    """Kept views: one's own, and shared ones of people whose scope lies above or below one's own."""
    return await service.views(session, principal=principal)


@router.post("/views", status_code=201)
async def keep_view(
    body: ViewIn, session: Transaction, principal: CurrentPrincipal, idempotency_key: IdempotencyKey = None
) -> ViewsOut:
    """Keep the filters of a list under a name."""
    return await service.keep_view(session, body, idempotency_key=idempotency_key, principal=principal)


@router.delete("/views/{view_id}")
async def remove_view(view_id: UUID, session: Transaction, principal: CurrentPrincipal) -> ViewsOut:
    """Put one of one's own views away."""
    return await service.remove_view(session, view_id, principal=principal)
