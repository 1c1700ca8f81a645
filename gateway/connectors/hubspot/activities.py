"""HubSpot's calls, emails and meetings: who, when and which way. What was said is never asked for."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from gateway.connectors.client import CrmClient
from gateway.connectors.hubspot.beside import associated
from gateway.connectors.items import Fetched, FullRecord, Polled
from gateway.mapping.values import instant, optional_instant
from libs.common import clock

KINDS: Final[Mapping[str, str]] = {"calls": "call", "emails": "mail", "meetings": "meeting"}
POLLS: Final = tuple(f"{kind} {what}" for kind in KINDS for what in ("changed", "happened"))
"""A meeting that was planned takes place without being changed, so both times are asked for."""
PAGE: Final = 200
_TIMES: Final[Mapping[str, str]] = {"changed": "hs_lastmodifieddate", "happened": "hs_timestamp"}
_PROPERTIES: Final[Mapping[str, Sequence[str]]] = {
    "calls": ("hs_call_direction", "hs_call_status"),
    "emails": ("hs_email_direction", "hs_email_status"),
    "meetings": ("hs_meeting_outcome",),
}
_SHARED: Final = ("hs_timestamp", "hs_lastmodifieddate", "hubspot_owner_id")
_BESIDE: Final[Mapping[str, str]] = {"deals": "0-3", "accounts": "0-2", "contacts": "0-1"}
_FAILED: Final = frozenset({"BUSY", "CANCELED", "FAILED", "MISSED", "NO_ANSWER", "BOUNCED", "NO_SHOW", "CANCELLED"})
_AHEAD: Final = frozenset(
    {"QUEUED", "RINGING", "CONNECTING", "CALLING_CRM_USER", "IN_PROGRESS", "SCHEDULED", "SENDING"}
)


async def poll(client: CrmClient, kind: str, since: datetime, cursor: str | None) -> Polled:
    """A page of what was changed, or took place, from an instant until now, the oldest first. Raises FetchFailed, NotAllowed."""
    name, _, what = kind.partition(" ")
    stamp = _TIMES[what]
    bounds = [("GTE", since), ("LTE", clock.now())]
    filters = [{"propertyName": stamp, "operator": how, "value": str(clock.to_millis(at))} for how, at in bounds]
    body: dict[str, Any] = {
        "filterGroups": [{"filters": filters}],
        "sorts": [{"propertyName": stamp, "direction": "ASCENDING"}],
        "properties": [stamp],
        "limit": PAGE,
    }
    answer = await client.post(f"/crm/v3/objects/{name}/search", json=body | ({"after": cursor} if cursor else {}))
    found = [(f"{name}-{each['id']}", instant(stamp, each["properties"][stamp])) for each in answer["results"]]
    return Polled(found, ((answer.get("paging") or {}).get("next") or {}).get("after"))


async def fetch(client: CrmClient, external_ids: Sequence[str]) -> Fetched:
    """The present state of at most 100 activities, archived ones included. Raises FetchFailed, NotAllowed."""
    groups: dict[str, list[str]] = defaultdict(list)
    for each in external_ids:
        name, _, identifier = each.partition("-")
        if name in KINDS:
            groups[name].append(identifier)
    records = [record for name, ids in groups.items() for record in await _of_kind(client, name, ids)]
    known = {each.external_id for each in records}
    return Fetched(records, frozenset(each for each in external_ids if each not in known))


async def _of_kind(client: CrmClient, name: str, ids: Sequence[str]) -> list[FullRecord]:
    live = await _read(client, name, ids, archived=False)
    rest = [each for each in ids if each not in live]
    gone = await _read(client, name, rest, archived=True) if rest else {}
    beside = {what: await associated(client, name, kind, list(live)) if live else {} for what, kind in _BESIDE.items()}
    found = []
    for identifier, each in (live | gone).items():
        others = {what: ids_of.get(identifier, []) for what, ids_of in beside.items()}
        told = _told(name, each["properties"], others)
        modified = instant(
            "hs_lastmodifieddate", each["properties"].get("hs_lastmodifieddate") or each.get("updatedAt")
        )
        if each.get("archivedAt"):
            modified = max(modified, instant("archivedAt", each["archivedAt"]))
        found.append(FullRecord("activity", f"{name}-{identifier}", told, modified, deleted=identifier in gone))
    return found


async def _read(client: CrmClient, name: str, ids: Sequence[str], *, archived: bool) -> dict[str, dict[str, Any]]:
    answer = await client.post(
        f"/crm/v3/objects/{name}/batch/read",
        params={"archived": "true"} if archived else {},
        json={"properties": [*_SHARED, *_PROPERTIES[name]], "inputs": [{"id": each} for each in ids]},
    )
    return {str(each["id"]): each for each in answer.get("results", ()) if bool(each.get("archived")) == archived}


def _told(name: str, told: Mapping[str, Any], others: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    states = {str(told.get(each) or "").upper() for each in _PROPERTIES[name]}
    at = optional_instant("hs_timestamp", told.get("hs_timestamp"))
    # A meeting stays "scheduled" in HubSpot when nobody notes what came of it: it counts once its time has come.
    ahead = bool(states & _AHEAD) and name != "meetings"
    return {
        "kind": KINDS[name],
        "direction": _direction(name, states),
        "at": at and at.isoformat(),
        "done": at is not None and at <= clock.now() and not ahead and not states & _FAILED,
        "owners": [each for each in [told.get("hubspot_owner_id")] if each],
        **others,
    }


def _direction(name: str, states: set[str]) -> str:
    if name != "emails":
        return "both"
    return "theirs" if "INCOMING_EMAIL" in states else "ours"
