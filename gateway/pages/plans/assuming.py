"""The forms of the tab Assumptions: propose from the year before, state one, take one back, take a file."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Request, UploadFile
from starlette.responses import Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.plans import plans
from gateway.pages.plans.planning import Short, sent
from gateway.pages.plans.plans import PATH, Viewing
from gateway.pages.plans.typed import POINT, number
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of
from libs.common.web.api import Reading

router = APIRouter(include_in_schema=False)

SHARES = ("win_rate", "pushed")


@router.post(PATH + "/{plan_id}/assumptions/draft")
async def draft(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    view: Viewing,
    levels: Annotated[Literal["0", "1", "2"], Form()] = "1",
    sequence: Short = "",
) -> Response:
    """Propose what the year before showed."""
    body = {"levels": int(levels)}
    return await sent(request, session, view, "assumptions/draft", body, sequence, principal=principal)


@router.post(PATH + "/{plan_id}/assumptions/one")
async def one(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    view: Viewing,
    node: Short = "",
    metric: Short = "win_rate",
    expected: Short = "",
    tolerance: Short = "",
    criticality: Short = "normal",
    without: Short = "",
    sequence: Short = "",
) -> Response:
    """State what is assumed, or take it back; shares and tolerances are typed in per cent."""
    if without:
        return await sent(request, session, view, "assumptions", {"remove": [without]}, sequence, principal=principal)
    given, allowed = number(expected), number(tolerance)
    if given is None or allowed is None:
        mistake = f"Expected and tolerance: give numbers, such as 32.5 and 10, {POINT}."
        return await plans.shown(request, session, view, mistake=mistake, principal=principal)
    body: dict[str, Any] = {
        "node_id": node,
        "metric": metric,
        "expected": str(given / 100 if metric in SHARES else given),
        "tolerance": str(allowed / Decimal(100)),
        "criticality": criticality,
    }
    return await sent(request, session, view, "assumptions", {"items": [body]}, sequence, principal=principal)


@router.post(PATH + "/{plan_id}/assumptions/file")
async def upload(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    view: Viewing,
    file: Annotated[UploadFile, File()],
    act: Annotated[Literal["try", "take"], Form()] = "try",
) -> Response:
    """Try a CSV file, or take it; what was refused is shown line by line."""
    try:
        report = await services_of(request).post_csv(
            "forecast",
            f"plans/{view.plan_id}/assumptions/imports",
            await file.read(),
            dry_run=act == "try",
            principal=principal,
        )
    except (ServiceDown, ServiceRefused) as refused:
        return await plans.shown(request, session, view, mistake=str(refused), principal=principal)
    return await plans.shown(request, session, view, report=report, principal=principal)
