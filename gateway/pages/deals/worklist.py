"""The pages on deals to work on: my deals, all of them as a table or a board, and what is missing in money."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.names import names_of
from gateway.pages.templates import page
from gateway.people import service as people
from gateway.proxy.client import services_of
from libs.common.ids import new_id
from libs.common.web.api import Reading
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)

Word = Annotated[str, Query(max_length=200)]
CHECKS = {
    "no_next_step": "No next step",
    "overdue": "Overdue close date",
    "no_close_date": "No close date",
    "no_amount": "No amount",
    "no_owner": "No active owner",
    "no_account": "No account",
    "no_contact": "No contact",
    "unmapped_type": "Unmapped type",
}
SORTS = {"close_date": "Close date", "-amount": "Largest first", "name": "Name", "stage_entered": "Longest in stage"}
CATEGORIES = ("pipeline", "best_case", "most_likely", "commit", "omitted")
FIELDS = {
    "next_step": "Next step",
    "close_date": "Close date",
    "amount": "Amount",
    "stage": "Stage",
    "category": "Category",
    "owner_id": "Owner",
}
NOBODY = "nobody"
"""Instead of an owner: deals that name none."""


@dataclass(frozen=True)
class WorkView:
    """What the address of a list asks for. `mine`: only deals of the reader, by the mail address of their CRM users."""

    mine: bool = False
    q: str = ""
    stage: str = ""
    category: str = ""
    owner: str = ""
    check: str = ""
    closes_until: str = ""
    sort: str = "close_date"
    cursor: str = ""

    def query(self, **changes: str) -> dict[str, str]:
        """The parameters of the address, without what is usual; back on the first page unless a cursor is named."""
        known = {name: str(value) for name, value in asdict(self).items() if name not in ("mine", "cursor")} | changes
        return {name: value for name, value in known.items() if value and (name, value) != ("sort", "close_date")}

    def href(self, path: str = "", **changes: str) -> str:
        given = self.query(**changes)
        path = path or ("/my-deals" if self.mine else "/deals")
        return f"{path}?{urlencode(given)}" if given else path

    def asked(self, owners: Iterable[UUID] = (), **more: str) -> dict[str, str | list[str]]:
        """The parameters of the API."""
        found: dict[str, str | list[str]] = dict(self.query(cursor=self.cursor) | more)
        if self.owner == NOBODY:
            del found["owner"]
            found["unowned"] = "true"
        elif self.owner:
            found["owner"] = [self.owner]
        elif self.mine:
            found["owner"] = [str(each) for each in owners]
        return found


def work_view(
    request: Request,
    q: Word = "",
    stage: Word = "",
    category: Literal["", "pipeline", "best_case", "most_likely", "commit", "omitted"] = "",
    owner: Annotated[str, Query(max_length=36)] = "",
    check: Annotated[str, Query(max_length=20)] = "",
    closes_until: Annotated[str, Query(max_length=10)] = "",
    sort: Literal["close_date", "-amount", "name", "stage_entered"] = "close_date",
    cursor: Annotated[str, Query(max_length=500)] = "",
) -> WorkView:
    mine = request.url.path.startswith("/my-deals")
    return WorkView(mine, q, stage, category, owner, check if check in CHECKS else "", closes_until, sort, cursor)


Working = Annotated[WorkView, Depends(work_view)]


@router.get("/my-deals")
async def my_deals(request: Request, session: Reading, principal: CurrentUser, view: Working) -> Response:
    """The grid of the reader's own deals."""
    return await listed(request, session, view, principal=principal)


@router.get("/deals")
async def deals(request: Request, session: Reading, principal: CurrentUser, view: Working) -> Response:
    """All deals of the reader's scope as a table, to edit one by one or many at once."""
    return await listed(request, session, view, principal=principal)


