"""The pages on deliveries: what came, from whom, what became of it, and the button that reads it again."""

from dataclasses import dataclass
from typing import Annotated, Literal, cast
from urllib.parse import urlencode
from uuid import UUID

import orjson
from fastapi import APIRouter, Form, Path, Query, Request
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from gateway.audit import service as audit
from gateway.auth.dependencies import CurrentUser
from gateway.config import Settings
from gateway.connectors.bells import ARRIVED, bell
from gateway.deliveries import editing, records, service
from gateway.deliveries.asked import Selection
from gateway.deliveries.schemas import EditIn, State
from gateway.pages.templates import page
from libs.common.web.api import Reading, Transaction, runtime_of
from libs.common.web.auth import Principal
from libs.common.web.errors import Conflict, Invalid

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
        "intake/deliveries.html",
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
    return page(request, "movement/record.html", record=found)


@router.get("/deliveries/{delivery_id}")
async def delivery(
    request: Request, session: Reading, principal: CurrentUser, delivery_id: UUID, replayed: bool = False
) -> Response:
    """One delivery: its items with their outcomes, its times, its raw body with credentials blanked."""
    return await _shown(request, session, principal, delivery_id, replayed=replayed)


@router.post("/deliveries/{delivery_id}/items/{position}/edit")
async def edit(
    request: Request,
    principal: CurrentUser,
    delivery_id: UUID,
    position: Annotated[int, Path(ge=0, le=2**31 - 1)],
    patch: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Keep what was changed in a parked record and read it again. A mistake is shown beside what was typed."""
    database, settings = runtime_of(request).database, _settings(request)
    try:
        wanted = EditIn.model_validate({"patch": orjson.loads(patch), "reason": reason.strip()})
        async with database.transaction() as session:
            await editing.edit(session, delivery_id, position, wanted, settings=settings, principal=principal)
    except (orjson.JSONDecodeError, ValidationError, Invalid, Conflict) as wrong:
        mistake = Typed(position, patch, reason, _mistake(wrong))
        async with database.reading() as session:
            return await _shown(request, session, principal, delivery_id, typed=mistake)
    bell(runtime_of(request), ARRIVED).set()
    return RedirectResponse(f"/deliveries/{delivery_id}?replayed=true", status_code=303)


@router.post("/deliveries/{delivery_id}/replay")
async def replay(request: Request, session: Transaction, principal: CurrentUser, delivery_id: UUID) -> Response:
    """Read the parked items again, then show what became of them."""
    await service.replay(session, delivery_id, principal=principal)
    await audit.record(session, "delivery.replayed", actor=principal.subject, on=f"delivery:{delivery_id}")
    bell(runtime_of(request), ARRIVED).set()
    return RedirectResponse(f"/deliveries/{delivery_id}?replayed=true", status_code=303)


@dataclass(frozen=True)
class Typed:
    """An edit that could not be used, with what is wrong with it."""

    position: int
    patch: str
    reason: str
    mistake: str


async def _shown(
    request: Request,
    session: AsyncSession,
    principal: Principal,
    delivery_id: UUID,
    *,
    replayed: bool = False,
    typed: Typed | None = None,
) -> Response:
    found = await service.detail(session, delivery_id, principal=principal)
    editable = await editing.records(session, delivery_id, settings=_settings(request), principal=principal)
    return page(
        request,
        "intake/delivery.html",
        status=422 if typed else 200,
        delivery=found,
        has_origin=HAS_ORIGIN,
        replayed=replayed,
        editable=editable,
        typed=typed,
        written=lambda content: orjson.dumps(content, option=orjson.OPT_INDENT_2).decode(),
    )


def _mistake(wrong: Exception) -> str:
    if isinstance(wrong, orjson.JSONDecodeError):
        return f"The change is not JSON: {wrong}."
    if isinstance(wrong, ValidationError):
        return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'edit'}: {each['msg']}" for each in wrong.errors())
    return str(wrong)


def _settings(request: Request) -> Settings:
    return cast("Settings", runtime_of(request).settings)


def _href(connection: str, state: str, cursor: str | None) -> str:
    query = urlencode({k: v for k, v in (("connection", connection), ("state", state), ("cursor", cursor)) if v})
    return f"/deliveries?{query}" if query else "/deliveries"
