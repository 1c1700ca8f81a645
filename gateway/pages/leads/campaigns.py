"""The page on campaigns: what they cost, which leads they touched, and what became of these."""

from datetime import date
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.templates import page
from gateway.proxy.client import services_of

router = APIRouter(include_in_schema=False)

TOUCHES = {"first": "First touch", "last": "Last touch"}


@router.get("/campaigns")
async def campaigns(
    request: Request,
    principal: CurrentUser,
    touch: Literal["first", "last"] = "first",
    since: Annotated[str, Query(max_length=10)] = "",
    until: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """Returns of campaigns by first or last touch, of leads that arrived in the days."""
    days = {name: day for name, day in (("since", since), ("until", until)) if _is_day(day)}
    found = await services_of(request).get(
        "leads", "leads/campaigns/returns", principal=principal, params={"touch": touch, **days}
    )
    return page(
        request,
        "leads/campaigns.html",
        found=found,
        touches=TOUCHES,
        hrefs={each: f"/campaigns?{urlencode({'touch': each, **days})}" for each in TOUCHES},
        here=f"/campaigns?{urlencode({'touch': touch, **days})}",
        leads_of=[_leads_of(each) for each in found["lines"]],
    )


def _leads_of(line: dict[str, str | None]) -> str | None:
    """Where the leads of a line are listed; those that a campaign claims by its source are listed by that."""
    if line["source"]:
        return f"/leads?{urlencode({'source': line['source']})}"
    return f"/leads?{urlencode({'campaign': line['name']})}" if line["name"] else None


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
