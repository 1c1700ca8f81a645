"""Deliveries over HTTP: list, detail, replay, summary."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from gateway.audit import service as audit_trail
from gateway.auth.dependencies import CurrentUser
from gateway.connectors.bells import ARRIVED, bell
from gateway.deliveries import service
from gateway.deliveries.schemas import DeliveryDetail, DeliveryPage, ReplayOut, State, Summary
from libs.common.web.api import Reading, Transaction, runtime_of

router = APIRouter(prefix="/api/v1/deliveries", tags=["deliveries"])


@router.get("")
async def deliveries(
    session: Reading,
    principal: CurrentUser,
    connection: str | None = None,
    state: State | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> DeliveryPage:
    """Deliveries, newest first."""
    return await service.listed(
        session, principal=principal, connection=connection, state=state, cursor=cursor, limit=limit
    )


@router.get("/summary")
async def summary(
    session: Reading, principal: CurrentUser, hours: Annotated[int, Query(ge=1, le=24 * 31)] = 24
) -> Summary:
    """What the last hours brought, by connection and outcome."""
    return await service.summary(session, principal=principal, hours=hours)


@router.get("/{delivery_id}")
async def delivery(delivery_id: UUID, session: Reading, principal: CurrentUser) -> DeliveryDetail:
    """One delivery with its items and raw body; needs the role sales_ops."""
    return await service.detail(session, delivery_id, principal=principal)


@router.post("/{delivery_id}/replay")
async def replay(delivery_id: UUID, request: Request, session: Transaction, principal: CurrentUser) -> ReplayOut:
    """Read the parked items of a delivery again; needs the role sales_ops."""
    done = await service.replay(session, delivery_id, principal=principal)
    await audit_trail.record(session, "delivery.replayed", actor=principal.subject, on=f"delivery:{delivery_id}")
    bell(runtime_of(request), ARRIVED).set()
    return done
