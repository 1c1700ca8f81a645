"""The pages on movement: why a period's forecast moved, and the deals behind each reason."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.address import MovementView
from gateway.pages.calls.call import fx_beside
from gateway.pages.deals.changes import compared, told
from gateway.pages.format import moment, typed_moment
from gateway.pages.movement.terms import Side, Term, term_of
from gateway.pages.names import names_of
from gateway.pages.templates import page
from gateway.pages.views import Moving
from gateway.pages.waterfall import Bar, Waterfall, waterfall
from gateway.proxy.client import Services, services_of
from libs.common.web.api import Reading, runtime_of
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)

MOST_STEPS = 200
"""Steps shown of a term; the CSV has all of them."""
LARGEST = 3
"""Terms that the headline names."""


@dataclass(frozen=True)
class Row:
    """A term of an identity with its bar."""

    name: str
    term: Term
    amount: Decimal
    steps: int
    bar: Bar
    href: str


@dataclass(frozen=True)
class Identity:
    """An identity as it is drawn: terms that moved something, between opening and closing. `largest` come first."""

    side: Side
    found: dict[str, Any]
    rows: Sequence[Row]
    largest: Sequence[Row]
    picture: Waterfall
    still: Sequence[str]
    """Labels of the terms that moved nothing."""


@dataclass(frozen=True)
class Choice:
    """A start that can be chosen with one click."""

    label: str
    href: str
    is_chosen: bool


@router.get("/movement")
async def movement(request: Request, principal: CurrentUser, view: Moving) -> Response:
    """From what stood at the start to what stands at the end, term by term, for the open part and the closed."""
    services, zone = services_of(request), _zone(request)
    call, locks = await asyncio.gather(
        services.get("forecast", "forecast/call", principal=principal, params=_same_place(view)),
        services.get("forecast", "forecast/locks", principal=principal, params={"limit": "20"}),
    )
    asked = _asked(view, call, zone)
    found = await services.get("forecast", "forecast/movement", principal=principal, params=asked)
    shown = page(
        request,
        "movement/movement.html",
        view=view,
        call=call,
        found=found,
        sides=[_identity("open", found, view), _identity("closed", found, view)],
        fx_bar=fx_beside(Decimal(found["closed"]["closing"]), Decimal(found["fx"]["closing"]), found["rate"]),
        choices=_choices(view, found, locks["items"], zone),
        written_at=typed_moment,
        is_live=not view.as_of and not view.known_at,
        csv_href=f"/api/v1/forecast/movement?{urlencode(asked | {'format': 'csv'})}",
    )
    if "since" in request.query_params:
        shown.headers["hx-push-url"] = view.href()
    return shown


@router.get("/movement/deals")
async def movement_deals(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    view: Moving,
    side: Side = "open",
    term: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """The deals behind a term, each before and after; their sum is the term."""
    services, zone = services_of(request), _zone(request)
    asked = await _asked_again(services, view, zone, principal)
    wanted = asked | {"side": side} | ({"term": term} if term else {})
    found = await services.get(
        "forecast", "forecast/movement/steps", principal=principal, params=wanted | {"limit": str(MOST_STEPS)}
    )
    owners = {
        UUID(stood["owner_id"])
        for each in found["items"]
        for stood in (each["before"], each["after"])
        if stood and stood["owner_id"]
    }
    names = await names_of(session, owners, principal=principal)
    steps = [(each, compared(each["before"], each["after"], names)) for each in found["items"]]
    return page(
        request,
        "movement/movement_deals.html",
        view=view,
        found=found,
        side=side,
        term=term,
        words=term_of(side, term) if term else Term("All terms", "every deal that moved something"),
        term_of=term_of,
        steps=steps,
        told=told,
        csv_href=f"/api/v1/forecast/movement/steps?{urlencode(wanted | {'format': 'csv'})}",
    )


def _zone(request: Request) -> str:
    return str(runtime_of(request).settings.org_timezone)


def _same_place(view: MovementView) -> dict[str, str]:
    """What the call is asked for: the same period and unit, as they are now."""
    parts = {"period": view.period, "org": view.org, "deal_type": view.deal_type, "value_basis": view.value_basis}
    return {name: value for name, value in parts.items() if value}


def _asked(view: MovementView, call: dict[str, Any], zone: str) -> dict[str, str]:
    """The forecast's parameters. Where nothing is live a movement ends with the newest change that was imported."""
    date = call["business_date"]
    ends = {"as_of": date["newest_change_at"]} if not view.as_of and date["basis"] == "import" else {}
    return view.asked(zone) | ends


async def _asked_again(services: Services, view: MovementView, zone: str, principal: Principal) -> dict[str, str]:
    if view.as_of:
        return view.asked(zone)
    call = await services.get("forecast", "forecast/call", principal=principal, params=_same_place(view))
    return _asked(view, call, zone)


def _identity(side: Side, found: dict[str, Any], view: MovementView) -> Identity:
    identity = found[side]
    moved = [each for each in identity["terms"] if each["steps"]]
    amounts = [Decimal(each["amount"]) for each in moved]
    picture = waterfall(Decimal(identity["opening"]), amounts, Decimal(identity["closing"]))
    pinned = {} if view.as_of else {"as_of": found["until"]["as_of"], "known_at": found["until"]["known_at"]}
    started = {"since": found["since"]["as_of"], "since_known_at": found["since"]["known_at"]}
    rows = [
        Row(
            each["term"],
            term_of(side, each["term"]),
            amount,
            each["steps"],
            bar,
            view.href("/movement/deals", **{**started, **pinned}, side=side, term=each["term"]),
        )
        for each, amount, bar in zip(moved, amounts, picture.bars[1:-1], strict=True)
    ]
    return Identity(
        side=side,
        found=identity,
        rows=rows,
        largest=sorted((row for row in rows if row.amount), key=lambda row: -abs(row.amount))[:LARGEST],
        picture=picture,
        still=[term_of(side, each["term"]).label for each in identity["terms"] if not each["steps"]],
    )


def _choices(view: MovementView, found: dict[str, Any], locks: Sequence[dict[str, Any]], zone: str) -> list[Choice]:
    """The last lock, a week before the end, the start of the period; each as far as it lies before the end."""
    until = datetime.fromisoformat(found["until"]["as_of"])
    period = found["period"]
    offered: list[tuple[str, dict[str, str]]] = []
    for lock in locks:
        if lock["kind"] != "closed" and datetime.fromisoformat(lock["due_at"]) < until:
            offered.append((f"Last lock, {moment(lock['due_at'], zone)}", {"since": lock["due_at"]}))
            break
    offered.append(("A week before", {"since": ""}))
    if period["start"] <= found["until"]["day"]:
        is_over = period["end"] < found["until"]["day"]
        ends = {"as_of": period["end"]} if is_over else {}
        offered.append((f"Start of {period['label']}", {"since": period["start"], **ends}))
    return [
        Choice(label, view.href(**changes, since_known_at=""), view.since == changes["since"])
        for label, changes in offered
    ]
