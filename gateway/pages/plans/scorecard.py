"""The page *Scorecard*: months that are over, and one month on one page of A4, signed or as it would be signed."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.names import speakers
from gateway.pages.plans import sheet
from gateway.pages.plans.reviews import expected_words
from gateway.pages.templates import page
from gateway.proxy.client import ServiceRefused, services_of
from libs.common.ids import new_id
from libs.common.web.api import Reading
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)

PATH = "/scorecard"
SIGNER = "cso"
CLOSER = "finance"
CLOSED = {"after_closing": "true"}
UNTIED = 40
"""Lines of the tie-out that the page lists; the file has all."""

Month = Annotated[str, Path(max_length=20)]


@router.get(PATH)
async def months(request: Request, session: Reading, principal: CurrentUser) -> Response:
    """Months that are over, newest first, with who signed them."""
    services = services_of(request)
    found = await services.get("forecast", "forecast/scorecards", principal=principal)
    verified = await services.get("forecast", "forecast/scorecards/verify", principal=principal)
    signers = {version["signed_by"] for month in found["items"] for version in month["versions"]}
    people = await speakers(session, signers, principal=principal)
    return page(request, "plans/scorecards.html", months=found["items"], verified=verified, people=people)


@router.get(PATH + "/{period}")
async def month(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    period: Month,
    version: Annotated[int | None, Query(ge=1, le=1_000_000)] = None,
    draft: Annotated[bool, Query()] = False,
) -> Response:
    """The signed month, the newest version without one; what would be signed if nothing was, or if it is asked for."""
    return await shown(request, session, period, version, draft, principal=principal)


@router.post(PATH + "/{period}/sign")
async def sign(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    period: Month,
    digest: Annotated[str, Form(max_length=64)] = "",
    comment: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Sign what the page showed; what changed since is shown instead, with the reason."""
    path, body = f"forecast/scorecards/{period}/sign", {"comment": comment}
    try:
        await services_of(request).post("forecast", path, body, principal=principal, if_match=f'"{digest}"')
    except ServiceRefused as refused:
        if refused.status not in (409, 412, 422):
            raise
        return await shown(request, session, period, None, True, refusal=str(refused), principal=principal)
    return RedirectResponse(f"{PATH}/{period}", status_code=303)


@router.post(PATH + "/{period}/versions/{version}/notes")
async def ask(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    period: Month,
    version: int,
    line: Annotated[str, Form(max_length=300)] = "",
    body: Annotated[str, Form(max_length=5000)] = "",
    answers: Annotated[str, Form(max_length=36)] = "",
    once: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Ask about a line, or answer; it stays with this version."""
    said = {"line": line, "body": body} | ({"answers": answers} if answers else {})
    path = f"forecast/scorecards/{period}/versions/{version}/notes"
    try:
        await services_of(request).post("forecast", path, said, principal=principal, idempotency_key=once or None)
    except ServiceRefused as refused:
        if refused.status not in (409, 422):
            raise
        why = "Write the question first." if not body.strip() else str(refused)
        return await shown(request, session, period, version, False, refusal=why, principal=principal)
    return RedirectResponse(f"{PATH}/{period}?version={version}#questions", status_code=303)


async def shown(
    request: Request,
    session: AsyncSession,
    period: str,
    version: int | None,
    draft: bool,
    *,
    refusal: str | None = None,
    report: dict[str, Any] | None = None,
    principal: Principal,
) -> Response:
    """The page of a month. `report`: what came of a file of orders."""
    services = services_of(request)
    listed = (await services.get("forecast", "forecast/scorecards", principal=principal))["items"]
    versions: list[dict[str, Any]] = next((each["versions"] for each in listed if each["period"] == period), [])
    card: dict[str, Any] | None = None
    made: dict[str, Any] | None = None
    if version is not None or (versions and not draft):
        params = {"version": str(version)} if version is not None else {}
        card = await services.get("forecast", f"forecast/scorecards/{period}", principal=principal, params=params)
    else:
        made = await services.get("forecast", f"forecast/scorecards/{period}/draft", principal=principal)
    contents = (card or made or {})["contents"]
    subjects = {note["written_by"] for note in card["notes"]} | {card["signature"]["signed_by"]} if card else set()
    subjects |= {contents["closing"]["closed_by"]} if contents["closing"] else set()
    books = await _books(request, period, principal=principal) if CLOSER in principal.roles else None
    subjects |= {books["month"]["change"]["changed_by"]} if books and books["month"]["change"] else set()
    return page(
        request,
        "plans/scorecard.html",
        status=422 if refusal else 200,
        refusal=refusal,
        card=card,
        made=made,
        versions=versions,
        people=await speakers(session, subjects, principal=principal),
        may_sign=SIGNER in principal.roles,
        books=books,
        report=report,
        once=str(new_id()),
        **sheet_shown(contents),
    )


async def _books(request: Request, period: str, *, principal: Principal) -> dict[str, Any] | None:
    """How finance has the month, with the wins booked in it that came after it was closed and where they may count."""
    services = services_of(request)
    told = await services.get("forecast", "forecast/periods", principal=principal)
    periods, today = told["items"], told["today"]
    month = next((each for each in periods if each["key"] == period), None)
    if month is None:  # older than the last fiscal year
        return None
    late = await services.get("forecast", f"forecast/periods/{period}/late-wins", principal=principal, params=CLOSED)
    later = [each for each in periods if each["kind"] == "month" and month["end"] < each["start"] <= today]
    return {
        "month": month,
        "late": late["items"],
        "late_more": late["next_cursor"] is not None,
        "currency": late["currency"],
        "may_count_in": [month, *(each for each in later if each["state"] != "closed")],
    }


def sheet_shown(contents: dict[str, Any]) -> dict[str, Any]:
    """What the sheet shows of the contents of a document, whoever signed it; what its format does not have stays away."""
    tied = [line for line in contents["tie_out"]["lines"] if line["status"] != "matched"]
    return {
        "found": contents,
        "valued": contents.get("valued", []),
        "cover": contents.get("cover"),
        "campaigns": contents.get("campaigns"),
        "campaign_rows": sheet.campaigns(contents),
        "campaigns_fit": sheet.CAMPAIGNS_FIT,
        "bars": [sheet.bar(each) for each in contents["bookings"]],
        "cuts": [(sheet.TITLES[cut["by"]], cut, sheet.rows(cut)) for cut in contents["cuts"]],
        "landing_range": sheet.range_of(contents["landing"]),
        "days": sheet.days_of(contents["said"]),
        "past": sheet.past(contents["said"]),
        "quarters": sheet.picture(contents["said"]),
        "line_names": sheet.lines(contents),
        "untied": tied[:UNTIED],
        "untied_more": len(tied) - len(tied[:UNTIED]),
        "statuses": sheet.STATUSES,
        "fits": sheet.FITS,
        "decided": sheet.decisions(contents),
        "decisions_fit": sheet.DECISIONS_FIT,
        "decided_words": expected_words,
    }
