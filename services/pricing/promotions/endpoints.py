"""Promotions by HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.downloads import csv_file
from libs.common.web.etags import etag
from libs.common.web.idempotency import IdempotencyKey
from services.pricing.promotions import reading, service
from services.pricing.promotions.models import State
from services.pricing.promotions.schemas import (
    DecideIn,
    EndIn,
    EntriesOut,
    EntryOut,
    LiftOut,
    PlanIn,
    PromotionOut,
    PromotionsOut,
    TakenOut,
    TakensOut,
)

router = APIRouter(prefix="/promotions", tags=["promotions"])

IfMatch = Annotated[str | None, Header(max_length=200)]
Limit = Annotated[int, Query(ge=1, le=500)]


@router.get("")
async def list_promotions(
    session: Reading, principal: CurrentPrincipal, state: State | None = None, limit: Limit = 200
) -> PromotionsOut:
    """Promotions with what is used of their budgets, the newest window first."""
    rows = await service.listed(session, state=state, limit=limit, principal=principal)
    return PromotionsOut(items=[PromotionOut.of(*row) for row in rows])


@router.get("/export", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def export(session: Reading, principal: CurrentPrincipal, limit: Limit = 500) -> Response:
    """The promotions as a CSV file."""
    rows = await service.listed(session, state=None, limit=limit, principal=principal)
    names = [name for name in PromotionOut.model_fields if name != "authors"]
    promotions = (PromotionOut.of(*row) for row in rows)
    return csv_file("promotions", names, ([_joined(getattr(each, name)) for name in names] for each in promotions))


def _joined(value: object) -> object:
    return " ".join(map(str, value)) if isinstance(value, list) else value


@router.post("", status_code=201)
async def plan(
    wanted: PlanIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> PromotionOut:
    """Plan a promotion. The same `Idempotency-Key` and body again give the same one."""
    row = await service.plan(session, wanted.plan(), idempotency_key=idempotency_key, principal=principal)
    response.headers["ETag"] = etag(row[0].version)
    response.headers["Location"] = f"promotions/{row[0].promotion_id}"
    return PromotionOut.of(*row)


@router.get("/{promotion_id}")
async def read(promotion_id: UUID, session: Reading, principal: CurrentPrincipal, response: Response) -> PromotionOut:
    """A promotion with what is used of its budget."""
    row = await service.read(session, promotion_id, principal=principal)
    response.headers["ETag"] = etag(row[0].version)
    return PromotionOut.of(*row)


@router.put("/{promotion_id}")
async def replan(
    promotion_id: UUID, wanted: PlanIn, session: Transaction, principal: CurrentPrincipal, if_match: IfMatch = None
) -> PromotionOut:
    """Plan something else, as long as nobody has approved it."""
    return PromotionOut.of(
        *await service.replan(session, promotion_id, wanted.plan(), if_match=if_match, principal=principal)
    )


@router.post("/{promotion_id}/decision")
async def decide(
    promotion_id: UUID, wanted: DecideIn, session: Transaction, principal: CurrentPrincipal
) -> PromotionOut:
    """Approve or refuse the version that was read; not by somebody who planned it."""
    return PromotionOut.of(
        *await service.decide(
            session,
            promotion_id,
            verdict=wanted.verdict,
            version=wanted.version,
            note=wanted.note,
            principal=principal,
        )
    )


@router.post("/{promotion_id}/end")
async def end(
    promotion_id: UUID, wanted: EndIn, session: Transaction, principal: CurrentPrincipal, if_match: IfMatch = None
) -> PromotionOut:
    """End it before its time. Offers that were made stand."""
    return PromotionOut.of(
        *await service.end(session, promotion_id, note=wanted.note, if_match=if_match, principal=principal)
    )


@router.get("/{promotion_id}/history")
async def read_history(promotion_id: UUID, session: Reading, principal: CurrentPrincipal) -> EntriesOut:
    """Every version, newest first."""
    rows = await service.history(session, promotion_id, principal=principal)
    return EntriesOut(items=[EntryOut.of(row) for row in rows])


@router.get("/{promotion_id}/quotes")
async def read_quotes(promotion_id: UUID, session: Reading, principal: CurrentPrincipal) -> TakensOut:
    """Quotes that take it."""
    rows, others = await service.taken(session, promotion_id, principal=principal)
    return TakensOut(items=[TakenOut.of(row) for row in rows], others=others)


@router.get("/{promotion_id}/lift")
async def read_lift(promotion_id: UUID, session: Reading, principal: CurrentPrincipal) -> LiftOut:
    """What came beyond the baseline, with a 90 % interval and what it rests on."""
    return await reading.lift(session, promotion_id, principal=principal)
