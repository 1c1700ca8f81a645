"""HubSpot's objects: batch read, search, associations, owners."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from libs.common import clock
from simulator.fakecrm import hubspot_activities, hubspot_beside
from simulator.fakecrm.edits import Refused, edited
from simulator.fakecrm.state import CrmState, Kind
from simulator.forms import hubspot
from simulator.records import AccountRecord, DealRecord, LeadRecord, UserRecord

_KINDS: dict[str, Kind] = {
    "0-3": "deal",
    "deals": "deal",
    "deal": "deal",
    "0-1": "lead",
    "contacts": "lead",
    "contact": "lead",
    "0-2": "account",
    "companies": "account",
    "company": "account",
}
_SEARCH_LIMIT = 10_000


def _error(status: int, category: str, message: str) -> JSONResponse:
    return JSONResponse({"status": "error", "category": category, "message": message}, status_code=status)


def _object(state: CrmState, kind: Kind, identifier: str) -> DealRecord | LeadRecord | AccountRecord | None:
    found = state.get("hubspot", kind, identifier)
    return None if isinstance(found, UserRecord) else found


async def batch_read(state: CrmState, request: Request) -> Response:
    """200 with all records, 207 with the missing ones as errors. `archived=true` answers the archived ones only."""
    kind = _KINDS.get(request.path_params["object_type"])
    if kind is None:
        return _error(
            400, "VALIDATION_ERROR", f"Unable to infer object type from: {request.path_params['object_type']}"
        )
    body = await request.json()
    identifiers = [str(item["id"]) for item in body.get("inputs", [])]
    if len(identifiers) > 100:
        return _error(400, "VALIDATION_ERROR", f"maximum batch size is 100, got {len(identifiers)}")
    archived = request.query_params.get("archived") == "true"
    wanted = body.get("properties")
    results, missing = [], []
    for identifier in dict.fromkeys(identifiers):
        record = _object(state, kind, identifier)
        if record is None or (isinstance(record, DealRecord | LeadRecord) and record.deleted) != archived:
            missing.append(identifier)
        else:
            results.append(hubspot.crm_object(record, wanted))
    answer: dict[str, Any] = {"status": "COMPLETE", "results": results}
    if not missing:
        return JSONResponse(answer)
    error = {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": "Could not get some objects, they may be deleted or not exist. Check that ids are valid.",
        "context": {"ids": missing},
    }
    return JSONResponse(answer | {"numErrors": 1, "errors": [error]}, status_code=207)


async def read_one(state: CrmState, request: Request) -> Response:
    kind = _KINDS.get(request.path_params["object_type"])
    record = _object(state, kind, request.path_params["id"]) if kind else None
    archived = request.query_params.get("archived") == "true"
    if record is None or (isinstance(record, DealRecord | LeadRecord) and record.deleted) != archived:
        return _error(404, "OBJECT_NOT_FOUND", "resource not found")
    names = request.query_params.get("properties")
    return JSONResponse(hubspot.crm_object(record, names.split(",") if names else None))


async def change_one(state: CrmState, request: Request) -> Response:
    """PATCH of a deal: 404 where it is not live, 400 with words for a value or property that is not taken."""
    deal = state.deal("hubspot", request.path_params["id"])
    if _KINDS.get(request.path_params["object_type"]) != "deal" or deal is None or deal.deleted:
        return _error(404, "OBJECT_NOT_FOUND", "resource not found")
    try:
        after = edited("hubspot", deal, (await request.json())["properties"])
    except Refused as refusal:
        return _error(400, "VALIDATION_ERROR", str(refusal))
    state.edit_deal("hubspot", deal, after)
    return JSONResponse(hubspot.crm_object(after, None))


async def associations(state: CrmState, request: Request) -> Response:
    """Deals to companies, and deals to the contacts they came from."""
    source = _KINDS.get(request.path_params["from_type"])
    target = _KINDS.get(request.path_params["to_type"])
    results = []
    for item in (await request.json()).get("inputs", []):
        record = state.deal("hubspot", str(item["id"])) if source == "deal" else None
        other = None if record is None else record.account_id if target == "account" else record.lead_id
        if record is None or other is None or record.deleted:
            continue
        kinds = [{"category": "HUBSPOT_DEFINED", "typeId": 5 if target == "account" else 3, "label": "Primary"}]
        to = [{"toObjectId": int(other), "associationTypes": kinds}]
        results.append({"from": {"id": record.deal_id}, "to": to})
    return JSONResponse({"status": "COMPLETE", "results": results})


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "EQ": lambda a, b: bool(a == b),
    "NEQ": lambda a, b: bool(a != b),
    "GT": lambda a, b: bool(a > b),
    "GTE": lambda a, b: bool(a >= b),
    "LT": lambda a, b: bool(a < b),
    "LTE": lambda a, b: bool(a <= b),
}


def _comparable(value: str) -> float | str:
    """Numbers and times (ISO or milliseconds) compare as numbers, the rest as text."""
    try:
        return float(value)
    except ValueError:
        pass
    try:
        return float(clock.to_millis(datetime.fromisoformat(value)))
    except ValueError:
        return value


def _rank(value: str | None) -> tuple[bool, float, str]:
    """Numbers and times in their order, then text in its own."""
    comparable = _comparable(value or "")
    return (False, comparable, "") if isinstance(comparable, float) else (True, 0.0, comparable)


def _matches(properties: hubspot.Properties, filters: Sequence[dict[str, Any]]) -> bool:
    for one in filters:
        value = properties.get(one["propertyName"])
        operator = one["operator"]
        if operator in {"HAS_PROPERTY", "NOT_HAS_PROPERTY"}:
            if (value is not None) != (operator == "HAS_PROPERTY"):
                return False
        elif value is None:
            return False
        elif operator == "IN":
            if value not in one["values"]:
                return False
        else:
            ours, theirs = _comparable(value), _comparable(str(one["value"]))
            comparable = (ours, theirs) if type(ours) is type(theirs) else (str(ours), str(theirs))
            if not _COMPARE[operator](*comparable):
                return False
    return True


async def search(state: CrmState, request: Request) -> Response:
    """Filter groups, one sort, paging by `after`; no archived records, and no more than 10 000 results, as HubSpot has it."""
    kind = _KINDS.get(request.path_params["object_type"])
    if kind is None:
        return _error(400, "VALIDATION_ERROR", "Unable to infer object type")
    body = await request.json()
    groups = [group.get("filters", []) for group in body.get("filterGroups", [])] or [[]]
    found = []
    for record in state.all("hubspot", kind):
        if isinstance(record, DealRecord | LeadRecord) and not record.deleted:
            properties = hubspot.properties(record)
            if any(_matches(properties, group) for group in groups):
                found.append((properties, record))
    for sort in body.get("sorts", [{"propertyName": "createdate", "direction": "ASCENDING"}])[:1]:
        name = sort["propertyName"]
        found.sort(key=lambda item: (_rank(item[0].get(name)), int(item[1].external_id)))
        if sort.get("direction") == "DESCENDING":
            found.reverse()
    after, limit = int(body.get("after") or 0), min(200, int(body.get("limit") or 10))
    if after + limit > _SEARCH_LIMIT:
        return _error(400, "VALIDATION_ERROR", "a search has no more than 10000 results")
    page = [hubspot.crm_object(record, body.get("properties")) for _, record in found[after : after + limit]]
    answer: dict[str, Any] = {"total": len(found), "results": page}
    if after + limit < len(found):
        answer["paging"] = {"next": {"after": str(after + limit)}}
    return JSONResponse(answer)


async def owners(state: CrmState, _request: Request) -> Response:
    found = [hubspot.owner(user) for user in state.all("hubspot", "user") if isinstance(user, UserRecord)]
    return JSONResponse({"results": found})


TABLE: Sequence[tuple[str, str, Callable[[CrmState, Request], Awaitable[Response]]]] = (
    *hubspot_activities.TABLE,
    ("POST", "/crm/v3/objects/0-8/batch/read", hubspot_beside.line_items),
    ("POST", "/crm/v3/objects/deals/splits/batch/read", hubspot_beside.splits),
    ("POST", "/crm/v4/associations/0-3/0-8/batch/read", hubspot_beside.lines_of_deals),
    ("POST", "/crm/v3/objects/{object_type}/batch/read", batch_read),
    ("POST", "/crm/v3/objects/{object_type}/search", search),
    ("GET", "/crm/v3/objects/{object_type}/{id}", read_one),
    ("PATCH", "/crm/v3/objects/{object_type}/{id}", change_one),
    ("POST", "/crm/v4/associations/{from_type}/{to_type}/batch/read", associations),
    ("GET", "/crm/v3/owners", owners),
    ("GET", "/crm/v3/owners/", owners),
)
