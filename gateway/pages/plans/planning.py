"""The forms of the page Plans: make, draft, type numbers, divide, add parts, take a file, propose, approve, activate."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, File, Form, Request, UploadFile
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.plans import plans
from gateway.pages.plans.plans import PATH, PlanView, Viewing
from gateway.pages.plans.typed import POINT, number
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of
from libs.common.web.api import Reading
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)

Short = Annotated[str, Form(max_length=40)]
Text = Annotated[str, Form(max_length=200)]
Many = Annotated[list[str], Form(max_length=4000)]
Step = Literal["propose", "return", "approve", "activate"]


@router.post(PATH)
async def make(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    name: Text = "",
    period: Short = "",
    org: Short = "",
    kind: Short = "unifying",
    deal_type: Short = "",
    value_basis: Short = "",
    measure: Annotated[list[str] | None, Form()] = None,
    once: Short = "",
) -> Response:
    """Begin a plan."""
    body: dict[str, Any] = {"name": name, "period": period, "kind": kind, "measures": measure or ["bookings"]}
    body |= {key: text for key, text in (("org", org), ("deal_type", deal_type), ("value_basis", value_basis)) if text}
    try:
        made = await services_of(request).post(
            "forecast", "plans", body, principal=principal, idempotency_key=once or None
        )
    except (ServiceDown, ServiceRefused) as refused:
        typed = {
            "name": name,
            "period": period,
            "org": org,
            "kind": kind,
            "deal_type": deal_type,
            "value_basis": value_basis,
        }
        return await plans.listed(request, session, typed=typed, mistake=str(refused), principal=principal)
    return RedirectResponse(f"{PATH}/{made['plan_id']}", status_code=303)


@router.post(PATH + "/{plan_id}/draft")
async def draft(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    view: Viewing,
    sequence: Short = "",
    growth: Short = "",
    dimension: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Draft from the year before; growth is typed in per cent."""
    share = number(growth)
    if share is None:
        return await plans.shown(
            request,
            session,
            view,
            mistake=f"Growth: give a number of per cent, such as 12.5, {POINT}.",
            principal=principal,
        )
    body = {"growth": str(share / 100), "dimensions": dimension or ["unit"], "measure": view.measure or "bookings"}
    return await sent(request, session, view, "draft", body, sequence, principal=principal)


@router.post(PATH + "/{plan_id}/numbers")
async def numbers(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    view: Viewing,
    node: Many,
    period: Many,
    was: Many,
    amount: Many,
    sequence: Short = "",
) -> Response:
    """Take the numbers that were typed over others; an emptied one is taken back."""
    cells = []
    for at, key, before, typed in zip(node, period, was, amount, strict=False):
        if typed.strip() == before.strip():
            continue
        given = number(typed)
        if typed.strip() and given is None:
            mistake = f"{key}: {typed!r} is not a number {POINT}. Nothing was changed."
            return await plans.shown(request, session, view, mistake=mistake, principal=principal)
        cells.append(
            {
                "node_id": at,
                "period": key,
                "measure": view.measure or "bookings",
                "amount": None if given is None else str(given),
            }
        )
    if not cells:
        return RedirectResponse(view.href(), status_code=303)
    return await sent(request, session, view, "edits", {"cells": cells}, sequence, principal=principal)


@router.post(PATH + "/{plan_id}/divide")
async def divide(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    view: Viewing,
    node: Short = "",
    period: Short = "",
    over: Short = "nodes",
    method: Short = "prior_year",
    below: Short = "",
    sequence: Short = "",
) -> Response:
    """Divide a number over what is below, or over months."""
    if over == "months" and method in ("prior_year", "trailing_12_months"):
        method = "seasonality"
    body = {
        "node_id": node,
        "period": period,
        "measure": view.measure or "bookings",
        "over": over,
        "method": method,
        "below": bool(below),
    }
    return await sent(request, session, view, "allocations", body, sequence, principal=principal)


