"""The pages on the projection: what a period will come to and how sure that is, and how past quarters would have been called."""

import asyncio
from dataclasses import fields
from datetime import date
from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.address import CallView, DatedView, ProjectionView
from gateway.pages.projection import outlook, quarters
from gateway.pages.projection.fan import fan
from gateway.pages.projection.histogram import histogram
from gateway.pages.projection.methods import method_of
from gateway.pages.templates import page
from gateway.pages.views import Projecting, Viewed
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of

router = APIRouter(include_in_schema=False)


@router.get("/projection")
async def projection(request: Request, principal: CurrentUser, view: Projecting) -> Response:
    """What will be closed won at the end of a period, what it is made of, and how sure that is."""
    services, wanted = services_of(request), outlook.target(view.target)
    target = {} if wanted.amount is None else {"target": str(wanted.amount)}
    call, found, promotions = await asyncio.gather(
        services.get("forecast", "forecast/call", principal=principal, params=view.asked()),
        services.get("forecast", "forecast/projection", principal=principal, params=view.asked(**target)),
        services.get("forecast", "forecast/promotions", principal=principal, params=view.asked()),
    )
    shown = page(
        request,
        "projection/projection.html",
        call=call,
        promotions=promotions,
        **projection_shown(found, view, wanted),
    )
    if "at" in request.query_params:
        shown.headers["hx-push-url"] = view.href()
    return shown


def projection_shown(found: dict[str, Any], view: ProjectionView, wanted: outlook.Target) -> dict[str, Any]:
    """What the page of the projection shows of a reading."""
    number = Decimal(found["parts"]["projection"])
    start, end = (date.fromisoformat(found["period"][name]) for name in ("start", "end"))
    return {
        "found": found,
        "view": view,
        "wanted": wanted,
        "parts": outlook.parts(found["parts"]),
        "band": outlook.band(found["bands"], outlook.NARROW),
        "wide": outlook.band(found["bands"], outlook.WIDE),
        "median": outlook.quantile(found["quantiles"], 0.5),
        "width": outlook.width(found["width"]),
        "prior": outlook.prior(found["prior"]),
        "change": outlook.change(found["change"]),
        "suggested": outlook.suggested(found["suggested"]) if found["suggested"] else None,
        "due_said": outlook.renewal_rate(found["due"]["rate"]) if found["due"] else "",
        "due_unknown": outlook.unknown_ends(found["due"]["unknown"]) if found["due"] else "",
        "fan": fan(found["fan"], start=start, end=end, target=wanted.amount),
        "histogram": histogram(found["histogram"], projection=number, target=wanted.amount),
        "method_of": method_of,
        "closed_href": closed_deals(view, found["period"]["key"]),
    }


@router.get("/projection/past")
async def past(request: Request, principal: CurrentUser) -> Response:
    """The company's past quarters as they would have been called, beside what came and what simpler methods said."""
    found = await services_of(request).get("forecast", "forecast/projection/past", principal=principal)
    return page(request, "projection/projection_past.html", **past_shown(found))


def past_shown(found: dict[str, Any]) -> dict[str, Any]:
    """What the page of past quarters shows of a reading."""
    periods, methods = found["periods"], found["methods"]
    return {
        "found": found,
        "picture": quarters.picture(periods),
        "held": quarters.held(periods),
        "scored": quarters.scored(methods),
        "comparisons": quarters.comparisons(methods),
        "days": sorted({each["day"] for each in methods}),
    }


@router.get("/call/projection")
async def beside_the_call(request: Request, principal: CurrentUser, view: Viewed) -> Response:
    """The projection in one line: the part of the Call page that asks for itself, as its reading takes longer."""
    try:
        found = await services_of(request).get(
            "forecast", "forecast/projection", principal=principal, params=same_deals(view).asked()
        )
    except (ServiceRefused, ServiceDown) as refused:
        return page(request, "calls/call_projection.html", found=None, reason=str(refused))
    return page(
        request,
        "calls/call_projection.html",
        found=found,
        reason=None,
        band=outlook.band(found["bands"], outlook.NARROW),
        href=same_deals(view).href(period=found["period"]["key"]),
    )


def same_deals(view: CallView) -> ProjectionView:
    """The projection of what a call is of. It knows constant rates only."""
    return ProjectionView(**{field.name: getattr(view, field.name) for field in fields(DatedView)})


def closed_deals(view: ProjectionView, period: str) -> str:
    """Where the deals behind what is closed are."""
    same = {field.name: getattr(view, field.name) for field in fields(DatedView)} | {"period": period}
    return CallView(**same).href("/call/deals", line="closed_won")
