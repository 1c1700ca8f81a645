"""What adds up over deals: by whom they are credited to, and how often we win against whom."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.names import names_of
from gateway.pages.templates import page
from gateway.proxy.client import services_of
from libs.common.web.api import Reading

router = APIRouter(include_in_schema=False)

Day = Annotated[str, Query(max_length=10)]


@router.get("/deals/credit")
async def credit(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    state: Literal["open", "won"] = "open",
    closes_from: Day = "",
    closes_until: Day = "",
) -> Response:
    """Who is credited with how much of the deals within scope; the parts add to the whole."""
    given = {"state": state, "closes_from": _day(closes_from), "closes_until": _day(closes_until)}
    asked = {name: value for name, value in given.items() if value}
    found = await services_of(request).get("deals", "deals/credited", principal=principal, params=asked)
    ids = {UUID(each["person_id"]) for each in found["people"] if each["person_id"]}
    names = {str(key): name for key, name in (await names_of(session, ids, principal=principal)).items()}
    return page(
        request,
        "deals/credit.html",
        view=given,
        found=found,
        names=names,
        parts=[(whole, [each for each in found["people"] if _is_of(each, whole)]) for whole in found["whole"]],
        href=f"/deals/credit?{urlencode(asked)}",
        csv_href=f"/api/v1/deals/credited.csv?{urlencode(asked)}",
    )


@router.get("/deals/competitors")
async def competitors(request: Request, principal: CurrentUser) -> Response:
    """Who was named in deals within scope, and how often these were won."""
    found = await services_of(request).get("deals", "deals/competitors", principal=principal)
    return page(request, "deals/rivals.html", found=found)


def _is_of(person: Mapping[str, Any], whole: Mapping[str, Any]) -> bool:
    return bool(person["currency"] == whole["currency"])


def _day(typed: str) -> str:
    """A day as it was typed; nothing for what is none."""
    try:
        return date.fromisoformat(typed).isoformat()
    except ValueError:
        return ""