@router.post(PATH + "/{plan_id}/parts")
async def part(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    view: Viewing,
    node: Short = "",
    dimension: Short = "market",
    value: Text = "",
    without: Short = "",
    sequence: Short = "",
) -> Response:
    """Put a part below a node, or take one away with all that is below it."""
    body: dict[str, Any] = (
        {"remove": [without]}
        if without
        else {"nodes": [{"parent_id": node, "dimension": dimension, "value": value.strip()}]}
    )
    return await sent(request, session, view, "edits", body, sequence, principal=principal)


@router.post(PATH + "/{plan_id}/market")
async def market(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    view: Viewing,
    name: Text = "",
    text: Annotated[str, Form(max_length=8000)] = "",
    campaign: Annotated[list[UUID] | None, Form()] = None,
    promotions: Annotated[str, Form(max_length=2000)] = "",
    sequence: Short = "",
) -> Response:
    """Say what is to be done in a market."""
    said = {
        "market": name.strip(),
        "text": text.strip(),
        "campaigns": [str(each) for each in campaign or ()],
        "promotions": [each.strip() for each in promotions.split(",") if each.strip()],
    }
    return await sent(request, session, view, "edits", {"texts": [said]}, sequence, principal=principal)


@router.post(PATH + "/{plan_id}/file")
async def upload(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    view: Viewing,
    file: Annotated[UploadFile, File()],
    act: Literal["try", "take"] = "try",
) -> Response:
    """Try a CSV file, or take it; what was refused is shown line by line."""
    try:
        report = await services_of(request).post_csv(
            "forecast", f"plans/{view.plan_id}/imports", await file.read(), dry_run=act == "try", principal=principal
        )
    except (ServiceDown, ServiceRefused) as refused:
        return await plans.shown(request, session, view, mistake=str(refused), principal=principal)
    return await plans.shown(request, session, view, report=report, principal=principal)


@router.post(PATH + "/{plan_id}/steps/{step}")
async def take_step(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    view: Viewing,
    step: Step,
    note: Annotated[str, Form(max_length=2000)] = "",
    sequence: Short = "",
) -> Response:
    """Propose, return, approve or activate, of what was seen."""
    return await sent(request, session, view, step, {"note": note.strip()}, sequence, principal=principal)


@router.post(PATH + "/{plan_id}/versions")
async def renew(
    request: Request, session: Reading, principal: CurrentUser, view: Viewing, once: Short = ""
) -> Response:
    """Begin a new version with what stands in the newest."""
    return await _done(
        request,
        session,
        PlanView(view.plan_id),
        lambda: services_of(request).post(
            "forecast", f"plans/{view.plan_id}/versions", {}, principal=principal, idempotency_key=once or None
        ),
        principal=principal,
    )


async def sent(
    request: Request,
    session: AsyncSession,
    view: PlanView,
    what: str,
    body: dict[str, Any],
    sequence: str,
    *,
    principal: Principal,
) -> Response:
    """Send a change of the version that was seen, and show the plan as it then is."""
    return await _done(
        request,
        session,
        view,
        lambda: services_of(request).post(
            "forecast",
            f"plans/{view.plan_id}/{what}",
            body,
            principal=principal,
            if_match=f'"{sequence}"' if sequence.isdigit() else None,
        ),
        principal=principal,
    )


async def _done(
    request: Request,
    session: AsyncSession,
    view: PlanView,
    send: Callable[[], Awaitable[dict[str, Any]]],
    *,
    principal: Principal,
) -> Response:
    """Do it and show the plan, or show the plan with why it was refused."""
    try:
        await send()
    except ServiceRefused as refused:
        said = "Somebody changed the plan meanwhile. Look at it as it is now, then try again."
        mistake = said if refused.status == 412 else str(refused)
        return await plans.shown(request, session, view, mistake=mistake, principal=principal)
    except ServiceDown as down:
        return await plans.shown(request, session, view, mistake=str(down), principal=principal)
    return RedirectResponse(view.href(), status_code=303)
