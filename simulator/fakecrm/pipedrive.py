"""Pipedrive's version 2 lists: by ids, or changed since, in pages."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulator.fakecrm.edits import Refused, edited
from simulator.fakecrm.state import CrmState, Held
from simulator.forms import pipedrive
from simulator.records import AccountRecord, DealRecord, LeadRecord, UserRecord

_MAX_LIMIT = 500


def _sought(state: CrmState, kind: str, identifier: str) -> Held | None:
    if kind == "lead":
        try:
            return state.lead("pipedrive", str(UUID(identifier)))
        except ValueError:
            return None
    if kind == "person":
        leads = (lead for lead in state.all("pipedrive", "lead") if isinstance(lead, LeadRecord))
        return next((lead for lead in leads if str(pipedrive.person_number(lead.lead_id)) == identifier), None)
    return state.get("pipedrive", "account" if kind == "account" else "deal", identifier)


def _form(kind: str, record: Held) -> dict[str, Any]:
    match record:
        case DealRecord():
            return pipedrive.deal_data(record)
        case LeadRecord():
            return pipedrive.person_data(record) if kind == "person" else pipedrive.lead_data(record)
        case AccountRecord():
            return pipedrive.organization_data(record)
        case UserRecord():
            return pipedrive.user_data(record)


def _list(kind: str) -> Callable[[CrmState, Request], Awaitable[Response]]:
    async def endpoint(state: CrmState, request: Request) -> Response:
        asked = request.query_params
        if ids := asked.get("ids"):
            wanted = [part.strip() for part in ids.split(",") if part.strip()]
            if len(wanted) > 100:
                return JSONResponse({"success": False, "error": "at most 100 ids"}, status_code=400)
            records = [record for each in wanted if (record := _sought(state, kind, each))]
            return _answer([_form(kind, record) for record in records], None)
        return _listed(state, kind, asked)

    return endpoint


def _listed(state: CrmState, kind: str, asked: QueryParams) -> Response:
    """In order of change, or of the ids. With `updated_since` deleted deals are among them with their status, as they are for 30 days."""
    after = datetime.fromisoformat(asked["updated_since"]) if asked.get("updated_since") else None
    held = "lead" if kind in {"lead", "person"} else "account" if kind == "account" else "deal"
    records = [each for each in state.all("pipedrive", held) if after is None or each.changed_at >= after]  # type: ignore[arg-type]
    if after is None:
        records = [each for each in records if not (isinstance(each, DealRecord) and each.deleted)]
    if asked.get("sort_by") == "id":
        records.sort(key=lambda each: (len(each.external_id), each.external_id))
    else:
        records.sort(key=lambda each: (each.changed_at, each.external_id))
    start, size = int(asked.get("cursor") or 0), min(_MAX_LIMIT, int(asked.get("limit") or 100))
    following = str(start + size) if start + size < len(records) else None
    return _answer([_form(kind, record) for record in records[start : start + size]], following)


def _answer(data: list[dict[str, Any]], cursor: str | None) -> Response:
    return JSONResponse({"success": True, "data": data, "additional_data": {"next_cursor": cursor}})


async def products(state: CrmState, request: Request) -> Response:
    """The products of several deals, in pages."""
    if "lines" in state.beside.forbidden:
        refusal = {"success": False, "error": "Scope and URL mismatch", "errorCode": 403}
        return JSONResponse(refusal, status_code=403)
    wanted = [part for part in request.query_params.get("deal_ids", "").split(",") if part]
    if not 0 < len(wanted) <= 100:
        return JSONResponse({"success": False, "error": "1 to 100 deal_ids"}, status_code=400)
    found = [
        {
            "id": int(each.line_id),
            "deal_id": int(deal_id),
            "product_id": int(each.line_id) + 1000,
            "name": each.name,
            "item_price": float(each.price),
            "quantity": float(each.quantity),
            "sum": float(each.amount),
            "currency": each.currency,
            "is_enabled": True,
            "add_time": each.changed_at.isoformat(),
            "update_time": None,
        }
        for deal_id in wanted
        for each in state.beside.lines.get(("pipedrive", deal_id), ())
    ]
    start, size = int(request.query_params.get("cursor") or 0), int(request.query_params.get("limit") or 100)
    return _answer(found[start : start + size], str(start + size) if start + size < len(found) else None)


async def archived(_state: CrmState, _request: Request) -> Response:
    """The simulated company archives nothing."""
    return _answer([], None)


async def change_one(state: CrmState, request: Request) -> Response:
    """PATCH of a deal, custom fields below their own name."""
    deal = state.deal("pipedrive", request.path_params["id"])
    if deal is None or deal.deleted:
        return JSONResponse({"success": False, "error": "Deal not found"}, status_code=404)
    body: dict[str, Any] = await request.json()
    custom = {f"custom_fields.{key}": value for key, value in body.pop("custom_fields", {}).items()}
    try:
        after = edited("pipedrive", deal, body | custom)
    except Refused as refusal:
        return JSONResponse({"success": False, "error": str(refusal), "error_info": refusal.code}, status_code=400)
    state.edit_deal("pipedrive", deal, after)
    return JSONResponse({"success": True, "data": pipedrive.deal_data(after)})


async def users(state: CrmState, _request: Request) -> Response:
    found = [pipedrive.user_data(user) for user in state.all("pipedrive", "user") if isinstance(user, UserRecord)]
    return JSONResponse({"success": True, "data": found})


TABLE: Sequence[tuple[str, str, Callable[[CrmState, Request], Awaitable[Response]]]] = (
    ("GET", "/api/v2/deals", _list("deal")),
    ("PATCH", "/api/v2/deals/{id}", change_one),
    ("GET", "/api/v2/deals/archived", archived),
    ("GET", "/api/v2/deals/products", products),
    ("GET", "/api/v2/leads", _list("lead")),
    ("GET", "/api/v2/persons", _list("person")),
    ("GET", "/api/v2/organizations", _list("account")),
    ("GET", "/api/v1/users", users),
)
