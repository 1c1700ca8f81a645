"""Why a projection moved, and what leads from a call to it: parts of pages that ask for themselves, as their readings take longer."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.address import ProjectionView, instant
from gateway.pages.calls import weekly
from gateway.pages.format import moment, typed_moment
from gateway.pages.movement.movement import Choice
from gateway.pages.movement.reasons import explanation, ladder, words_of
from gateway.pages.projection.projection import same_deals
from gateway.pages.templates import page
from gateway.pages.views import Projecting, Viewed, Word
from gateway.proxy.client import ServiceDown, ServiceRefused, Services, services_of
from libs.common.web.api import runtime_of
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)


@router.get("/projection/moved")
async def moved(
    request: Request,
    principal: CurrentUser,
    view: Projecting,
    since: Word = "",
    since_shown: Word = "",
) -> Response:
    """Since the last lock, or another instant: each term, and the deals that moved the number most."""
    services, zone = services_of(request), str(runtime_of(request).settings.org_timezone)
    since = "" if since == since_shown else since
    lock = await _last_lock(services, view, principal)
    asked = view.asked()
    try:
        start = instant(since, zone, name="since", is_end=False).isoformat() if since else lock
        found = await _asked(services, asked, start, chosen=bool(since), principal=principal)
    except (ServiceRefused, ServiceDown) as refused:
        return page(
            request, "movement/projection_moved.html", found=None, reason=str(refused), href=_href(view), view=view
        )
    return page(
        request,
        "movement/projection_moved.html",
        **moved_shown(found, view, since=since, choices=_choices(view, found, lock, since, zone), zone=zone),
    )


def moved_shown(
    found: dict[str, Any], view: ProjectionView, *, since: str, choices: Sequence[Choice], zone: str
) -> dict[str, Any]:
    """What the part of the page shows of a reading."""
    return {
        "found": found,
        "view": view,
        "reason": None,
        "why": explanation(found),
        "words_of": words_of,
        "choices": choices,
        "since_shown": typed_moment(found["since"]["as_of"], zone),
        "href": _href(view, since),
    }


async def _asked(
    services: Services, asked: dict[str, str], start: str | None, *, chosen: bool, principal: Principal
) -> dict[str, Any]:
    """The reading since an instant. Before a lock that nobody chose (of imported history, which ends earlier) since a week."""
    wanted = asked | ({"since": start} if start else {})
    try:
        return await services.get("forecast", "forecast/projection/moved", principal=principal, params=wanted)
    except ServiceRefused:
        if chosen or not start:
            raise
    return await services.get("forecast", "forecast/projection/moved", principal=principal, params=asked)


async def _last_lock(services: Services, view: ProjectionView, principal: Principal) -> str | None:
    """When the last lock was due, before the business date if one is chosen."""
    found = await services.get("forecast", "forecast/locks", principal=principal, params={"limit": weekly.LISTED})
    due = (str(lock["due_at"]) for lock in found["items"] if lock["kind"] != "closed")
    return next((each for each in due if not view.date or each[: len(view.date)] < view.date), None)


def _href(view: ProjectionView, since: str = "") -> str:
    return view.href("/projection/moved", target="", since=since or None)


def _choices(view: ProjectionView, found: dict[str, Any], lock: str | None, since: str, zone: str) -> list[Choice]:
    """The last lock and the start of the period, as far as they lie before the end."""
    period, until = found["period"], found["until"]
    offered = [(f"Last lock, {moment(lock, zone)}", "")] if lock else [("A week before", "")]
    if period["start"] <= until["day"]:
        offered.append((f"Start of {period['label']}", period["start"]))
    return [Choice(label, _href(view, at), at == since) for label, at in offered]


@router.get("/call/bridge")
async def bridge(request: Request, principal: CurrentUser, view: Viewed) -> Response:
    """From the call of a unit to its projection, step by step: a part of the Call page."""
    services = services_of(request)
    asked = {name: text for name, text in view.asked().items() if name in ("period", "org", "deal_type", "value_basis")}
    try:
        found = await services.get("forecast", "forecast/projection/bridge", principal=principal, params=asked)
    except (ServiceRefused, ServiceDown) as refused:
        return page(request, "movement/call_bridge.html", found=None, reason=str(refused))
    return page(request, "movement/call_bridge.html", **bridge_shown(found, same_deals(view)))


def bridge_shown(found: dict[str, Any], view: ProjectionView) -> dict[str, Any]:
    """What the card shows of a reading."""
    return {
        "found": found,
        "reason": None,
        "ladder": ladder(found),
        "href": view.href(period=found["period"]["key"], value_basis=found["value_basis"], date=""),
    }
