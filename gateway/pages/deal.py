"""The page of one deal: every entry of its timeline with both clocks, what it changed and which delivery brought it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.changes import Change, compared, told
from gateway.pages.names import names_of
from gateway.pages.templates import page
from gateway.proxy.client import services_of
from libs.common.web.api import Reading, runtime_of

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
    """A deal's history, the newest entry first."""
    found = await services_of(request).get("forecast", f"forecast/deals/{deal_id}/history", principal=principal)
    people = {UUID(each[who]) for each in found["versions"] for who in ("owner_id", "changed_by") if each[who]}
    names = await names_of(session, people, principal=principal)
    current = found["current"]
    zone = str(runtime_of(request).settings.org_timezone)
    return page(
        request,
        "deal.html",
        deal_id=str(deal_id),
        current=current,
        names={str(key): known for key, known in names.items()},
        shown=compared(None, current, names, zone),
        entries=entries(found["versions"], names, zone)[::-1],
    )


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
