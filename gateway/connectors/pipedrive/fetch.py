"""Reads Pipedrive records back, and lists its deals. Its webhooks are full, so only records named by a person or a reconciliation need it."""

from collections.abc import Mapping, Sequence

from gateway.connectors.client import CrmClient
from gateway.connectors.items import PARTS, Fetched, FullRecord, Listed, ObjectType
from gateway.connectors.pipedrive import beside
from gateway.connectors.pipedrive.parser import full_record
from gateway.mapping.schemas import Mapping as MappingDocument

BATCH = 100
PAGE = 500
LISTS = ("/api/v2/deals", "/api/v2/deals/archived")
"""Archived deals are listed apart; they are deals as the others are."""
PATHS: Mapping[ObjectType, str] = {
    "deal": "/api/v2/deals",
    "lead": "/api/v2/leads",
    "contact": "/api/v2/persons",
    "account": "/api/v2/organizations",
    "product": "/api/v2/products",
}


async def fetch(
    client: CrmClient, mapping: MappingDocument, object_type: ObjectType, external_ids: Sequence[str]
) -> Fetched:
    """The present state of at most 100 records. Raises FetchFailed where the CRM cannot answer now."""
    del mapping
    if object_type in PARTS:
        return await beside.fetch(client, object_type, external_ids)
    if object_type not in PATHS:
        return Fetched([], frozenset(external_ids))
    answer = await client.get(PATHS[object_type], params={"ids": ",".join(external_ids), "limit": "100"})
    found = [full_record(object_type, str(each["id"]), each, None) for each in answer.get("data") or ()]
    known = {each.external_id for each in found}
    return Fetched(found, frozenset(each for each in external_ids if each not in known))


async def page(client: CrmClient, mapping: MappingDocument, after: str | None) -> Listed:
    """At most 500 deals that are not deleted, by the CRM's own cursor; the archived ones follow the others.

    Raises FetchFailed where the CRM cannot answer now.
    """
    del mapping
    place, _, cursor = (after or "0:").partition(":")
    params = {"sort_by": "id", "limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
    answer = await client.get(LISTS[int(place)], params=params)
    found = [full_record("deal", str(each["id"]), each, None) for each in answer["data"] or ()]
    following = (answer.get("additional_data") or {}).get("next_cursor")
    is_last = int(place) + 1 == len(LISTS)
    next_list = None if is_last else f"{int(place) + 1}:"
    live = [each for each in found if isinstance(each, FullRecord) and not each.deleted]
    return Listed(live, f"{place}:{following}" if following else next_list)
