"""Promotions: the list with its line of time, the form of a plan, and one promotion with budget, lift and decision."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.names import speakers
from gateway.pages.pricing import promoted
from gateway.pages.pricing.offered import STATES as QUOTE_STATES
from gateway.pages.templates import page
from gateway.proxy.client import ServiceDown, ServiceRefused, Services, services_of
from libs.common import clock
from libs.common.calendar import local_date
from libs.common.ids import new_id
from libs.common.web.api import Transaction, runtime_of
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False, prefix="/prices/promotions")

PLANNERS = frozenset({"manager", "sales_ops", "cso", "admin"})
APPROVERS = frozenset({"finance", "cso", "ceo", "admin"})
EMPTY = dict.fromkeys(
    ("name", "starts_on", "ends_on", "markets", "segments", "value", "budget", "expected", "note"), ""
) | {"currency": "EUR", "kind": "percent", "stacking": "exclusive"}


@router.get("")
async def listed(request: Request, principal: CurrentUser) -> Response:
    return await _list(request, principal=principal)


@router.post("")
async def plan(request: Request, principal: CurrentUser) -> Response:
    """Plan a promotion; what is refused is shown with the reason, and what was typed stays."""
    form = await request.form()
    products = [str(each) for each in form.getlist("products")]
    wanted, mistake = promoted.written(form, products)
    if not mistake:
        try:
            once = str(form.get("once") or "") or None
            made = await services_of(request).post(
                "pricing", "promotions", wanted, principal=principal, idempotency_key=once
            )
        except ServiceRefused as refused:
            mistake = _reason(refused)
        else:
            return RedirectResponse(f"/prices/promotions/{made['promotion_id']}", status_code=303)
    return await _list(request, typed=form, products=products, mistake=mistake, principal=principal)


@router.get("/{promotion_id}")
async def one(request: Request, session: Transaction, principal: CurrentUser, promotion_id: UUID) -> Response:
    return await _one(request, session, promotion_id, principal=principal)


@router.post("/{promotion_id}/plan")
async def replan(request: Request, session: Transaction, principal: CurrentUser, promotion_id: UUID) -> Response:
    form = await request.form()
    products = [str(each) for each in form.getlist("products")]
    wanted, mistake = promoted.written(form, products)
    if mistake:
        return await _one(request, session, promotion_id, typed=form, mistake=mistake, principal=principal)
    version = str(form.get("version") or "") or None
    return await _done(
        request, session, promotion_id, principal,
        lambda: services_of(request).put(
            "pricing", f"promotions/{promotion_id}", wanted, principal=principal, if_match=version
        ),
        typed=form,
    )  # fmt: skip


@router.post("/{promotion_id}/{act}")
async def act(request: Request, session: Transaction, principal: CurrentUser, promotion_id: UUID, act: str) -> Response:
    """Decide on it, or end it before its time."""
    form = await request.form()
    note, version = str(form.get("note") or ""), str(form.get("version") or "")
    body: dict[str, Any] = {"note": note}
    if act != "end":
        seen = int(version) if version.isdigit() else 0
        body |= {"verdict": str(form.get("verdict") or ""), "version": seen}
    path, if_match = ("end", version or None) if act == "end" else ("decision", None)
    return await _done(
        request, session, promotion_id, principal,
        lambda: services_of(request).post(
            "pricing", f"promotions/{promotion_id}/{path}", body, principal=principal, if_match=if_match
        ),
    )  # fmt: skip


async def _done(
    request: Request,
    session: Transaction,
    promotion_id: UUID,
    principal: Principal,
    do: Callable[[], Awaitable[Any]],
    *,
    typed: FormData | None = None,
) -> Response:
    """Do it and show the promotion again; what is refused is shown with the reason."""
    try:
        await do()
    except (ServiceDown, ServiceRefused) as refused:
        if getattr(refused, "status", 0) in (401, 404):
            raise
        return await _one(request, session, promotion_id, typed=typed, mistake=_reason(refused), principal=principal)
    return RedirectResponse(f"/prices/promotions/{promotion_id}", status_code=303)


async def _list(
    request: Request,
    *,
    typed: FormData | None = None,
    products: list[str] | None = None,
    mistake: str = "",
    principal: Principal,
) -> Response:
    services = services_of(request)
    rows = (await services.get("pricing", "promotions", principal=principal))["items"]
    catalogue = await _catalogue(services, principal=principal)
    return page(
        request,
        "pricing/promotions.html",
        status=422 if mistake else 200,
        rows=rows,
        spans=promoted.spans(rows, _today(request)),
        used=[promoted.share_used(row) for row in rows],
        catalogue=catalogue,
        codes={each["product_id"]: each["code"] for each in catalogue},
        cells=EMPTY | ({name: str(value) for name, value in typed.items()} if typed else {}),
        chosen=products or [],
        mistake=mistake,
        once=str(new_id()),
        may_plan=bool(principal.roles & PLANNERS),
        **_words(),
    )


async def _one(
    request: Request,
    session: Transaction,
    promotion_id: UUID,
    *,
    typed: FormData | None = None,
    mistake: str = "",
    principal: Principal,
) -> Response:
    services = services_of(request)
    row = await services.get("pricing", f"promotions/{promotion_id}", principal=principal)
    lift = await services.get("pricing", f"promotions/{promotion_id}/lift", principal=principal)
    taken = await services.get("pricing", f"promotions/{promotion_id}/quotes", principal=principal)
    history = await services.get("pricing", f"promotions/{promotion_id}/history", principal=principal)
    catalogue = await _catalogue(services, principal=principal)
    own = principal.subject in row["authors"]
    subjects = {*row["authors"], *(each["actor"] for each in history["items"])}
    return page(
        request,
        "pricing/promotion.html",
        status=422 if mistake else 200,
        row=row,
        lift=lift,
        verdict=promoted.verdict(lift),
        weekly=promoted.weekly(lift),
        interval=promoted.interval(lift),
        taken=taken,
        history=history["items"],
        spans=promoted.spans([row], _today(request)),
        used=promoted.share_used(row),
        catalogue=catalogue,
        codes={each["product_id"]: each["code"] for each in catalogue},
        cells=promoted.typed(row) | ({name: str(value) for name, value in typed.items()} if typed else {}),
        chosen=[str(each) for each in typed.getlist("products")] if typed else row["products"],
        mistake=mistake,
        names=await speakers(session, subjects, principal=principal),
        quote_states=QUOTE_STATES,
        may_plan=bool(principal.roles & PLANNERS),
        may_decide=bool(principal.roles & APPROVERS) and not own,
        may_end=bool(principal.roles & (PLANNERS | APPROVERS)),
        is_own=own,
        **_words(),
    )


async def _catalogue(services: Services, *, principal: Principal) -> list[dict[str, Any]]:
    asked = {"limit": "500", "include_inactive": "true"}
    found: list[dict[str, Any]] = (await services.get("pricing", "products", principal=principal, params=asked))[
        "items"
    ]
    return found


def _words() -> Mapping[str, Any]:
    return {
        "kinds": promoted.KINDS,
        "states": promoted.STATES,
        "methods": promoted.METHODS,
        "gives": promoted.gives,
        "scope": promoted.scope,
        "window": promoted.window,
    }


def _reason(refused: ServiceDown | ServiceRefused) -> str:
    """What was wrong, field by field where the service tells so."""
    told = []
    for each in getattr(refused, "problem", {}).get("errors", []):
        field = str(each["field"]).rpartition(".")[2]
        said = str(each["message"]).removeprefix("Value error, ")
        told.append(said if field == "body" else f"{field.replace('_', ' ')}: {said}")
    return "; ".join(told) or str(refused)


def _today(request: Request) -> date:
    return local_date(clock.now(), runtime_of(request).settings.org_timezone)
