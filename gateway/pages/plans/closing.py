"""What finance does on the page *Scorecard*: bring in orders, close a month or open it again, decide where late wins count."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Request, UploadFile
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.plans import scorecard
from gateway.pages.plans.scorecard import PATH, Month
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of
from libs.common.web.api import Reading
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)

Reason = Annotated[str, Form(max_length=1100)]


@router.post(PATH + "/{period}/orders")
async def orders(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    period: Month,
    file: Annotated[UploadFile, File()],
    act: Annotated[Literal["try", "take"], Form()] = "try",
) -> Response:
    """Try a CSV file of orders or invoices, or take it; what was refused is shown line by line."""
    try:
        report = await services_of(request).post_csv(
            "forecast", "forecast/imports/orders", await file.read(), dry_run=act == "try", principal=principal
        )
    except (ServiceDown, ServiceRefused) as refused:
        return await _as_it_stands(request, session, period, refusal=str(refused), principal=principal)
    return await _as_it_stands(request, session, period, report=report, principal=principal)


@router.post(PATH + "/{period}/books")
async def books(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    period: Month,
    act: Annotated[Literal["close", "reopen"], Form()],
    reason: Reason = "",
) -> Response:
    """Close the month, or open it again, with a reason."""
    return await _told(request, session, period, act, {"reason": reason}, principal=principal)


@router.post(PATH + "/{period}/late")
async def late(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    period: Month,
    counted_in: Annotated[str, Form(max_length=20)],
    deal: Annotated[list[str] | None, Form(max_length=500)] = None,
    reason: Reason = "",
) -> Response:
    """Say in which month wins count that came after theirs was closed."""
    if not deal:
        why = "Tick the wins of which you decide first."
        return await _as_it_stands(request, session, period, refusal=why, principal=principal)
    body = {"deal_ids": deal, "counted_in": counted_in, "reason": reason}
    return await _told(request, session, period, "late-wins", body, principal=principal)


async def _told(
    request: Request, session: AsyncSession, period: str, what: str, body: dict[str, Any], *, principal: Principal
) -> Response:
    try:
        await services_of(request).post("forecast", f"forecast/periods/{period}/{what}", body, principal=principal)
    except (ServiceDown, ServiceRefused) as refused:
        return await _as_it_stands(request, session, period, refusal=str(refused), principal=principal)
    return RedirectResponse(f"{PATH}/{period}?draft=true#finance", status_code=303)


async def _as_it_stands(
    request: Request,
    session: AsyncSession,
    period: str,
    *,
    refusal: str | None = None,
    report: dict[str, Any] | None = None,
    principal: Principal,
) -> Response:
    return await scorecard.shown(
        request, session, period, None, True, refusal=refusal, report=report, principal=principal
    )
