"""The pages of the call: the number and what is said of it, the deals behind it, and the forms by which people say it."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages import saying
from gateway.pages.address import CallView
from gateway.pages.calls import call as call_page
from gateway.pages.calls import weekly
from gateway.pages.calls.receipts import receipt
from gateway.pages.format import words
from gateway.pages.names import names_of, speakers
from gateway.pages.templates import page
from gateway.pages.views import Viewed
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of
from libs.common.ids import new_id
from libs.common.web.api import Reading, runtime_of
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)

Once = Annotated[str, Form(max_length=64)]
"""Made with the form, so that pressing twice says it once."""
Text = Annotated[str, Form(max_length=10_000)]


@dataclass(frozen=True)
class Typed:
    """A form that was refused: what was typed, and what is wrong where. `status` is what the page is answered with."""

    form: str
    values: Mapping[str, str]
    mistakes: Mapping[str, str]
    status: int = 422


@router.get("/call")
async def call(request: Request, session: Reading, principal: CurrentUser, view: Viewed) -> Response:
    """This period by line, month, unit and dimension, and what people call it."""
    shown = await _call(request, session, view, principal=principal)
    if "at" in request.query_params:
        shown.headers["hx-push-url"] = view.href()
    return shown


async def _call(
    request: Request, session: AsyncSession, view: CallView, *, typed: Typed | None = None, principal: Principal
) -> Response:
    services = services_of(request)
    found, later = await asyncio.gather(
        call_page.read(services, view, principal=principal),
        call_page.later_by_plan(services, view, principal=principal),
    )
    said = await weekly.read(services, found, view, principal=principal)
    ids = found.owner_ids() | (said.person_ids() if said else set())
    names = await names_of(session, ids, principal=principal)
    labels = weekly.labels(said, names) if said else {}
    return page(
        request,
        "calls/call.html",
        status=typed.status if typed else 200,
        view=view,
        call=found.call,
        later_by_plan=later,
        rows=call_page.rows(found, view, names),
        totals=found.rollup["totals"] if found.rollup else found.call["tree"]["node"],
        certainty=call_page.certainty(found.call["lines"]),
        fx_bar=call_page.fx_bar(found.call),
        csv_href=_csv_href(view),
        weekly=said,
        labels=labels,
        people=await speakers(session, said.subjects(), principal=principal) if said else {},
        offers=weekly.offers(said, labels, principal=principal) if said else weekly.Offers(),
        movement_href=weekly.movement_href(view, found.call["period"]["key"], said.lock["due_at"])
        if said and said.lock
        else None,
        me=principal.subject,
        typed=typed,
        once=str(new_id()),
    )


@router.get("/call/since")
async def since(
    request: Request,
    principal: CurrentUser,
    view: Viewed,
    instant: Annotated[str, Query(alias="since", max_length=40)],
) -> Response:
    """How the forecast moved since an instant: the part of the Call page that asks for itself, as its reading takes longer."""
    try:
        found = await weekly.since(services_of(request), view, instant, principal=principal)
    except ServiceRefused as refused:
        return page(request, "calls/call_since.html", since=None, reason=str(refused))
    href = weekly.movement_href(view, found.moved["period"]["key"], instant)
    return page(request, "calls/call_since.html", since=found, reason=None, href=href)


@router.post("/call/submissions")
async def submit(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    view: Viewed,
    target: Annotated[str, Form(alias="for", max_length=60)] = "",
    mode: Text = "own",
    amount: Text = "",
    best: Text = "",
    worst: Text = "",
    notes: Text = "",
    period: Annotated[str, Form(alias="of", max_length=20)] = "",
    value_basis: Annotated[str, Form(alias="basis", max_length=40)] = "",
    once: Once = "",
) -> Response:
    """Make a call. A refused one is shown again, with what was typed and what is wrong where."""
    values = {"for": target, "mode": mode, "amount": amount, "best": best, "worst": worst, "notes": notes}
    body = saying.submission(values, _population(view, period, value_basis))
    refused = await _said(request, "submissions", body, "submission", values, once, principal=principal)
    return await _after(request, session, view, refused, principal=principal)


@router.post("/call/adjustments")
async def adjust(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    view: Viewed,
    target: Annotated[str, Form(alias="for", max_length=60)] = "",
    delta: Text = "",
    reason: Text = "",
    expires_at: Text = "",
    period: Annotated[str, Form(alias="of", max_length=20)] = "",
    value_basis: Annotated[str, Form(alias="basis", max_length=40)] = "",
    once: Once = "",
) -> Response:
    """Add to a number below, with a reason and until a day."""
    values = {"for": target, "delta": delta, "reason": reason, "expires_at": expires_at}
    zone = runtime_of(request).settings.org_timezone
    body = saying.adjustment(values, _population(view, period, value_basis), zone)
    refused = await _said(request, "adjustments", body, "adjustment", values, once, principal=principal)
    return await _after(request, session, view, refused, principal=principal)


@router.post("/call/adjustments/{adjustment_id}/withdraw")
async def withdraw(
    request: Request, session: Reading, principal: CurrentUser, view: Viewed, adjustment_id: UUID
) -> Response:
    """Take an adjustment back."""
    path = f"adjustments/{adjustment_id}/withdraw"
    refused = await _said(request, path, {}, "withdrawal", {}, "", principal=principal)
    return await _after(request, session, view, refused, principal=principal)


async def _after(
    request: Request, session: AsyncSession, view: CallView, refused: Typed | None, *, principal: Principal
) -> Response:
    if refused is not None:
        return await _call(request, session, view, typed=refused, principal=principal)
    return RedirectResponse(f"{view.href()}#the-call", status_code=303)


async def _said(
    request: Request,
    path: str,
    body: Mapping[str, Any],
    form: str,
    values: Mapping[str, str],
    once: str,
    *,
    principal: Principal,
) -> Typed | None:
    """Tell the forecast; None if it took it."""
    try:
        await services_of(request).post(
            "forecast", f"forecast/{path}", body, principal=principal, idempotency_key=once or None
        )
    except ServiceDown as down:
        return Typed(form, values, {saying.FORM: f"{down} What you typed is kept."}, down.status)
    except ServiceRefused as refused:
        return Typed(form, values, saying.mistakes(refused.problem, values))
    return None


def _population(view: CallView, period: str, value_basis: str) -> dict[str, str]:
    """What was called is what the form showed, whatever has become the current period since."""
    parts = {"period": period, "value_basis": value_basis, "deal_type": view.deal_type}
    return {name: text for name, text in parts.items() if text}


@router.get("/call/deals")
async def call_deals(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    view: Viewed,
    line: Annotated[str, Query(max_length=20)] = "",
    only: Annotated[str, Query(max_length=20)] = "",
    cursor: Annotated[str, Query(max_length=400)] = "",
    judge: Annotated[str, Query(max_length=36)] = "",
) -> Response:
    """The deals behind a number of the call, with its receipt; their sum is that number.

    `only` lists those of which something is known, or not. `judge` opens the form of one of them.
    """
    return await _deals(request, session, view, DealsAt(line, cursor, judge, only), principal=principal)


@dataclass(frozen=True)
class DealsAt:
    """Which deals of a view are listed, and of which of them the form is open."""

    line: str = ""
    cursor: str = ""
    judge: str = ""
    only: str = ""

    def href(self, view: CallView, **changes: str) -> str:
        """The address of the list; with `judge` that of the list with a deal's form open, with `cursor` of another page."""
        return self._href(view, "/call/deals", {"cursor": self.cursor, **changes})

    def action(self, view: CallView) -> str:
        """Where judgements of this list are sent."""
        return self._href(view, "/call/judgements", {"cursor": self.cursor})

    def _href(self, view: CallView, path: str, more: Mapping[str, str]) -> str:
        given = {name: text for name, text in {"line": self.line, "only": self.only, **more}.items() if text}
        return view.href(path, open=(), **given)


