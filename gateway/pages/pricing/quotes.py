"""Quotes: the list, one quote with its way to the margin and its approval, and the forms on both."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.names import speakers
from gateway.pages.pricing import promises, promoted
from gateway.pages.pricing.offered import (
    AUTHORITIES,
    GIVEN,
    GOT,
    MEASURES,
    REASONS,
    STATES,
    STEPS,
    bars,
    beyond,
    input_in_words,
    net_price,
    paired,
    pairs,
    subject_in_words,
)
from gateway.pages.templates import page
from gateway.proxy.client import ServiceDown, ServiceRefused, Services, services_of
from libs.common.ids import new_id
from libs.common.web.api import Transaction
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False, prefix="/prices")

WRITERS = frozenset({"seller", "manager", "sales_ops", "cso", "admin"})

Text = Annotated[str, Form(max_length=1000)]
Short = Annotated[str, Form(max_length=100)]
Several = Annotated[list[str] | None, Form(max_length=20)]


@router.get("/quotes")
async def listed(
    request: Request,
    session: Transaction,
    principal: CurrentUser,
    status: Annotated[str, Query(max_length=20)] = "",
    cursor: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """Quotes of deals that the reader may see, and what waits for the reader."""
    services = services_of(request)
    asked = {
        name: value for name, value in (("status", status if status in STATES else ""), ("cursor", cursor)) if value
    }
    found = await services.get("pricing", "quotes", principal=principal, params=asked)
    mine = await services.get("pricing", "approvals", principal=principal)
    names = await speakers(session, {item["request"]["submitted_by"] for item in mine["items"]}, principal=principal)
    return page(
        request,
        "pricing/quotes.html",
        quotes=found["items"],
        next_cursor=found["next_cursor"],
        chosen=status if status in STATES else "",
        mine=mine["items"],
        names=names,
        states=STATES,
        authorities=AUTHORITIES,
        subject=subject_in_words,
    )


@router.post("/quotes")
async def create(
    request: Request,
    principal: CurrentUser,
    deal: Short = "",
    currency: Short = "EUR",
    product: Several = None,
    quantity: Several = None,
    price: Several = None,
    once: Short = "",
) -> Response:
    """Make a quote of a checked price."""
    lines = [
        {"product_id": each, "quantity": amount, "unit_price": value}
        for each, amount, value in zip(product or [], quantity or [], price or [], strict=False)
    ]
    body = {"deal_id": deal, "currency": currency, "lines": lines}
    made = await services_of(request).post("pricing", "quotes", body, principal=principal, idempotency_key=once or None)
    return RedirectResponse(f"/prices/quotes/{made['quote_id']}", status_code=303)


@router.get("/quotes/{quote_id}")
async def one(request: Request, session: Transaction, principal: CurrentUser, quote_id: UUID) -> Response:
    return await shown(request, session, quote_id, principal=principal)


@router.post("/quotes/{quote_id}/submit")
async def submit(
    request: Request, session: Transaction, principal: CurrentUser, quote_id: UUID,
    reason: Short = "", note: Text = "", version: Short = "",
) -> Response:  # fmt: skip
    body = {"reason": reason or None, "note": note, "pairs": pairs(await request.form())}
    return await _done(
        request, session, quote_id, principal,
        lambda: services_of(request).post(
            "pricing", f"quotes/{quote_id}/submit", body, principal=principal, if_match=version or None
        ),
    )  # fmt: skip


@router.post("/quotes/{quote_id}/decide")
async def decide(
    request: Request, session: Transaction, principal: CurrentUser, quote_id: UUID,
    asked: Short = "", step: Short = "", verdict: Short = "", seen: Short = "", note: Text = "", got: Short = "",
    got_note: Text = "",
) -> Response:  # fmt: skip
    """Approve, reject, or send it back with what the customer should do for it."""
    asks = [{"got": got, "note": got_note}] if verdict == "ask" else []
    body = {"verdict": "rejected" if asks else verdict, "seen": seen, "note": note, "asks": asks}
    return await _done(
        request, session, quote_id, principal,
        lambda: services_of(request).post(
            "pricing", f"approvals/{UUID(asked)}/steps/{int(step)}", body, principal=principal
        ),
    )  # fmt: skip


@router.post("/quotes/{quote_id}/revise")
async def revise(
    request: Request, session: Transaction, principal: CurrentUser, quote_id: UUID,
    price: Several = None, quantity: Several = None, promotion: Several = None, valid_until: Short = "",
    payment_days: Short = "", term_months: Short = "", version: Short = "",
) -> Response:  # fmt: skip
    """The quantities, prices, promotions and terms of a form; products and named deductions stay."""
    services = services_of(request)
    quote = await services.get("pricing", f"quotes/{quote_id}", principal=principal)
    terms = {
        "valid_until": valid_until or None,
        "payment_days": payment_days or None,
        "term_months": term_months or None,
    }
    lines = []
    chosen = promotion or [""] * len(quote["lines"])
    for line, typed, amount, taken in zip(quote["lines"], price or [], quantity or [], chosen, strict=False):
        deductions = [
            {name: each[name] for name in ("name", "kind", "share")}
            for each in line["deductions"]
            if each["promotion_id"] is None
        ]
        same = typed == net_price(line)
        lines.append(
            {
                "product_id": line["product_id"],
                "quantity": amount,
                "unit_price": line["unit_price"] if same else typed,
                "deductions": deductions if same else [each for each in deductions if each["kind"] != "on_invoice"],
                "promotions": [taken] if taken else [],
            }
        )
    return await _done(
        request, session, quote_id, principal,
        lambda: services.put(
            "pricing", f"quotes/{quote_id}", {"lines": lines, **terms}, principal=principal, if_match=version or None
        ),
    )  # fmt: skip


@router.post("/quotes/{quote_id}/{act}")
async def act(
    request: Request, session: Transaction, principal: CurrentUser, quote_id: UUID, act: str, version: Short = ""
) -> Response:
    """Accept or withdraw."""
    wanted = act if act in ("accept", "withdraw") else "accept"
    return await _done(
        request, session, quote_id, principal,
        lambda: services_of(request).post(
            "pricing", f"quotes/{quote_id}/{wanted}", {}, principal=principal, if_match=version or None
        ),
    )  # fmt: skip


async def _done(
    request: Request, session: Transaction, quote_id: UUID, principal: Principal, do: Callable[[], Awaitable[Any]]
) -> Response:
    """Do it and show the quote again; what is refused is shown with the reason."""
    try:
        await do()
    except ValueError:
        return await shown(
            request, session, quote_id, refusal="The form was not complete; try again.", principal=principal
        )
    except (ServiceDown, ServiceRefused) as refused:
        if getattr(refused, "status", 0) in (401, 404):
            raise
        return await shown(request, session, quote_id, refusal=str(refused), principal=principal)
    return RedirectResponse(f"/prices/quotes/{quote_id}", status_code=303)


async def shown(
    request: Request, session: Transaction, quote_id: UUID, *, refusal: str = "", principal: Principal
) -> Response:
    services = services_of(request)
    quote = await services.get("pricing", f"quotes/{quote_id}", principal=principal)
    approvals = await services.get("pricing", f"quotes/{quote_id}/approvals", principal=principal)
    history = await services.get("pricing", f"quotes/{quote_id}/history", principal=principal)
    deal = await _deal(services, quote["deal_id"], principal=principal)
    catalogue = await services.get(
        "pricing", "products", principal=principal, params={"limit": "500", "include_inactive": "true"}
    )
    promotions = await services.get("pricing", "promotions", principal=principal, params={"state": "running"})
    promised = await services.get("pricing", "promised-parts", principal=principal, params={"quote_id": str(quote_id)})
    current = next((each for each in approvals["requests"] if each["state"] == "open"), None)
    subjects = {quote["created_by"], *(each["actor"] for each in history["states"] if each["actor"])}
    subjects |= {each["revised_by"] for each in history["revisions"]}
    for asked in approvals["requests"]:
        subjects |= {asked["submitted_by"], *(s["decided_by"] for s in asked["steps"] if s["decided_by"])}
    subjects |= {each["on_behalf_of"] for each in approvals["decisions"] if each["on_behalf_of"]}
    return page(
        request,
        "pricing/quote.html",
        status=422 if refusal else 200,
        quote=quote,
        approvals=approvals,
        current=current,
        promised=promised["items"],
        promise_states=promises.STATES,
        kept_before=promises.of_kinds(approvals["in_return"], current["pairs"] if current else []),
        history=history,
        deal=deal,
        products={each["product_id"]: each for each in catalogue["items"]},
        bars=bars(quote["waterfall"]),
        names=await speakers(session, subjects, principal=principal),
        refusal=refusal,
        once=str(new_id()),
        may_write=bool(principal.roles & WRITERS),
        net_price=net_price,
        promotions=[
            promoted.fitting(promotions["items"], currency=quote["currency"], product=line["product_id"], deal=deal)
            for line in quote["lines"]
        ],
        taken=[[each for each in line["deductions"] if each["promotion_id"]] for line in quote["lines"]],
        gives=promoted.gives,
        given=GIVEN,
        got=GOT,
        pairs=paired(approvals["requests"], approvals["decisions"]),
        asks={
            request["request_id"]: [
                ask
                for decision in approvals["decisions"]
                if decision["request_id"] == request["request_id"]
                for ask in decision["asks"]
            ]
            for request in approvals["requests"]
        },
        beyond=beyond,
        states=STATES,
        authorities=AUTHORITIES,
        steps=STEPS,
        measures=MEASURES,
        reasons=REASONS,
        input_in_words=input_in_words,
        subject=subject_in_words,
    )


async def _deal(services: Services, deal_id: str, *, principal: Principal) -> dict[str, Any] | None:
    try:
        return await services.get("deals", f"deals/{deal_id}", principal=principal)
    except (ServiceDown, ServiceRefused):
        return None
