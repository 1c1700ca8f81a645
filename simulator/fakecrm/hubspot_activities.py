"""HubSpot's calls, emails and meetings: search by a time, batch read, associations."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from libs.common import clock
from simulator.fakecrm.hubspot_beside import refused
from simulator.fakecrm.kept import ActivityKept
from simulator.fakecrm.state import CrmState
from simulator.records import iso

Endpoint = Callable[[CrmState, Request], Awaitable[Response]]
_KINDS: Mapping[str, Literal["call", "mail", "meeting"]] = {"calls": "call", "emails": "mail", "meetings": "meeting"}


def _form(name: str, each: ActivityKept) -> dict[str, Any]:
    own: dict[str, dict[str, Any]] = {
        "calls": {"hs_call_direction": "INBOUND" if each.incoming else "OUTBOUND", "hs_call_status": each.state},
        "emails": {"hs_email_direction": "INCOMING_EMAIL" if each.incoming else "EMAIL", "hs_email_status": each.state},
        "meetings": {"hs_meeting_outcome": each.state},
    }
    properties = own[name] | {
        "hs_timestamp": iso(each.at),
        "hs_lastmodifieddate": iso(each.changed_at),
        "hubspot_owner_id": each.owner_id,
        "hs_body_preview": "What was said stays there.",
    }
    found = {"id": each.activity_id, "properties": properties, "archived": each.deleted}
    return found | ({"archivedAt": iso(each.changed_at)} if each.deleted else {})


def _held(state: CrmState, name: str) -> list[ActivityKept]:
    every = [each for (provider, _), each in state.beside.activities.items() if provider == "hubspot"]
    return [each for each in every if each.kind == _KINDS[name]]


def _search(name: str) -> Endpoint:
    async def search(state: CrmState, request: Request) -> Response:
        if "activities" in state.beside.forbidden:
            return refused("crm.objects.contacts.read")
        body = await request.json()
        stamp = body["sorts"][0]["propertyName"]
        low, high = (int(one["value"]) for one in body["filterGroups"][0]["filters"])
        times = {"hs_timestamp": lambda each: each.at, "hs_lastmodifieddate": lambda each: each.changed_at}
        found = [
            each
            for each in _held(state, name)
            if low <= clock.to_millis(times[stamp](each)) <= high and not each.deleted
        ]
        found.sort(key=lambda each: (times[stamp](each), each.activity_id))
        start, size = int(body.get("after") or 0), min(200, int(body["limit"]))
        answer: dict[str, Any] = {
            "total": len(found),
            "results": [_form(name, each) for each in found[start : start + size]],
        }
        if start + size < len(found):
            answer["paging"] = {"next": {"after": str(start + size)}}
        return JSONResponse(answer)

    return search


def _read(name: str) -> Endpoint:
    async def read(state: CrmState, request: Request) -> Response:
        if "activities" in state.beside.forbidden:
            return refused("crm.objects.contacts.read")
        archived = request.query_params.get("archived") == "true"
        body = await request.json()
        wanted = {str(item["id"]) for item in body["inputs"]}
        found = [
            _form(name, each) for each in _held(state, name) if each.activity_id in wanted and each.deleted == archived
        ]
        for each in found:
            each["properties"] = {key: value for key, value in each["properties"].items() if key in body["properties"]}
        return JSONResponse({"status": "COMPLETE", "results": found})

    return read


def _associated(name: str, what: Literal["deal_ids", "account_ids", "contact_ids"]) -> Endpoint:
    async def associated(state: CrmState, request: Request) -> Response:
        wanted = {str(item["id"]) for item in (await request.json())["inputs"]}
        found = [
            {"from": {"id": each.activity_id}, "to": [{"toObjectId": int(other)} for other in getattr(each, what)]}
            for each in _held(state, name)
            if each.activity_id in wanted and getattr(each, what)
        ]
        return JSONResponse({"status": "COMPLETE", "results": found})

    return associated


_ASSOCIATED: Mapping[str, Literal["deal_ids", "account_ids", "contact_ids"]] = {
    "0-3": "deal_ids",
    "0-2": "account_ids",
    "0-1": "contact_ids",
}
TABLE: Sequence[tuple[str, str, Endpoint]] = [
    row
    for name in _KINDS
    for row in (
        ("POST", f"/crm/v3/objects/{name}/search", _search(name)),
        ("POST", f"/crm/v3/objects/{name}/batch/read", _read(name)),
        *(
            ("POST", f"/crm/v4/associations/{name}/{kind}/batch/read", _associated(name, what))
            for kind, what in _ASSOCIATED.items()
        ),
    )
]
