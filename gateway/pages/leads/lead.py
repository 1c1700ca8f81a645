"""The page of one lead: why it stands where it stands, what is known of it, and what people may do with it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.leads.chances import contributions
from gateway.pages.leads.leads import CLOCKS, STANDINGS
from gateway.pages.names import names_of, speakers
from gateway.pages.templates import page
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of
from libs.common import clock
from libs.common.calendar import local_date
from libs.common.ids import provisional_deal_id
from libs.common.web.api import Reading, runtime_of
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)

Act = Literal["qualify", "reject", "recycle", "reopen", "merge", "unmerge", "apart", "evidence", "assign"]
Text = Annotated[str, Form(max_length=2000)]
MAY_ACT = {"seller", "manager", "sales_ops", "cso", "admin"}
RECYCLED_DAYS = 90
"""How far ahead a lead is set aside unless somebody chooses a day."""
LIKE_SHOWN = 5
"""Leads that may be the same one."""

STATES = {
    "unknown": ("", "Unknown"),
    "claimed": ("warn", "Claimed"),
    "evidenced": ("good", "Evidenced"),
    "confirmed": ("good", "Confirmed"),
    "void": ("bad", "Taken back"),
}
DONE = {
    "qualify": "Qualified: its deal opens, or passes the gate where it waits.",
    "reject": "Rejected.",
    "recycle": "Set aside; it waits in the queue again from that day on.",
    "reopen": "The verdict is taken back; the lead waits again.",
    "merge": "Merged. Nothing of it is lost; this can be taken back here.",
    "unmerge": "The merge is taken back; both leads stand for themselves again.",
    "apart": "Noted: these two are not the same.",
    "evidence": "Recorded.",
    "assign": "Given to its new owner; a clock of theirs begins where it was not answered yet.",
}


MARKS = {"warned": "little time left", "breached": "overdue", "escalated": "passed on to level"}


@dataclass(frozen=True)
class Typed:
    """A form that was refused: what was typed, and why it was not taken."""

    act: str
    values: Mapping[str, str]
    mistake: str
    status: int = 422


@router.get("/leads/{lead_id}")
async def lead(
    request: Request, session: Reading, principal: CurrentUser, lead_id: UUID, done: Act | None = None
) -> Response:
    """One lead."""
    return await _shown(request, session, lead_id, done=done, principal=principal)


@router.post("/leads/{lead_id}/{act}")
async def act(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    lead_id: UUID,
    act: Act,
    reason: Text = "",
    until: Annotated[str, Form(max_length=10)] = "",
    into: Annotated[str, Form(max_length=36)] = "",
    other: Annotated[str, Form(max_length=36)] = "",
    element: Annotated[str, Form(max_length=60)] = "",
    state: Annotated[str, Form(max_length=20)] = "",
    source: Annotated[str, Form(max_length=60)] = "",
    note: Text = "",
    owner_id: Annotated[str, Form(max_length=36)] = "",
) -> Response:
    """Do something with the lead, then show it. What is refused is shown with what was typed and why."""
    values = {
        "reason": reason.strip(),
        "until": until,
        "into": into.strip(),
        "other": other,
        "element": element,
        "state": state,
        "source": source.strip(),
        "note": note.strip(),
        "owner_id": owner_id,
    }
    wanted = {name: values[name] for name in _FIELDS[act]}
    missing = next((words for name, words in _ASKED.items() if name in wanted and not wanted[name]), None)
    if missing:
        return await _shown(request, session, lead_id, typed=Typed(act, values, missing), principal=principal)
    try:
        await services_of(request).post("leads", f"leads/{lead_id}/{act}", wanted, principal=principal)
    except ServiceDown as down:
        typed = Typed(act, values, f"{down} What you typed is kept.", down.status)
        return await _shown(request, session, lead_id, typed=typed, principal=principal)
    except ServiceRefused as refused:
        return await _shown(request, session, lead_id, typed=Typed(act, values, str(refused)), principal=principal)
    return RedirectResponse(f"/leads/{lead_id}?done={act}", status_code=303)


_FIELDS: Mapping[str, tuple[str, ...]] = {
    "qualify": ("reason",),
    "reject": ("reason",),
    "recycle": ("reason", "until"),
    "reopen": ("reason",),
    "merge": ("into", "reason"),
    "unmerge": ("reason",),
    "apart": ("other", "reason"),
    "evidence": ("element", "state", "source", "note"),
    "assign": ("owner_id", "reason"),
}
_ASKED = {
    "reason": "Say why: a few words that somebody else understands in a year.",
    "until": "Choose the day from which on the lead is looked at again.",
    "into": "Say which lead stands for this one.",
    "owner_id": "Choose who gets it.",
    "note": "Say what is known.",
    "source": "Say where it is known from, such as a call or a mail.",
}


async def _shown(
    request: Request,
    session: AsyncSession,
    lead_id: UUID,
    *,
    typed: Typed | None = None,
    done: str | None = None,
    principal: Principal,
) -> Response:
    services = services_of(request)
    about, known, merged, pairs, clocks, capacity = await asyncio.gather(
        services.get("leads", f"leads/{lead_id}/queue", principal=principal),
        services.get("leads", f"leads/{lead_id}/evidence", principal=principal),
        services.get("leads", f"leads/{lead_id}/merged", principal=principal),
        services.get("leads", "leads/duplicates", principal=principal, params={"lead": str(lead_id)}),
        services.get("leads", f"leads/{lead_id}/clocks", principal=principal),
        services.get("leads", "leads/capacity", principal=principal),
    )
    sellers = {each["person_id"] for team in capacity["teams"] for each in team["people"]}
    told = {each["told_id"] for item in clocks["items"] for each in item["marks"] if each["told_id"]}
    found, likely = about["queued"]["lead"], about["queued"]["conversion"]
    others = {pair["other"] if pair["one"] == str(lead_id) else pair["one"]: pair for pair in pairs["items"]}
    shown = list(others)[:LIKE_SHOWN]
    alike = await asyncio.gather(*(services.get("leads", f"leads/{each}", principal=principal) for each in shown))
    like = {each: (lead, others[each]) for each, lead in zip(shown, alike, strict=True)}
    today = local_date(clock.now(), runtime_of(request).settings.org_timezone)
    subjects = {entry["author"] for entry in known["entries"]} | {found["verdict_by"] or "", found["assigned_by"] or ""}
    subjects -= {"", "routing"}
    ids = {found[key] for key in ("owner_id", "person_id") if found[key]}
    ids |= {each["person_id"] for each, _ in like.values() if each["person_id"]}
    names = await names_of(session, {UUID(each) for each in ids | sellers | told}, principal=principal)
    entries: dict[str, list[Any]] = {}
    for entry in known["entries"]:
        entries.setdefault(entry["element"], []).append(entry)
    return page(
        request,
        "leads/lead.html",
        status=typed.status if typed else 200,
        lead=found,
        likely=likely,
        made=contributions(likely) if likely else None,
        queued=about["queued"],
        standing=about["standing"],
        standings=STANDINGS,
        clocks=CLOCKS,
        names={str(key): name for key, name in names.items()},
        people={"routing": "the rules", **await speakers(session, subjects, principal=principal)},
        histories=clocks["items"],
        sellers=sorted(sellers - {found["owner_id"]}, key=lambda each: names.get(UUID(each), each)),
        mark_words=MARKS,
        known=known,
        entries=entries,
        states=STATES,
        merged=merged["items"],
        like=like,
        deal_id=str(found["converted_deal_id"] or provisional_deal_id(lead_id)),
        recycle_on=(today + timedelta(days=RECYCLED_DAYS)).isoformat(),
        tomorrow=(today + timedelta(days=1)).isoformat(),
        may_act=bool(principal.roles & MAY_ACT),
        typed=typed,
        done=DONE.get(done or ""),
    )
