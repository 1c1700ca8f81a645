"""Reads Pipedrive records back. Its webhooks are full, so only records named by a person or a reconciliation need it."""

from collections.abc import Mapping, Sequence

from gateway.connectors.client import CrmClient
from gateway.connectors.items import Fetched, ObjectType
from gateway.connectors.pipedrive.parser import full_record
from gateway.mapping.schemas import Mapping as MappingDocument

BATCH = 100
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
    if object_type not in PATHS:
        return Fetched([], frozenset(external_ids))
    answer = await client.get(PATHS[object_type], params={"ids": ",".join(external_ids), "limit": "100"})
    found = [full_record(object_type, str(each["id"]), each, None) for each in answer.get("data") or ()]
    known = {each.external_id for each in found}
    return Fetched(found, frozenset(each for each in external_ids if each not in known))
