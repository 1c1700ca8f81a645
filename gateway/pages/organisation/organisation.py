"""The page Organisation: units and people at a day, vacant lines, what is planned, and the forms by which people say it."""

import asyncio
from datetime import date, datetime, time
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.names import names_of
from gateway.pages.organisation.orgchart import Chart, chart, told
from gateway.pages.templates import page
from gateway.proxy.client import ServiceDown, ServiceRefused, Services, services_of
from libs.common import clock
from libs.common.calendar import local_date
from libs.common.ids import new_id
from libs.common.web.api import Reading, runtime_of
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)

Word = Annotated[str, Form(max_length=200)]
Kind = Literal["person_moved", "person_joined", "person_left"]
MAY_SAY = frozenset({"sales_ops", "manager", "cso", "admin"})
MAY_UPLOAD = frozenset({"sales_ops", "admin"})
PATH = "/organisation"


@router.get(PATH)
async def organisation(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    day: Annotated[str, Query(alias="date", max_length=10)] = "",
) -> Response:
    """The organisation today, or as it was or will be at the end of a day."""
    return await _shown(request, session, day=day, principal=principal)


@router.post(PATH + "/{act}")
async def act(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    act: Literal["preview", "say"],
    kind: Annotated[Kind, Form()] = "person_moved",
    person_id: Word = "",
    unit_id: Word = "",
    begins: Annotated[str, Form(max_length=10)] = "",
    once: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Show what a person's move or leaving would bring, or say it; what is refused is shown with why."""
    typed = {"kind": kind, "person_id": person_id, "unit_id": unit_id, "begins": begins}
    services, zone = services_of(request), runtime_of(request).settings.org_timezone
    try:
        statement = _statement(typed, zone)
        if act == "preview":
            found = await _preview(services, statement, principal=principal)
            return await _shown(request, session, typed=typed, preview=found, principal=principal)
        body = {"statements": [statement]}
        key = once or None
        await services.post("deals", "organisation/statements", body, principal=principal, idempotency_key=key)
    except (ServiceDown, ServiceRefused) as refused:
        return await _shown(request, session, typed=typed, mistake=_said(refused), principal=principal)
    except ValueError:
        return await _shown(
            request, session, typed=typed, mistake="Begins: give a day such as 2027-01-01.", principal=principal
        )
    return RedirectResponse(f"{PATH}#planned", status_code=303)


@router.post(PATH + "/statements/{statement_id}/revoke")
async def revoke(request: Request, session: Reading, principal: CurrentUser, statement_id: UUID) -> Response:
    """Take back what is planned."""
    try:
        await services_of(request).post(
            "deals", f"organisation/statements/{statement_id}/revoke", {}, principal=principal
        )
    except (ServiceDown, ServiceRefused) as refused:
        return await _shown(request, session, mistake=_said(refused), principal=principal)
    return RedirectResponse(f"{PATH}#planned", status_code=303)


@router.post(PATH + "/files/{act}")
async def upload(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    act: Literal["try", "take"],
    file: Annotated[UploadFile, File()],
) -> Response:
    """Try a CSV file, or make its statements; either shows what became of each line that was refused."""
    try:
        report = await services_of(request).post_csv(
            "deals", "organisation/imports", await file.read(), dry_run=act == "try", principal=principal
        )
    except (ServiceDown, ServiceRefused) as refused:
        return await _shown(request, session, mistake=_said(refused), principal=principal)
    return await _shown(request, session, report=report, principal=principal)


def _said(refused: ServiceDown | ServiceRefused) -> str:
    """The problem in words, without the place within a request that nobody sees."""
    return str(refused).removeprefix("statements.0.")


def _statement(typed: dict[str, str], zone: str) -> dict[str, Any]:
    """What the form says. Raises ValueError for a day that is none."""
    found: dict[str, Any] = {"kind": typed["kind"], "person_id": typed["person_id"]}
    if typed["kind"] != "person_left":
        found["unit_id"] = typed["unit_id"]
    if typed["begins"]:
        begins = datetime.combine(date.fromisoformat(typed["begins"]), time.min, ZoneInfo(zone))
        found["valid_from"] = begins.isoformat()
    return found


async def _preview(services: Services, statement: dict[str, Any], *, principal: Principal) -> dict[str, Any]:
    """What would move: deals as the deals service knows them, quotas and calls as the forecast does, or why it cannot say."""
    found = await services.post("deals", "organisation/preview", {"statements": [statement]}, principal=principal)
    moves = [
        {name: each[name] for name in ("person_id", "from_unit_id", "to_unit_id")}
        for each in found["people"]
        if not each["leaves"]
    ]
    found["periods"], found["missing"] = [], None
    if moves:
        try:
            wanted = await services.post(
                "forecast", "forecast/organisation/preview", {"moves": moves}, principal=principal
            )
            found["periods"] = wanted["periods"]
        except (ServiceDown, ServiceRefused) as refused:
            found["missing"] = str(refused)
    return found


async def _shown(
    request: Request,
    session: AsyncSession,
    *,
    day: str = "",
    typed: dict[str, str] | None = None,
    preview: dict[str, Any] | None = None,
    report: dict[str, Any] | None = None,
    mistake: str | None = None,
    principal: Principal,
) -> Response:
    services, zone = services_of(request), runtime_of(request).settings.org_timezone
    today = local_date(clock.now(), zone)
    chosen = _day(day) or today
    asked = {} if chosen == today else {"as_of": datetime.combine(chosen, time.max, ZoneInfo(zone)).isoformat()}
    now, then, planned, vacant = await asyncio.gather(
        services.get("deals", "organisation/at", principal=principal),
        services.get("deals", "organisation/at", principal=principal, params=asked),
        services.get("deals", "organisation/statements", principal=principal, params={"state": "planned"}),
        services.get("deals", "organisation/vacancies", principal=principal),
    )
    plans = planned["statements"][::-1]
    ids = {each["person_id"] for found in (now, then) for each in found["people"]}
    ids |= {each["lead_id"] for each in (*now["units"], *then["units"]) if each["lead_id"]}
    ids |= {each[name] for each in plans for name in ("person_id", "lead_id") if each[name]}
    known = await names_of(session, {UUID(each) for each in ids}, principal=principal)
    names = {str(person): name for person, name in known.items()}
    today_chart = chart(now, vacant["vacancies"], names)
    shown: Chart = today_chart if chosen == today else chart(then, (), names)
    return page(
        request,
        "organisation/organisation.html",
        status=422 if mistake else 200,
        chart=shown,
        chosen=chosen,
        today=today,
        plans=[(each, told(each, today_chart, names)) for each in plans],
        units=today_chart.labels,
        people=sorted(
            (
                (each["person_id"], names.get(each["person_id"]) or f"Person {each['person_id'][:8]}")
                for each in now["people"]
            ),
            key=lambda each: each[1],
        ),
        names=names,
        typed=typed or {"kind": "person_moved", "person_id": "", "unit_id": "", "begins": ""},
        preview=preview,
        report=report,
        mistake=mistake,
        once=str(new_id()),
        may_say=bool(principal.roles & MAY_SAY),
        may_upload=bool(principal.roles & MAY_UPLOAD),
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
