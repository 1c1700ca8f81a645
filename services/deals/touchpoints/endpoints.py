"""Touchpoints and relationships over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.idempotency import IdempotencyKey
from libs.common.web.uploads import CSV_BODY, CsvBody
from services.deals.touchpoints import service
from services.deals.touchpoints.repository import Of
from services.deals.touchpoints.schemas import (
    RelationshipOut,
    TouchpointImportOut,
    TouchpointIn,
    TouchpointOut,
    TouchpointsOut,
)

router = APIRouter(tags=["touchpoints"])

AsOf = Annotated[AwareDatetime | None, Query(description="as valid at this instant")]
KnownAt = Annotated[AwareDatetime | None, Query(description="as known at this instant")]
Limit = Annotated[int, Query(ge=1, le=500)]


@router.post("/touchpoints", status_code=201)
async def note_touchpoint(
    wanted: TouchpointIn, session: Transaction, principal: CurrentPrincipal, idempotency_key: IdempotencyKey = None
) -> TouchpointOut:
    """Tell of a call, mail or meeting. The same `Idempotency-Key` and body again give the same touchpoint."""
    return await service.note(session, wanted, idempotency_key=idempotency_key, principal=principal)


@router.post("/touchpoints/import", openapi_extra=CSV_BODY)
async def import_touchpoints(body: CsvBody, session: Transaction, principal: CurrentPrincipal) -> TouchpointImportOut:
    """Take touchpoints over from CSV; a line that was taken before changes nothing. Needs the role sales_ops."""
    return await service.take(session, body, principal=principal)


@router.put("/touchpoints/{touchpoint_id}")
async def correct_touchpoint(
    touchpoint_id: UUID, wanted: TouchpointIn, session: Transaction, principal: CurrentPrincipal
) -> TouchpointOut:
    """Say a touchpoint anew; what was said before stays in its history."""
    return await service.correct(session, touchpoint_id, wanted, principal=principal)


@router.delete("/touchpoints/{touchpoint_id}")
async def withdraw_touchpoint(touchpoint_id: UUID, session: Transaction, principal: CurrentPrincipal) -> TouchpointOut:
    """Say that a touchpoint never was: it counts nowhere from now on."""
    return await service.withdraw(session, touchpoint_id, principal=principal)


@router.get("/deals/{deal_id}/touchpoints")
async def touchpoints_of_deal(
    deal_id: UUID,
    session: Reading,
    principal: CurrentPrincipal,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    limit: Limit = 100,
) -> TouchpointsOut:
    of = Of(deal_id=deal_id)
    return await service.touchpoints(session, of, as_of=as_of, known_at=known_at, limit=limit, principal=principal)


@router.get("/accounts/{account_id}/touchpoints")
async def touchpoints_of_account(
    account_id: UUID,
    session: Reading,
    principal: CurrentPrincipal,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    limit: Limit = 100,
) -> TouchpointsOut:
    """Of the account itself and of those of its deals that you see."""
    of = Of(account_id=account_id)
    return await service.touchpoints(session, of, as_of=as_of, known_at=known_at, limit=limit, principal=principal)


@router.get("/deals/{deal_id}/relationship")
async def relationship_of_deal(
    deal_id: UUID, session: Reading, principal: CurrentPrincipal, as_of: AsOf = None, known_at: KnownAt = None
) -> RelationshipOut:
    """Last touch, both ways, threads, seniority. Null where nobody in the company tells touchpoints."""
    of = Of(deal_id=deal_id)
    return await service.relationship(session, of, as_of=as_of, known_at=known_at, principal=principal)


@router.get("/accounts/{account_id}/relationship")
async def relationship_of_account(
    account_id: UUID, session: Reading, principal: CurrentPrincipal, as_of: AsOf = None, known_at: KnownAt = None
) -> RelationshipOut:
    """The same over the account and those of its deals that you see."""
    of = Of(account_id=account_id)
    return await service.relationship(session, of, as_of=as_of, known_at=known_at, principal=principal)
