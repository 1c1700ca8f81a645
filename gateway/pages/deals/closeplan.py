"""The forms of a deal's close plan: begin, tick, add, change, remove, and the buyer's links."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.buyerlinks import service as links
from gateway.buyerlinks.endpoints import address
from gateway.buyerlinks.schemas import LinkIn
from gateway.pages.deals.deal import shown
from gateway.pages.deals.planned import Typed
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of
from libs.common.web.api import Transaction
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False, prefix="/deals/{deal_id}")

Text = Annotated[str, Form(max_length=300)]
Short = Annotated[str, Form(max_length=40)]


@router.post("/close-plan")
async def begin(
    request: Request,
    session: Transaction,
    principal: CurrentUser,
    deal_id: UUID,
    template: Short = "",
    title: Text = "",
    once: Short = "",
) -> Response:
    body = {"template": template, "title": title.strip() or None}
    return await _done(
        request, session, deal_id, Typed("begin", {"title": title}, ""), principal,
        lambda: services_of(request).post(
            "deals", f"deals/{deal_id}/close-plan", body, principal=principal, idempotency_key=once or None
        ),
    )  # fmt: skip


@router.post("/close-plan/tick/{task_id}")
async def tick(
    request: Request,
    session: Transaction,
    principal: CurrentUser,
    deal_id: UUID,
    task_id: UUID,
    done: Short = "yes",
    once: Short = "",
) -> Response:
    body = {"done": done == "yes"}
    return await _done(
        request, session, deal_id, Typed("tick", {}, ""), principal,
        lambda: services_of(request).post(
            "deals", f"deals/{deal_id}/close-plan/tasks/{task_id}/tick", body, principal=principal,
            idempotency_key=once or None,
        ),
    )  # fmt: skip


@router.post("/close-plan/tasks")
async def add(
    request: Request,
    session: Transaction,
    principal: CurrentUser,
    deal_id: UUID,
    title: Text = "",
    side: Short = "seller",
    days: Short = "",
    after: Annotated[list[str] | None, Form()] = None,
    version: Short = "",
    once: Short = "",
) -> Response:
    typed = Typed("add", {"title": title, "side": side, "days": days}, _missing(title, days))
    return await _done(
        request, session, deal_id, typed, principal,
        lambda: services_of(request).post(
            "deals", f"deals/{deal_id}/close-plan/tasks", _task(title, side, days, after), principal=principal,
            idempotency_key=once or None, if_match=version or None,
        ),
    )  # fmt: skip


@router.post("/close-plan/change/{task_id}")
async def change(
    request: Request,
    session: Transaction,
    principal: CurrentUser,
    deal_id: UUID,
    task_id: UUID,
    title: Text = "",
    side: Short = "seller",
    days: Short = "",
    after: Annotated[list[str] | None, Form()] = None,
    version: Short = "",
) -> Response:
    typed = Typed(f"change-{task_id}", {"title": title, "side": side, "days": days}, _missing(title, days))
    return await _done(
        request, session, deal_id, typed, principal,
        lambda: services_of(request).put(
            "deals", f"deals/{deal_id}/close-plan/tasks/{task_id}", _task(title, side, days, after),
            principal=principal, if_match=version or None,
        ),
    )  # fmt: skip


@router.post("/close-plan/remove/{task_id}")
async def remove(
    request: Request,
    session: Transaction,
    principal: CurrentUser,
    deal_id: UUID,
    task_id: UUID,
    version: Short = "",
) -> Response:
    return await _done(
        request, session, deal_id, Typed(f"change-{task_id}", {}, ""), principal,
        lambda: services_of(request).delete(
            "deals", f"deals/{deal_id}/close-plan/tasks/{task_id}", principal=principal, if_match=version or None
        ),
    )  # fmt: skip


@router.post("/buyer-links")
async def send(request: Request, session: Transaction, principal: CurrentUser, deal_id: UUID) -> Response:
    """Make a link and show its address, this once."""
    try:
        _, token = await links.create(
            session, LinkIn(deal_id=deal_id), services=services_of(request), principal=principal
        )
    except (ServiceDown, ServiceRefused) as refused:
        return await shown(
            request, session, deal_id, typed=Typed("link", {}, str(refused), refused.status), principal=principal
        )
    return await shown(request, session, deal_id, new_link=address(request, token), principal=principal)


@router.post("/buyer-links/{link_id}/revoke")
async def revoke(
    request: Request, session: Transaction, principal: CurrentUser, deal_id: UUID, link_id: UUID
) -> Response:
    await links.revoke(session, link_id, services=services_of(request), principal=principal)
    return RedirectResponse(f"/deals/{deal_id}#close-plan", status_code=303)


async def _done(
    request: Request,
    session: Transaction,
    deal_id: UUID,
    typed: Typed,
    principal: Principal,
    act: Callable[[], Awaitable[Any]],
) -> Response:
    """Do it and show the plan again; what is refused is shown with what was typed and why."""
    mistake, status = typed.mistake, 422
    if not mistake:
        try:
            await act()
        except ServiceDown as down:
            mistake, status = f"{down} What you typed is kept.", down.status
        except ServiceRefused as refused:
            mistake = str(refused)
    if mistake:
        refused_form = Typed(typed.form, typed.values, mistake, status)
        return await shown(request, session, deal_id, typed=refused_form, principal=principal)
    return RedirectResponse(f"/deals/{deal_id}#close-plan", status_code=303)


def _task(title: str, side: str, days: str, after: list[str] | None) -> dict[str, Any]:
    return {"title": title.strip(), "side": side, "days": days.strip(), "after": after or []}


def _missing(title: str, days: str) -> str:
    if not title.strip():
        return "Say what is to be done."
    return "" if days.strip() else "Say how many working days it takes; 0 for a milestone."
