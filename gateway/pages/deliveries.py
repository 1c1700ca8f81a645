"""The pages on deliveries: what came, from whom, what became of it, and the button that reads it again."""

from typing import Annotated, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from gateway.audit import service as audit
from gateway.auth.dependencies import CurrentUser
from gateway.connectors.bells import ARRIVED, bell
from gateway.deliveries import records, service
from gateway.deliveries.asked import Selection
from gateway.deliveries.schemas import State
from gateway.pages.templates import page
from libs.common.web.api import Reading, Transaction, runtime_of

router = APIRouter(include_in_schema=False)

OUTCOMES = ("applied", "superseded", "duplicate", "ignored", "parked", "pending")
HOURS = 24
HAS_ORIGIN = ("deal", "lead", "contact")
"""Kinds whose values are shown with their origin."""


@router.get("/deliveries")
async def deliveries(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    connection: Annotated[str, Query(max_length=63)] = "",
    state: State | Literal[""] = "",
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:
    """The newest deliveries and the balance of the last day."""
    summary = await service.summary(session, principal=principal, hours=HOURS)
    asked = Selection(connection=connection or None, state=state or None)
    found = await service.listed(session, asked, principal=principal, cursor=cursor, limit=50)
    return page(
        request,
        "deliveries.html",
        summary=summary,
        deliveries=found.items,
        connection=connection,
        state=state,
        outcomes=OUTCOMES,
        hours=HOURS,
        here=_href(connection, state, cursor),
        next_href=_href(connection, state, found.next_cursor) if found.next_cursor else None,
        latency=found.latency,
        may_replay=bool(principal.roles & {"sales_ops", "admin"}),
    )


@router.get("/deliveries/records/{connection}/{object_type}/{external_id:path}")
async def record(
    request: Request, session: Reading, principal: CurrentUser, connection: str, object_type: str, external_id: str
) -> Response:
    """One deal or lead: each value with who changed it in the CRM, when, and the delivery that brought it."""
    found = await records.record(
        session, connection=connection, object_type=object_type, external_id=external_id, principal=principal
    )
    return page(request, "record.html", record=found)


@router.get("/deliveries/{delivery_id}")
async def delivery(
    request: Request, session: Reading, principal: CurrentUser, delivery_id: UUID, replayed: bool = False
) -> Response:
    """One delivery: its items with their outcomes, its times, its raw body with credentials blanked."""
    found = await service.detail(session, delivery_id, principal=principal)
    return page(request, "delivery.html", delivery=found, has_origin=HAS_ORIGIN, replayed=replayed)


@router.post("/deliveries/{delivery_id}/replay")
async def replay(request: Request, session: Transaction, principal: CurrentUser, delivery_id: UUID) -> Response:
    """Read the parked items again, then show what became of them."""
    await service.replay(session, delivery_id, principal=principal)
    await audit.record(session, "delivery.replayed", actor=principal.subject, on=f"delivery:{delivery_id}")
    bell(runtime_of(request), ARRIVED).set()
    return RedirectResponse(f"/deliveries/{delivery_id}?replayed=true", status_code=303)


def _href(connection: str, state: str, cursor: str | None) -> str:
    query = urlencode({k: v for k, v in (("connection", connection), ("state", state), ("cursor", cursor)) if v})
    return f"/deliveries?{query}" if query else "/deliveries"