async def listed(
    request: Request, session: AsyncSession, view: WorkView, *, principal: Principal, **more: Any
) -> Response:
    """The table, with what came of a bulk edit if one was made."""
    services = services_of(request)
    me = await owners_of(request, session, principal=principal) if view.mine else []
    if view.mine and not me and not view.owner:
        return page(request, "deals/worklist_nobody.html", view=view)
    found, kept, known = await asyncio.gather(
        services.get("deals", "deals/worklist", principal=principal, params=view.asked(me)),
        services.get("deals", "deals/views", principal=principal),
        services.get("deals", "organisation/people", principal=principal),
    )
    staff = [UUID(each["person_id"]) for each in known["people"] if each["is_active"]]
    names = await names_of(session, {*staff, *_owners(found["items"])}, principal=principal)
    labels = {str(key): name for key, name in names.items()}
    exported = urlencode(view.asked(me) | {"cursor": ""}, doseq=True)
    return page(
        request,
        "deals/worklist.html",
        **({"report": None} | more),
        view=view,
        found=found,
        names=labels,
        staff=sorted(((str(each), labels[str(each)]) for each in staff if str(each) in labels), key=lambda one: one[1]),
        stages=sorted({stage for deal in found["items"] for stage in [deal["stage"], *deal["stages"]]}),
        views=kept["items"],
        checks=CHECKS,
        sorts=SORTS,
        categories=CATEGORIES,
        once=str(new_id()),
        csv_href=f"/api/v1/deals/worklist.csv?{exported}",
        next_href=view.href(cursor=found["next_cursor"]) if found["next_cursor"] else None,
    )


@router.get("/deals/board")
async def board(request: Request, session: Reading, principal: CurrentUser, view: Working) -> Response:
    """Open deals by stage."""
    found = await services_of(request).get("deals", "deals/board", principal=principal, params=view.asked())
    shown = [deal for stage in found["stages"] for deal in stage["first"]]
    names = await names_of(session, _owners(shown), principal=principal)
    labels = {str(key): name for key, name in names.items()}
    pipelines = list(dict.fromkeys(stage["pipeline"] for stage in found["stages"]))
    return page(request, "deals/worklist_board.html", view=view, found=found, names=labels, pipelines=pipelines)


@router.get("/deals/quality")
async def quality(request: Request, session: Reading, principal: CurrentUser, view: Working) -> Response:
    """What open deals lack, by owner in money; each number opens its deals, ready to edit."""
    found = await services_of(request).get("deals", "deals/quality", principal=principal, params=view.asked())
    owners = {UUID(each["owner_id"]) for each in found["items"] if each["owner_id"]}
    names = await names_of(session, owners, principal=principal)
    labels = {str(key): name for key, name in names.items()}
    cells = {(each["owner_id"], each["check"]): each for each in found["items"]}
    counts: dict[str | None, int] = {}
    for each in found["items"]:
        counts[each["owner_id"]] = counts.get(each["owner_id"], 0) + each["deals"]
    rows = sorted(counts, key=lambda owner: (-counts[owner], labels.get(owner or "", "")))
    columns = [name for name in CHECKS if any(each["check"] == name for each in found["items"])]
    return page(
        request,
        "deals/worklist_quality.html",
        view=view,
        found=found,
        names=labels,
        cells=cells,
        rows=rows,
        columns=columns,
        checks=CHECKS,
    )


Typed = Annotated[str, Form(max_length=1000)]


@router.post("/deals/views")
async def keep_view(
    request: Request, principal: CurrentUser, name: Typed = "", query: Typed = "", shared: Typed = "", once: Typed = ""
) -> Response:
    """Keep the filters as they stand, then show them again."""
    body = {"name": name.strip() or "Without a name", "query": query, "shared": bool(shared)}
    await services_of(request).post("deals", "deals/views", body, principal=principal, idempotency_key=once or None)
    return RedirectResponse(f"/deals?{query}" if query else "/deals", status_code=303)


@router.post("/deals/views/{view_id}/remove")
async def remove_view(request: Request, principal: CurrentUser, view_id: UUID) -> Response:
    await services_of(request).delete("deals", f"deals/views/{view_id}", principal=principal)
    return RedirectResponse("/deals", status_code=303)


async def owners_of(request: Request, session: AsyncSession, *, principal: Principal) -> list[UUID]:
    """The CRM users that the reader is: those with the mail address of their account."""
    user = getattr(request.state, "user", None)
    return [] if user is None else await people.users_with(session, user.email, principal=principal)


def view_of(query: str) -> WorkView:
    """The view that a form was sent from."""
    known = set(asdict(WorkView())) - {"mine", "cursor"}
    return WorkView(**{name: value for name, value in parse_qsl(query) if name in known})  # type: ignore[arg-type]


def _owners(rows: Iterable[Mapping[str, Any]]) -> set[UUID]:
    found = {each["owner_id"] for each in rows}
    found |= {
        edit[name]
        for each in rows
        for key, edit in each["edits"].items()
        if key == "owner_id"
        for name in ("wanted", "crm_value")
    }
    return {UUID(each) for each in found if each}
