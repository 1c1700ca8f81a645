"""What Salesforce keeps beside opportunities: products, splits and competitors, one query of each for a hundred of them."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway.connectors.client import CrmClient
from gateway.connectors.items import Fetched, FullRecord, Part
from gateway.mapping.schemas import Mapping as MappingDocument
from libs.common import clock
from libs.common.ids import normalise_external_id

Row = Mapping[str, Any]


async def fetch(client: CrmClient, mapping: MappingDocument, part: Part, deal_ids: Sequence[str]) -> Fetched:
    """One record for each opportunity, empty where Salesforce has nothing. Raises FetchFailed, NotAllowed."""
    asked_at, (sobject, fields, form) = clock.now(), _OBJECTS[part]
    names = [*fields, "SystemModstamp", "OpportunityId"]
    if part == "lines" and "CurrencyIsoCode" in mapping.fields.get("deal", {}).values():
        names.append("CurrencyIsoCode")  # only organisations with several currencies have it
    ids = ",".join(f"'{each}'" for each in deal_ids)
    query = f"SELECT {','.join(names)} FROM {sobject} WHERE OpportunityId IN ({ids})"  # noqa: S608 - SOQL, ids checked by the caller
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in await rows_of(client, query):
        found[normalise_external_id(str(row["OpportunityId"]))].append(
            form(row) | {"id": str(row["Id"]), "changed_at": row["SystemModstamp"]}
        )
    return Fetched(
        [FullRecord(part, each, {part: found.get(normalise_external_id(each), [])}, asked_at) for each in deal_ids]
    )


async def rows_of(client: CrmClient, query: str) -> list[Row]:
    """All rows, page after page."""
    answer = await client.get("/services/data/v61.0/query", params={"q": query})
    rows = list(answer["records"])
    while following := answer.get("nextRecordsUrl"):
        answer = await client.ask("GET", str(following)) or {"records": ()}
        rows += answer["records"]
    return rows


def _line(row: Row) -> dict[str, Any]:
    return {
        "product": row.get("ProductCode") or row.get("Name"),
        "quantity": row.get("Quantity"),
        "price": row.get("UnitPrice"),
        "amount": row.get("TotalPrice"),
        "currency": row.get("CurrencyIsoCode"),
    }


def _split(row: Row) -> dict[str, Any]:
    kind = row.get("SplitType") or {}
    return {
        "owner_id": row.get("SplitOwnerId"),
        "share": row.get("SplitPercentage"),
        "scale": 100,
        "overlay": kind.get("IsTotalValidated") is not True,
    }


def _competitor(row: Row) -> dict[str, Any]:
    return {"name": row.get("CompetitorName")}


_OBJECTS: Mapping[Part, tuple[str, Sequence[str], Callable[[Row], dict[str, Any]]]] = {
    "lines": ("OpportunityLineItem", ("Id", "ProductCode", "Name", "Quantity", "UnitPrice", "TotalPrice"), _line),
    "splits": ("OpportunitySplit", ("Id", "SplitOwnerId", "SplitPercentage", "SplitType.IsTotalValidated"), _split),
    "competitors": ("OpportunityCompetitor", ("Id", "CompetitorName"), _competitor),
}
