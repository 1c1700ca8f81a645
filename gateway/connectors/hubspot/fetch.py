"""Reads HubSpot records back: 100 at a time, archived ones apart, companies of deals by association; and lists deals by search."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway.connectors.client import CrmClient
from gateway.connectors.hubspot import activities, beside
from gateway.connectors.items import PARTS, Fetched, FullRecord, Listed, ObjectType
from gateway.mapping.paths import properties_of
from gateway.mapping.schemas import Mapping as MappingDocument
from gateway.mapping.values import instant, text

BATCH = 100
PAGE = 200
TYPES: Mapping[ObjectType, str] = {"deal": "0-3", "contact": "0-1", "account": "0-2", "product": "0-7"}
ACTOR = "hs_updated_by_user_id"
"""HubSpot's id of the user who changed the record last; none where a machine did."""
MODIFIED: Mapping[ObjectType, str] = {"contact": "lastmodifieddate"}


async def fetch(
    client: CrmClient, mapping: MappingDocument, object_type: ObjectType, external_ids: Sequence[str]
) -> Fetched:
    """The present state of at most 100 records. Raises FetchFailed where the CRM cannot answer now."""
    if object_type in PARTS:
        return await beside.fetch(client, object_type, external_ids)
    if object_type == "activity":
        return await activities.fetch(client, external_ids)
    wanted = [*properties_of(mapping, "hubspot", object_type), ACTOR]
    reading = _read(client, object_type, external_ids, wanted, archived=False)
    if object_type == "deal":
        live, companies = await asyncio.gather(reading, _companies(client, external_ids))
        for external_id in live.keys() & companies.keys():
            live[external_id]["associations"] = {"company": companies[external_id]}
    else:
        live = await reading
    rest = [each for each in external_ids if each not in live]
    gone = await _read(client, object_type, rest, wanted, archived=True) if rest else {}
    records = [_record(object_type, each) for each in (*live.values(), *gone.values())]
    return Fetched(records, frozenset(each for each in rest if each not in gone))


async def page(client: CrmClient, mapping: MappingDocument, after: str | None) -> Listed:
    """At most 200 live deals, without their companies, in the order of their ids from beyond `after`.

    Not by the search's own paging, which ends at 10 000 results. The index lags behind the records: a deal that is new, or
    changed a moment ago, may be missing or old. Raises FetchFailed where the CRM cannot answer now.
    """
    answer = await client.post(
        f"/crm/v3/objects/{TYPES['deal']}/search",
        json={
            "filterGroups": [{"filters": [{"propertyName": "hs_object_id", "operator": "GT", "value": after or "0"}]}],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": [*properties_of(mapping, "hubspot", "deal"), ACTOR],
            "limit": PAGE,
        },
    )
    records = [_record("deal", each) for each in answer["results"]]
    return Listed(records, records[-1].external_id if len(records) == PAGE else None)


async def _read(
    client: CrmClient, object_type: ObjectType, ids: Sequence[str], wanted: Sequence[str], *, archived: bool
) -> dict[str, dict[str, Any]]:
    answer = await client.post(
        f"/crm/v3/objects/{TYPES[object_type]}/batch/read",
        params={"archived": "true"} if archived else {},
        json={"properties": list(wanted), "inputs": [{"id": each} for each in ids]},
    )
    return {str(each["id"]): each for each in answer.get("results", ()) if bool(each.get("archived")) == archived}


async def _companies(client: CrmClient, deal_ids: Sequence[str]) -> dict[str, str]:
    """The first company of each deal: the primary one where HubSpot marks it, else the lowest id."""
    answer = await client.post(
        "/crm/v4/associations/0-3/0-2/batch/read", json={"inputs": [{"id": each} for each in deal_ids]}
    )
    found: dict[str, str] = {}
    for each in answer.get("results", ()):
        ranked = sorted(
            (not any(kind.get("label") == "Primary" for kind in to.get("associationTypes", ())), str(to["toObjectId"]))
            for to in each.get("to", ())
        )
        if ranked:
            found[str(each["from"]["id"])] = ranked[0][1]
    return found


def _record(object_type: ObjectType, found: Mapping[str, Any]) -> FullRecord:
    archived = bool(found.get("archived"))
    return FullRecord(
        object_type,
        str(found["id"]),
        found,
        _modified(object_type, found, archived),
        deleted=archived,
        actor=text(found.get("properties", {}).get(ACTOR)),
    )


def _modified(object_type: ObjectType, found: Mapping[str, Any], archived: bool) -> datetime:
    properties = found.get("properties", {})
    stamped = properties.get(MODIFIED.get(object_type, "hs_lastmodifieddate")) or found.get("updatedAt")
    modified = instant("hs_lastmodifieddate", stamped)
    if archived and found.get("archivedAt"):
        return max(modified, instant("archivedAt", found["archivedAt"]))
    return modified
