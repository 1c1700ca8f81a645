"""The page that a buyer opens by a link, without an account: one plan, and the buyer's own tasks to tick.

It answers an unknown, an expired and a revoked link alike, and tells nothing of the deal.
"""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Form, Path, Request
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import refuse_other_sites
from gateway.auth.limits import AttemptLimit
from gateway.auth.tokens import csrf_token, same
from gateway.buyerlinks import service
from gateway.pages.templates import page
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of
from libs.common import clock
from libs.common.ids import new_id
from libs.common.web.api import Transaction

router = APIRouter(include_in_schema=False, prefix="/shared-plan/{token}")

Token = Annotated[str, Path(max_length=100)]
HEADERS: Final = {"referrer-policy": "no-referrer", "x-robots-tag": "noindex, nofollow", "cache-control": "no-store"}
GONE: Final = "This link does not work: it may have expired, been revoked or been copied in part. Ask whoever sent it for a new one."
SLOW: Final = "Too many requests; wait a few minutes and open the link again."
DOWN: Final = "The plan cannot be shown right now. Nothing is lost; try again shortly."

_by_address = AttemptLimit(attempts=60, window_s=300)
_by_link = AttemptLimit(attempts=60, window_s=300)


@router.get("")
async def shared_plan(request: Request, session: Transaction, token: Token) -> Response:
    """The plan of a link."""
    if not _allowed(request, token):
        return _said(request, SLOW, 429)
    principal = await service.admit(session, token, does="visited")
    if principal is None:
        return _said(request, GONE, 404)
    try:
        plan = await services_of(request).get("deals", f"close-plans/{principal.scope[0]}/shared", principal=principal)
    except ServiceRefused:
        await service.turned_away(session, because="plan_gone", principal=principal)
        return _said(request, GONE, 404)
    except ServiceDown:
        return _said(request, DOWN, 503)
    return _page(request, plan=plan, token=token, message=None)


@router.post("/tasks/{task_id}")
async def tick(
    request: Request,
    session: Transaction,
    token: Token,
    task_id: UUID,
    done: Annotated[str, Form(max_length=5)] = "yes",
    csrf: Annotated[str, Form(max_length=100)] = "",
    once: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Say that one of the buyer's tasks is done, or is not. The form has to come from the page of this link."""
    refuse_other_sites(request)
    if not _allowed(request, token):
        return _said(request, SLOW, 429)
    principal = await service.admit(session, token, does="ticked")
    if principal is None:
        return _said(request, GONE, 404)
    plan, body = f"close-plans/{principal.scope[0]}/shared", {"done": done == "yes"}
    if not same(csrf, csrf_token(token)):
        await service.turned_away(session, because="other_form", principal=principal)
        return _said(request, "This form was not made by this page; open the link again.", 403)
    try:
        await services_of(request).post(
            "deals", f"{plan}/tasks/{task_id}/tick", body, principal=principal, idempotency_key=once or None
        )
    except ServiceRefused as refused:
        await service.turned_away(session, because=str(refused.problem.get("type", ""))[-60:], principal=principal)
        return _said(request, str(refused), refused.status)
    except ServiceDown:
        return _said(request, DOWN, 503)
    return RedirectResponse(f"/shared-plan/{token}", status_code=303, headers=HEADERS)


def _allowed(request: Request, token: str) -> bool:
    """60 requests in five minutes by address and by link, wrong links among them; beyond that nothing is looked up."""
    at, asker = clock.monotonic(), request.client.host if request.client else "unknown"
    return _by_address.allows(asker, at=at) and _by_link.allows(token, at=at)


def _said(request: Request, message: str, status: int) -> Response:
    return _page(request, plan=None, token="", message=message, status=status)


def _page(request: Request, *, status: int = 200, token: str, **values: Any) -> Response:
    made = page(
        request, "deals/buyer.html", status=status, token=token, form=csrf_token(token), once=str(new_id()), **values
    )
    made.headers.update(HEADERS)
    return made
