"""What Pipedrive keeps beside deals: their products, of a hundred deals at once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.connectors.client import CrmClient
from gateway.connectors.items import Fetched, FullRecord, Part
from libs.common import clock

PAGE = 500
PATH = "/api/v2/deals/products"


async def fetch(client: CrmClient, part: Part, deal_ids: Sequence[str]) -> Fetched:
    """One record for each of at most 100 deals, empty where Pipedrive has nothing. Raises FetchFailed, NotAllowed."""
    if part != "lines":
        return Fetched([], frozenset(deal_ids))  # Pipedrive has no object for them
    asked_at, found, cursor = clock.now(), defaultdict(list), ""
    while True:
        params = {"deal_ids": ",".join(deal_ids), "limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
        answer = await client.get(PATH, params=params)
        for each in answer.get("data") or ():
            if each.get("is_enabled") is not False:
                found[str(each["deal_id"])].append(_line(each))
        cursor = (answer.get("additional_data") or {}).get("next_cursor") or ""
        if not cursor:
            break
    return Fetched([FullRecord(part, each, {part: found.get(each, [])}, asked_at) for each in deal_ids])


def _line(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": str(told["id"]),
        "product": told.get("name"),
        "quantity": told.get("quantity"),
        "price": told.get("item_price"),
        "amount": told.get("sum"),
        "currency": told.get("currency"),
        "changed_at": told.get("update_time") or told.get("add_time"),
    }