async def _deals(
    request: Request,
    session: AsyncSession,
    view: CallView,
    at: DealsAt,
    *,
    typed: Typed | None = None,
    principal: Principal,
) -> Response:
    services = services_of(request)
    asked = view.asked(line=at.line, only=at.only, limit="100", cursor=at.cursor)
    found = await services.get("forecast", "forecast/deals", principal=principal, params=asked)
    judged = await services.get(
        "forecast",
        "forecast/judgements",
        principal=principal,
        params={"mine": "true"} | ({"org": view.org} if view.org else {}),
    )
    owners = (deal["owner_id"] for deal in found["items"])
    names = await names_of(session, _ids(owners), principal=principal)
    return page(
        request,
        "deals/deals.html",
        status=typed.status if typed else 200,
        view=view,
        title=words(at.line) or "All deals",
        back=(view.href(), f"Call {found['period']['label']}"),
        here=at.href(view, judge=at.judge),
        next_href=at.href(view, cursor=found["next_cursor"]) if found["next_cursor"] else None,
        at=at,
        found=found,
        names={str(key): name for key, name in names.items()},
        csv_href=_deals_csv(view, at.line, at.only),
        **receipt(found, at.only, lambda name: at.href(view, only=name, cursor="")),
        judged={each["deal_id"]: each for each in judged["items"]},
        may_judge=bool(principal.roles & weekly.SUPERIORS),
        typed=typed,
        once=str(new_id()),
    )


@router.post("/call/judgements")
async def judge(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    view: Viewed,
    deal_id: Annotated[str, Form(max_length=36)],
    verdict: Annotated[str, Form(max_length=10)] = "",
    amount: Text = "",
    close_date: Text = "",
    note: Text = "",
    once: Once = "",
    line: Annotated[str, Query(max_length=20)] = "",
    only: Annotated[str, Query(max_length=20)] = "",
    cursor: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    """Judge a deal for one's own call, and go on in the list."""
    values = {"deal_id": deal_id, "verdict": verdict, "amount": amount, "close_date": close_date, "note": note}
    refused = await _said(
        request, "judgements", saying.judgement(values), "judgement", values, once, principal=principal
    )
    at = DealsAt(line, cursor, deal_id, only)
    if refused is not None:
        return await _deals(request, session, view, at, typed=refused, principal=principal)
    return RedirectResponse(f"{at.href(view)}#deal-{deal_id}", status_code=303)


def _ids(texts: Iterable[str | None]) -> set[UUID]:
    return {UUID(text) for text in texts if text}


def _csv_href(view: CallView) -> str:
    by = "unit" if view.by == "organisation" else view.by
    return f"/api/v1/forecast/rollup?{urlencode(view.asked(by=by, format='csv'))}"


def _deals_csv(view: CallView, line: str, only: str) -> str:
    return f"/api/v1/forecast/deals?{urlencode(view.asked(line=line, only=only, format='csv'))}"
