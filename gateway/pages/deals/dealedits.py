"""Edits made on pages: one field in its row, or one value in many deals."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.deals.worklist import CATEGORIES, CHECKS, FIELDS, listed, view_of
from gateway.pages.names import names_of
from gateway.pages.templates import page
from gateway.proxy.client import ServiceRefused, services_of
from libs.common.ids import new_id
from libs.common.web.api import Reading
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)

Typed = Annotated[str, Form(max_length=2000)]
AT_ONCE = 1000


@router.get("/deals/rows")
async def rows(
    request: Request, session: Reading, principal: CurrentUser, deal: Annotated[list[UUID], Query(max_length=100)]
) -> Response:
    """Rows of the grid as they stand, for those that wait for their CRM."""
    return await _rows(request, session, deal, principal=principal)


@router.post("/deals/{deal_id}/edits")
async def edit(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    deal_id: UUID,
    field: Typed,
    value: Typed = "",
    seen: Typed = "",
    once: Typed = "",
) -> Response:
    """Want a value; the answer is the deal's row, with what was refused said in its cell."""
    body = {"field": field, "value": value, "seen": seen, "checks_seen": True}
    said: dict[str, Any] | None = None
    status = 200
    try:
        path = f"deals/{deal_id}/edits"
        await services_of(request).post("deals", path, body, principal=principal, idempotency_key=once or None)
    except ServiceRefused as refused:
        if refused.status not in (409, 422):
            raise
        status = refused.status
        words = str(refused).removeprefix(f"{field}: ")
        said = {"field": field, "value": value, "words": words, "moved": refused.status == 409}
    return await _rows(request, session, [deal_id], said=said, status=status, principal=principal)


@router.post("/deals/{deal_id}/edits/{edit_id}/acknowledge")
async def acknowledge(
    request: Request, session: Reading, principal: CurrentUser, deal_id: UUID, edit_id: UUID
) -> Response:
    """Keep the CRM's value."""
    path = f"deals/{deal_id}/edits/{edit_id}/acknowledge"
    try:
        await services_of(request).post("deals", path, {}, principal=principal)
    except ServiceRefused as refused:
        if refused.status != 404:
            raise
    return await _rows(request, session, [deal_id], principal=principal)


async def _rows(
    request: Request,
    session: AsyncSession,
    deals: list[UUID],
    *,
    said: dict[str, Any] | None = None,
    status: int = 200,
    principal: Principal,
) -> Response:
    asked: dict[str, str | list[str]] = {"deal": [str(each) for each in deals], "limit": "100"}
    found = await services_of(request).get("deals", "deals/worklist", principal=principal, params=asked)
    wanted = {UUID(each["owner_id"]) for each in found["items"] if each["owner_id"]}
    names = {str(key): name for key, name in (await names_of(session, wanted, principal=principal)).items()}
    return page(
        request,
        "deals/worklist_rows.html",
        status=status,
        found=found,
        names=names,
        checks=CHECKS,
        categories=CATEGORIES,
        said=said,
        selectable="selectable" in request.query_params,
    )


@router.post("/deals/bulk")
async def bulk(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    deal: Annotated[list[UUID] | None, Form()] = None,
    whole: Typed = "",
    query: Typed = "",
    next_step: Typed = "",
    close_date: Typed = "",
    stage: Typed = "",
    category: Typed = "",
    owner_id: Typed = "",
    once: Typed = "",
) -> Response:
    """Set what is filled in on all chosen deals, and report by row and field above the list."""
    view, services = view_of(query), services_of(request)
    chosen = [str(each) for each in deal or []]
    if whole:
        found = await services.get(
            "deals", "deals/worklist", principal=principal, params=view.asked(limit=str(AT_ONCE))
        )
        chosen = [each["deal_id"] for each in found["items"]]
    given = {
        "next_step": next_step, "close_date": close_date, "stage": stage, "category": category, "owner_id": owner_id,
    }  # fmt: skip
    edits = [{"field": name, "value": value.strip()} for name, value in given.items() if value.strip()]
    if not chosen or not edits:
        missing = "Choose at least one deal." if not chosen else "Fill in what is to be set."
        return await listed(request, session, view, principal=principal, report={"missing": missing})
    body = {"rows": [{"deal_id": each, "edits": edits} for each in chosen[:AT_ONCE]]}
    report = await services.post(
        "deals", "deals/bulk", body, principal=principal, idempotency_key=once or str(new_id())
    )
    more = {"missing": None, "fields": FIELDS, "more": whole and len(chosen) == AT_ONCE}
    return await listed(request, session, view, principal=principal, report=report | more)
