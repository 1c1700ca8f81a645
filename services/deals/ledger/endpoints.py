"""Deals over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from libs.common.events.crm import State
from libs.common.web.api import Reading, Transaction, runtime_of
from libs.common.web.auth import CurrentPrincipal
from services.deals.ledger import gates, reading
from services.deals.ledger.reading import Wanted
from services.deals.ledger.rehearsal import rehearse
from services.deals.ledger.schemas import DealOut, DealPage, GateIn, GateOut, RehearsalIn, RehearsalOut, TimelineOut

router = APIRouter(prefix="/deals", tags=["deals"])


@router.get("")
async def list_deals(
    session: Reading,
    principal: CurrentPrincipal,
    state: State | None = None,
    stage: str | None = None,
    owner: UUID | None = None,
    account: UUID | None = None,
    region: str | None = None,
    month: Annotated[
        str | None, Query(description="fiscal month of booking or, while open, of the close date, like 2026-11")
    ] = None,
    q: Annotated[str | None, Query(max_length=200, description="part of the name")] = None,
    with_removed: bool = False,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> DealPage:
    wanted = Wanted(
        state=state,
        stage=stage,
        owner_id=owner,
        account_id=account,
        region=region,
        month=month,
        q=q,
        with_removed=with_removed,
    )
    return await reading.deals(session, wanted, cursor=cursor, limit=limit, principal=principal)


@router.get("/{deal_id}")
async def get_deal(deal_id: UUID, session: Reading, principal: CurrentPrincipal, response: Response) -> DealOut:
    deal = await reading.deal(session, deal_id, principal=principal)
    response.headers["ETag"] = f'"{deal.version}"'
    return deal


@router.get("/{deal_id}/timeline")
async def get_timeline(deal_id: UUID, session: Reading, principal: CurrentPrincipal) -> TimelineOut:
    return await reading.timeline(session, deal_id, principal=principal)


@router.get("/{deal_id}/gate")
async def get_gate(deal_id: UUID, session: Reading, principal: CurrentPrincipal) -> GateOut:
    """Whether the deal waits for its lead, and who decided what about that."""
    return await gates.read(session, deal_id, principal=principal)


@router.post("/{deal_id}/gate")
async def override_gate(deal_id: UUID, body: GateIn, session: Transaction, principal: CurrentPrincipal) -> GateOut:
    """Let a held-back deal into the forecast, with a reason. Needs the role manager or sales_ops."""
    return await gates.decide(session, deal_id, overrides=True, reason=body.reason, principal=principal)


@router.post("/{deal_id}/gate/withdraw")
async def withdraw_override(deal_id: UUID, body: GateIn, session: Transaction, principal: CurrentPrincipal) -> GateOut:
    """Take an override back: the deal waits for its lead again. Needs the role manager or sales_ops."""
    return await gates.decide(session, deal_id, overrides=False, reason=body.reason, principal=principal)


@router.post("/rehearsal")
async def rehearse_records(body: RehearsalIn, request: Request, principal: CurrentPrincipal) -> RehearsalOut:
    """What these CRM records would make of their deals; nothing is kept or told. For trying a mapping before it is used."""
    entries = await rehearse(runtime_of(request).database, body.records, principal=principal)
    return RehearsalOut(entries=entries)
