"""The page on leads: the queue by grade, with reasons, clocks and what may be one."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.names import names_of
from gateway.pages.templates import page
from gateway.proxy.client import services_of
from libs.common.web.api import Reading

router = APIRouter(include_in_schema=False)

Standing = Literal["waiting", "recycled", "qualified", "rejected"]
Word = Annotated[str, Query(max_length=200)]

STANDINGS: Mapping[Standing, str] = {
    "waiting": "Waiting",
    "recycled": "Set aside",
    "qualified": "Qualified",
    "rejected": "Rejected",
}
FITS = ("A", "B", "C")
ENGAGEMENTS = (3, 2, 1)
CLOCKS = {
    "running": ("", "due"),
    "late": ("bad", "late since"),
    "met": ("good", "answered in time"),
    "missed": ("warn", "answered late"),
}


TODAY = {
    "given": ("good", "given out"),
    "answered": ("", "answered"),
    "fits": ("good", "fits"),
    "below": ("warn", "below the line"),
    "unplaced": ("", "no team"),
}
BECAUSE = {
    "nobody": "Nothing fits: nobody belongs to this team.",
    "all_away": "Nothing fits: everybody is away.",
    "all_taken": "Nothing fits: no hour is free.",
    "filled": "The line stands where the free hours end.",
    "room_for_all": "Everything that waits fits.",
}


def today(queued: Mapping[str, Any], line: Mapping[str, Any] | None) -> str:
    """Where a lead of the queue stands to the capacity line of its team: a key of `TODAY`."""
    if queued["clock"]["responded_at"]:
        return "answered"
    if queued["lead"]["assigned_at"]:
        return "given"
    if line is None:
        return "unplaced"
    last = line["last"]
    return "fits" if last is not None and _rank(queued, queued["lead"]) <= _rank(last, last) else "below"


def _rank(queued: Mapping[str, Any], lead: Mapping[str, Any]) -> tuple[int, float, int]:
    """The order of the queue: best grade, then newest, then the greater id."""
    arrived = datetime.fromisoformat(queued["arrived_at"]).timestamp()
    return (queued["place"], -arrived, -UUID(lead["lead_id"]).int)


@dataclass(frozen=True)
class QueueView:
    """What the address asks for."""

    standing: Standing = "waiting"
    fit: str = ""
    engagement: str = ""
    source: str = ""
    region: str = ""
    campaign: str = ""
    late: str = ""
    cursor: str = ""

    def asked(self, **more: str) -> dict[str, str]:
        """The parameters of the API."""
        return {name: value for name, value in (asdict(self) | more).items() if value}

    def href(self, **changes: Any) -> str:
        """The address of this view with changes; back on its first page unless a cursor is named."""
        changed = replace(self, **({"cursor": ""} | changes))
        given = {name: value for name, value in asdict(changed).items() if value and (name, value) != _USUAL}
        return f"/leads?{urlencode(given)}" if given else "/leads"


_USUAL = ("standing", "waiting")


def queue_view(
    standing: Standing = "waiting",
    fit: Literal["", "A", "B", "C"] = "",
    engagement: Literal["", "1", "2", "3"] = "",
    source: Word = "",
    region: Word = "",
    campaign: Word = "",
    late: Literal["", "true"] = "",
    cursor: Annotated[str, Query(max_length=500)] = "",
) -> QueueView:
    return QueueView(standing, fit, engagement, source, region, campaign, late, cursor)


@router.get("/leads")
async def leads(
    request: Request, session: Reading, principal: CurrentUser, view: Annotated[QueueView, Depends(queue_view)]
) -> Response:
    """Which lead comes next and why, how long each may wait, and which of them may be one."""
    services = services_of(request)
    found, pairs, capacity = await asyncio.gather(
        services.get("leads", "leads/queue", principal=principal, params=view.asked()),
        services.get("leads", "leads/duplicates", principal=principal, params={"limit": "6"}),
        services.get("leads", "leads/capacity", principal=principal),
    )
    away = {each["person_id"] for team in capacity["teams"] for each in team["people"] if each["away"]}
    lines = {team["unit_id"]: team for team in capacity["teams"]}
    ids = {lead["lead"][key] for lead in found["items"] for key in ("owner_id", "person_id") if lead["lead"][key]}
    names = await names_of(session, {UUID(each) for each in ids | away}, principal=principal)
    cells = {(each["fit"], each["engagement"]): each for each in found["grades"]}
    return page(
        request,
        "leads/leads.html",
        view=view,
        found=found,
        names={str(key): name for key, name in names.items()},
        standings=STANDINGS,
        fits=FITS,
        engagements=ENGAGEMENTS,
        cells=cells,
        ungraded=sum(each["count"] for (fit, engaged), each in cells.items() if fit is None or engaged is None),
        most=max((each["count"] for each in found["grades"]), default=0),
        clocks=CLOCKS,
        capacity=capacity,
        today={each["lead"]["lead_id"]: today(each, lines.get(each["team_id"])) for each in found["items"]},
        places=TODAY,
        because=BECAUSE,
        pairs=pairs["items"],
        more_pairs=bool(pairs["next_cursor"]),
        csv_href=f"/api/v1/leads/queue?{urlencode(view.asked(cursor='', limit='5000', format='csv'))}",
        next_href=view.href(cursor=found["next_cursor"]) if found["next_cursor"] else None,
    )
