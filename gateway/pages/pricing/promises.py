"""What customers promised in return for a price: by when, whether they kept it, and how often such promises are kept."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.names import speakers
from gateway.pages.pricing.offered import GIVEN, GOT
from gateway.pages.templates import page
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of
from libs.common.ids import new_id
from libs.common.web.api import Transaction
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False, prefix="/prices")

WRITERS = frozenset({"seller", "manager", "sales_ops", "cso", "admin"})
STATES = {"kept": ("Kept", "good"), "not_kept": ("Not kept", "bad"), "not_known": ("Not known yet", "")}
Short = Annotated[str, Form(max_length=100)]


@router.get("/promises")
async def listed(request: Request, session: Transaction, principal: CurrentUser) -> Response:
    return await _shown(request, session, principal=principal)


@router.post("/promises/{part_id}")
async def answer(
    request: Request,
    session: Transaction,
    principal: CurrentUser,
    part_id: UUID,
    said: Short = "",
    due: Short = "",
    once: Short = "",
    note: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Kept, not kept, or asked again on another day: the button says which."""
    body = {"answer": said, "note": note, "due": due or None if said == "moved" else None}
    try:
        await services_of(request).post(
            "pricing", f"promised-parts/{part_id}/answers", body, principal=principal, idempotency_key=once or None
        )
    except (ServiceDown, ServiceRefused) as refused:
        if getattr(refused, "status", 0) == 401:
            raise
        mistake = "Choose the day on which it is asked again." if said == "moved" and not due else str(refused)
        return await _shown(request, session, mistake=mistake, principal=principal)
    return RedirectResponse("/prices/promises", status_code=303)


async def _shown(request: Request, session: Transaction, *, mistake: str = "", principal: Principal) -> Response:
    found = await services_of(request).get("pricing", "promised-parts", principal=principal)
    rows = found["items"]
    return page(
        request,
        "pricing/promises.html",
        status=422 if mistake else 200,
        rows=[row | {"once": str(new_id())} for row in rows],
        overdue=sum(row["is_overdue"] for row in rows),
        record=[(each, said(each), bar(each)) for each in found["record"]],
        names=await speakers(session, {row["answered_by"] for row in rows if row["answered_by"]}, principal=principal),
        states=STATES,
        given=GIVEN,
        got=GOT,
        may_write=bool(principal.roles & WRITERS),
        mistake=mistake,
    )


def said(record: Mapping[str, Any]) -> str:
    """How often a kind of promise was kept, in words."""
    kind, known, waiting = GOT[record["got"]], record["known"], record["not_known"]
    later = f"; {waiting} not known yet" if waiting else ""
    if not known:
        return f"{kind}: nothing is known of whether such promises are kept{later}."
    share = f"{_percent(record['low'])} to {_percent(record['high'])}\u202f%"
    return f"{kind}: of {known} such {'promise' if known == 1 else 'promises'} {record['kept']} kept (90\u202f% interval {share}){later}."


def bar(record: Mapping[str, Any]) -> dict[str, float] | None:
    """The share that was kept and its interval on 0 to 1000; None where nothing is known."""
    if record["low"] is None:
        return None
    low, high = (round(1000 * float(record[name]), 1) for name in ("low", "high"))
    return {"low": low, "width": round(high - low, 1), "share": round(1000 * record["kept"] / record["known"], 1)}


def of_kinds(records: Sequence[Mapping[str, Any]], pairs: Sequence[Mapping[str, Any]]) -> list[str]:
    """What an approver is told of the kinds of promises that a request asks for."""
    asked = {each["got"] for each in pairs}
    known = {each["got"]: said(each) for each in records}
    return [known.get(kind) or f"{GOT[kind]}: nobody promised it before." for kind in sorted(asked)]


def _percent(share: str) -> str:
    return f"{(Decimal(share) * 100).quantize(Decimal(1))}"
