"""What HubSpot keeps beside deals: line items by association, deal splits by their own interface."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.connectors.client import CrmClient
from gateway.connectors.items import Fetched, FullRecord, Part
from libs.common import clock

BATCH = 100
_LINE = ["name", "hs_sku", "quantity", "price", "amount", "hs_line_item_currency_code", "hs_term_in_months"]
_MODIFIED = "hs_lastmodifieddate"


async def fetch(client: CrmClient, part: Part, deal_ids: Sequence[str]) -> Fetched:
    """One record for each of at most 100 deals, empty where HubSpot has nothing. Raises FetchFailed, NotAllowed."""
    asked_at = clock.now()
    if part == "competitors":
        return Fetched([], frozenset(deal_ids))  # HubSpot has no object for them: a property of the deal names them
    found = await (_lines(client, deal_ids) if part == "lines" else _splits(client, deal_ids))
    return Fetched([FullRecord(part, each, {part: found.get(each, [])}, asked_at) for each in deal_ids])


async def _lines(client: CrmClient, deal_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    owners = {
        item: deal for deal, items in (await associated(client, "0-3", "0-8", deal_ids)).items() for item in items
    }
    items, found = list(owners), defaultdict(list)
    for start in range(0, len(items), BATCH):
        answer = await client.post(
            "/crm/v3/objects/0-8/batch/read",
            json={
                "properties": [*_LINE, _MODIFIED],
                "inputs": [{"id": each} for each in items[start : start + BATCH]],
            },
        )
        for each in answer.get("results", ()):
            found[owners[str(each["id"])]].append(_line(str(each["id"]), each.get("properties", {})))
    return found


def _line(identifier: str, told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": identifier,
        "product": told.get("hs_sku") or told.get("name"),
        "quantity": told.get("quantity"),
        "price": told.get("price"),
        "amount": told.get("amount"),
        "currency": told.get("hs_line_item_currency_code"),
        "term_months": told.get("hs_term_in_months"),
        "changed_at": told.get(_MODIFIED),
    }


async def associated(client: CrmClient, from_type: str, to_type: str, ids: Sequence[str]) -> dict[str, list[str]]:
    """The ids of what each record is associated with, all pages of them, sorted."""
    found: dict[str, set[str]] = defaultdict(set)
    inputs: list[dict[str, str]] = [{"id": each} for each in ids]
    while inputs:
        answer = await client.post(f"/crm/v4/associations/{from_type}/{to_type}/batch/read", json={"inputs": inputs})
        inputs = []
        for each in answer.get("results", ()):
            source = str(each["from"]["id"])
            found[source] |= {str(to["toObjectId"]) for to in each.get("to", ())}
            if after := ((each.get("paging") or {}).get("next") or {}).get("after"):
                inputs.append({"id": source, "after": str(after)})
    return {source: sorted(others) for source, others in found.items()}


async def _splits(client: CrmClient, deal_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """HubSpot's splits are of the amount and make a whole; it has no overlay."""
    answer = await client.post(
        "/crm/v3/objects/deals/splits/batch/read", json={"inputs": [{"id": each} for each in deal_ids]}
    )
    return {
        str(deal["id"]): [
            {
                "owner_id": each["properties"].get("hubspot_owner_id"),
                "share": each["properties"].get("hs_deal_split_percentage"),
                "scale": 1,
                "overlay": False,
                "changed_at": each.get("updatedAt"),
            }
            for each in deal.get("splits", ())
            if not each.get("archived")
        ]
        for deal in answer.get("results", ())
    }
