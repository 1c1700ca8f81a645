"""The page on how leads are given away: the rules, who is away, hours and working time."""

import asyncio
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.names import names_of
from gateway.pages.templates import page
from gateway.proxy.client import ServiceDown, ServiceRefused, Services, services_of
from libs.common.web.api import Reading
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)

Act = Literal["away", "withdraw", "rule", "unrule", "hours"]
Word = Annotated[str, Form(max_length=200)]
CONDITIONS = ("market", "region", "segment", "source", "product")
MAY_SET = {"sales_ops", "cso", "admin"}
MAY_SAY_AWAY = {"seller", "manager", "sales_ops", "cso", "admin"}
_SET = ("version", "said_by", "recorded_at")


@router.get("/leads/flow")
async def flow(request: Request, session: Reading, principal: CurrentUser) -> Response:
    """What is set, and who is away."""
    return await _shown(request, session, principal=principal)


@router.post("/leads/flow/{act}")
async def act(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    act: Act,
    person_id: Word = "",
    first_day: Word = "",
    last_day: Word = "",
    absence_id: Word = "",
    position: Annotated[int, Form(ge=0)] = 0,
    unit_id: Word = "",
    market: Word = "",
    region: Word = "",
    segment: Word = "",
    source: Word = "",
    product: Word = "",
    rep_hours: Word = "",
    works_from: Word = "",
    works_until: Word = "",
) -> Response:
    """Change one thing, then show it; what is refused is shown with why."""
    services = services_of(request)
    typed = {"market": market, "region": region, "segment": segment, "source": source, "product": product}
    try:
        if act == "away":
            wanted = {"person_id": person_id, "first_day": first_day, "last_day": last_day or first_day}
            await services.post("leads", "leads/absences", wanted, principal=principal)
        elif act == "withdraw":
            await services.post("leads", f"leads/absences/{UUID(absence_id)}/withdraw", {}, principal=principal)
        elif act == "hours":
            hours = {"rep_hours": rep_hours, "works_from": works_from, "works_until": works_until}
            await _set_hours(services, hours, principal=principal)
        else:
            added = {name: text.strip() for name, text in typed.items() if text.strip()} | {"unit_id": unit_id}
            await _set_rules(services, added if act == "rule" else None, without=position, principal=principal)
    except (ServiceDown, ServiceRefused) as refused:
        return await _shown(request, session, mistake=_said(refused), principal=principal)
    except ValueError:
        return await _shown(request, session, mistake="That absence is none.", principal=principal)
    return RedirectResponse("/leads/flow", status_code=303)


def _said(refused: ServiceDown | ServiceRefused) -> str:
    """The problem in words, with the fields that were wrong."""
    errors = refused.problem.get("errors", ()) if isinstance(refused, ServiceRefused) else ()
    return " ".join([str(refused), *(f"{each.get('field', '')}: {each.get('message', '')}." for each in errors)])


async def _set_hours(services: Services, hours: dict[str, str], *, principal: Principal) -> None:
    now = await services.get("leads", "leads/flow", principal=principal)
    kept = {name: value for name, value in now.items() if name not in _SET}
    await services.put("leads", "leads/flow", kept | {k: v for k, v in hours.items() if v}, principal=principal)


async def _set_rules(services: Services, added: dict[str, str] | None, *, without: int, principal: Principal) -> None:
    """The rules with another one at the end, or without the one at a position."""
    now = await services.get("leads", "leads/rules", principal=principal)
    kept: list[dict[str, Any]] = [
        {name: each[name] for name in (*CONDITIONS, "grades", "unit_id", "person_id") if each[name] is not None}
        for each in now["rules"]
        if added is not None or each["position"] != without
    ]
    await services.put("leads", "leads/rules", {"rules": [*kept, *([added] if added else [])]}, principal=principal)


async def _shown(
    request: Request, session: AsyncSession, *, mistake: str | None = None, principal: Principal
) -> Response:
    services = services_of(request)
    setting, rules, absences, capacity, shares = await asyncio.gather(
        services.get("leads", "leads/flow", principal=principal),
        services.get("leads", "leads/rules", principal=principal),
        services.get("leads", "leads/absences", principal=principal),
        services.get("leads", "leads/capacity", principal=principal),
        services.get("leads", "leads/responses", principal=principal),
    )
    people = {each["person_id"] for team in capacity["teams"] for each in team["people"]}
    known = people | {each["person_id"] for each in absences["items"]}
    known |= {each["person_id"] for each in rules["rules"] if each["person_id"]}
    names = {
        str(key): name
        for key, name in (await names_of(session, {UUID(each) for each in known}, principal=principal)).items()
    }
    return page(
        request,
        "leads/flow.html",
        status=422 if mistake else 200,
        mistake=mistake,
        setting=setting,
        rules=rules,
        absences=[each for each in absences["items"] if not each["withdrawn"]],
        teams=capacity["teams"],
        shares=shares,
        people=sorted(people, key=lambda each: names.get(each, each)),
        names=names,
        conditions=CONDITIONS,
        may_set=bool(principal.roles & MAY_SET),
        may_say_away=bool(principal.roles & MAY_SAY_AWAY),
    )
