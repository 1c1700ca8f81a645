"""The page of one deal: its close plan, and every entry of its timeline with both clocks, what it changed and which delivery brought it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import NOT_FOUND
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.accounts.signals import STANDS, why_at_risk
from gateway.pages.deals.changes import Change, compared, told
from gateway.pages.deals.dealparts import parts_of, readings_of
from gateway.pages.deals.planned import Typed, planned
from gateway.pages.deals.worklist import FIELDS
from gateway.pages.names import names_of, speakers
from gateway.pages.templates import page
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of
from libs.common.ids import new_id
from libs.common.web.api import Reading, runtime_of
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)

HAPPENED = {
    "opened": "Opened",
    "changed": "Changed",
    "won": "Won",
    "lost": "Lost",
    "reopened": "Reopened",
    "removed": "Removed",
    "corrected": "Corrected later",
}


@dataclass(frozen=True)
class Entry:
    """An entry of the timeline, and what is different from the one that held before it.

    `is_replaced`: a later entry tells of the same time, so this one no longer holds.
    """

    version: dict[str, Any]
    happened: str
    changes: Sequence[Change]
    is_first: bool
    is_replaced: bool


@router.get("/deals/{deal_id}")
async def deal(request: Request, session: Reading, principal: CurrentUser, deal_id: UUID) -> Response:
    """A deal's close plan and its history, the newest entry first."""
    return await shown(request, session, deal_id, principal=principal)


async def shown(
    request: Request,
    session: AsyncSession,
    deal_id: UUID,
    *,
    typed: Typed | None = None,
    new_link: str | None = None,
    principal: Principal,
) -> Response:
    """The page of a deal; with a form of its plan that was refused, or with the address of a link just made."""
    found, plan, wanted, why, beside = await asyncio.gather(
        history_of(request, deal_id, principal=principal),
        planned(request, session, deal_id, principal=principal),
        edits_of(request, deal_id, principal=principal),
        why_at_risk(request, deal_id, principal=principal),
        readings_of(request, deal_id, principal=principal),
    )
    people = {UUID(each[who]) for each in found["versions"] for who in ("owner_id", "changed_by") if each[who]}
    names = await names_of(session, people, principal=principal)
    current = found["current"]
    zone = str(runtime_of(request).settings.org_timezone)
    return page(
        request,
        "deals/deal.html",
        status=typed.status if typed else 200,
        plan=plan,
        why=why,
        parts=await parts_of(session, beside, principal=principal),
        stands=STANDS,
        typed=typed,
        new_link=new_link,
        once=str(new_id()),
        deal_id=str(deal_id),
        current=current,
        arriving=found.get("arriving"),
        names={str(key): known for key, known in names.items()},
        shown=compared(None, current, names, zone),
        entries=entries(found["versions"], names, zone)[::-1],
        edits=wanted,
        fields=FIELDS,
        authors=await speakers(session, {each["author"] for each in wanted}, principal=principal),
    )


async def history_of(request: Request, deal_id: UUID, *, principal: Principal) -> dict[str, Any]:
    """The timeline as the forecast has it. Of a deal that only its owner knows yet there is none, and `arriving` is the deal."""
    services = services_of(request)
    try:
        return await services.get("forecast", f"forecast/deals/{deal_id}/history", principal=principal)
    except ServiceRefused as refused:
        if refused.status != NOT_FOUND:
            raise
    arriving = await services.get("deals", f"deals/{deal_id}", principal=principal)
    return {"current": None, "versions": [], "arriving": arriving}


async def edits_of(request: Request, deal_id: UUID, *, principal: Principal) -> list[dict[str, Any]]:
    """What people wanted of fields that the CRM owns, the newest first; nothing where the deals service cannot say."""
    try:
        found = await services_of(request).get("deals", f"deals/{deal_id}/edits", principal=principal)
    except (ServiceDown, ServiceRefused):
        return []
    items: list[dict[str, Any]] = found["items"]
    return items[:20]


def entries(versions: Sequence[dict[str, Any]], names: Mapping[UUID, str], zone: str = "UTC") -> list[Entry]:
    """The timeline in its order. Of entries of one time the last holds; the others are compared with what held before too."""
    made: list[Entry] = []
    held: dict[str, Any] | None = None
    for at, version in enumerate(versions):
        following = versions[at + 1] if at + 1 < len(versions) else None
        is_replaced = following is not None and following["valid_from"] == version["valid_from"]
        made.append(
            Entry(
                version,
                HAPPENED.get(version["event_type"].split(".")[-2], "Changed"),
                told(compared(held, version, names, zone)) if held else [],
                held is None,
                is_replaced,
            )
        )
        if not is_replaced:
            held = version
    return made
