"""Saved scenarios on the pages: listed and saved beside *What if*, compared on a page of their own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages import saying
from gateway.pages.address import WhatIfView
from gateway.pages.names import speakers
from gateway.pages.projection import outlook, ranges
from gateway.pages.templates import page
from gateway.pages.views import Word
from gateway.proxy.client import ServiceDown, ServiceRefused, Services, services_of
from libs.common.ids import new_id
from libs.common.web.api import Reading
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)

SAVERS = frozenset({"seller", "manager", "cso", "sales_ops", "admin"})
EVERYWHERE = frozenset({"cso", "admin"})
"""Roles that withdraw what others saved."""
MOST = 4
"""As many as are compared at once."""
PATH = "/projection/scenarios"


@dataclass(frozen=True)
class Refusal:
    """A form that was refused: the name that was typed, and what is wrong. `status` is what the page is answered with."""

    name: str
    mistake: str
    status: int = 422


@dataclass(frozen=True)
class Saved:
    """The scenarios of what a page is of, with their authors' names, and what its reader may do."""

    items: list[dict[str, Any]]
    people: Mapping[str, str]
    may_save: bool
    withdraws: frozenset[str]
    once: str


async def saved(
    session: AsyncSession, services: Services, view: WhatIfView, found: Mapping[str, Any], *, principal: Principal
) -> Saved:
    """What was saved of the unit, period, type and basis of a projection."""
    params = {"org": found["org"]["unit_id"], "period": found["period"]["key"]}
    listed = await services.get("forecast", "forecast/scenarios", principal=principal, params=params)
    same = [
        each
        for each in listed["items"]
        if (each["deal_type"] or "", each["value_basis"] or "") == (view.deal_type, view.value_basis)
    ]
    may_save = bool(principal.roles & SAVERS)
    withdraws = frozenset(
        each["scenario_id"]
        for each in same
        if may_save and (principal.roles & EVERYWHERE or each["author"] == principal.subject)
    )
    people = await speakers(session, {each["author"] for each in same}, principal=principal)
    return Saved(same, people, may_save, withdraws, str(new_id()))


def opened(view: WhatIfView, scenario: Mapping[str, Any]) -> str:
    """Where what a scenario supposes can be seen and changed."""
    return view.supposing(ranges.counted(scenario["suppositions"])).href()


async def save(
    services: Services, view: WhatIfView, name: str, period: str, org: str, once: str, *, principal: Principal
) -> Refusal | None:
    """Keep what a view supposes; None if the forecast took it."""
    body = {"name": name, "period": period, "org": org, "suppose": list(view.suppose)}
    body |= {part: text for part in ("deal_type", "value_basis") if (text := getattr(view, part))}
    try:
        await services.post("forecast", "forecast/scenarios", body, principal=principal, idempotency_key=once or None)
    except ServiceDown as down:
        return Refusal(name, f"{down} What you typed is kept.", down.status)
    except ServiceRefused as refused:
        mistakes = saying.mistakes(refused.problem, {"name"})
        return Refusal(name, mistakes.get("name") or mistakes[saying.FORM])
    return None


@router.post(PATH + "/{scenario_id}/withdraw")
async def withdraw(
    request: Request,
    principal: CurrentUser,
    scenario_id: UUID,
    back: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Take a scenario back, and return to where it was listed."""
    path = f"forecast/scenarios/{scenario_id}/withdraw"
    try:
        await services_of(request).post("forecast", path, {}, principal=principal)
    except ServiceRefused as refused:
        if refused.status != 409:  # withdrawn meanwhile is what was wanted
            raise
    here = back if back.startswith(f"{WhatIfView.PATH}?") else WhatIfView.PATH
    return RedirectResponse(f"{here}#saved", status_code=303)


@router.get(PATH)
async def compared(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    scenario: Annotated[list[Annotated[str, Query(max_length=60)]] | None, Query(max_length=40)] = None,
    target: Word = "",
) -> Response:
    """Scenarios side by side, all seen from one instant."""
    services, wanted = services_of(request), outlook.target(target)
    chosen = scenario or []
    found: dict[str, Any] | None = None
    refused = "" if chosen else "Choose scenarios to compare on the page What if."
    if chosen:
        asked: dict[str, str | list[str]] = {"scenario": chosen}
        if wanted.amount is not None:
            asked["target"] = str(wanted.amount)
        try:
            found = await services.get("forecast", "forecast/scenarios/compared", principal=principal, params=asked)
        except ServiceRefused as problem:
            refused = str(problem)
    people = await speakers(
        session, {each["author"] for each in found["scenarios"]} if found else set(), principal=principal
    )
    parts = shown(found) if found else {"view": WhatIfView(), "picture": None, "rows": ()}
    return page(
        request,
        "projection/scenarios.html",
        status=200 if found or not chosen else 422,
        found=found,
        refused=refused,
        people=people,
        wanted=wanted,
        chosen=chosen,
        without_target=f"{PATH}?{urlencode([('scenario', each) for each in chosen])}",
        **parts,
    )


def shown(found: Mapping[str, Any]) -> dict[str, Any]:
    """What the page shows of a comparison."""
    view = WhatIfView(
        period=found["period"]["key"],
        org=found["org"]["unit_id"],
        deal_type=found["deal_type"] or "",
        value_basis=found["value_basis"] or "",
    )
    several = found["scenarios"]
    picture = ranges.ranges([found["as_is"], *(each["landing"] for each in several)])
    rows = [
        (each, bar, ranges.said(each["changes"]), view.supposing(ranges.counted(each["changes"])).href())
        for each, bar in zip(several, picture.rows[1:], strict=True)
    ]
    return {"view": view, "picture": picture, "rows": rows}
