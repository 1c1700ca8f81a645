"""Reads Dataverse rows back by the Web API, and lists its opportunities."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.connectors.client import CrmClient, FetchFailed
from gateway.connectors.dataverse.parser import moment
from gateway.connectors.items import Fetched, FullRecord, Listed, ObjectType
from gateway.mapping.paths import properties_of
from gateway.mapping.schemas import Mapping as MappingDocument
from gateway.mapping.values import text

BATCH = 25
"""Ids of one question: they stand in its address."""
API = "/api/data/v9.2"
SETS: Mapping[ObjectType, tuple[str, str]] = {
    "deal": ("opportunities", "opportunityid"),
    "lead": ("leads", "leadid"),
    "account": ("accounts", "accountid"),
    "contact": ("contacts", "contactid"),
    "user": ("systemusers", "systemuserid"),
    "product": ("products", "productid"),
}
"""The entity set of each kind, and its key."""
CURRENCY = "transactioncurrencyid"
MERGED = frozenset({"lead", "account", "contact"})
"""Kinds that can be merged: the row that was given up names its master."""
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ID = re.compile(r"[0-9a-f-]{36}")


async def fetch(
    client: CrmClient, mapping: MappingDocument, object_type: ObjectType, external_ids: Sequence[str]
) -> Fetched:
    """The present state of at most 25 rows. Raises FetchFailed where the CRM cannot answer now."""
    asked = [each for each in external_ids if _ID.fullmatch(each)]
    if not asked:
        return Fetched([], frozenset(external_ids))
    entity_set, key = SETS[object_type]
    params = _selected(mapping, object_type) | {"$filter": " or ".join(f"{key} eq {each}" for each in asked)}
    answer = await client.get(f"{API}/{entity_set}", params=params)
    found = [_record(object_type, key, row) for row in _rows(entity_set, answer)]
    known = {each.external_id for each in found}
    return Fetched(found, frozenset(each for each in external_ids if each not in known))


async def page(client: CrmClient, mapping: MappingDocument, after: str | None) -> Listed:
    """A page of opportunities as large as the environment makes them (5000), by its own link to the next.

    Raises FetchFailed where the CRM cannot answer now, or where its link leads elsewhere.
    """
    entity_set, key = SETS["deal"]
    answer = (
        await client.get(f"{API}/{entity_set}", params=_selected(mapping, "deal") | {"$orderby": key})
        if after is None
        else await client.ask("GET", after)
    )
    found = [_record("deal", key, row) for row in _rows(entity_set, answer)]
    link = answer.get("@odata.nextLink")
    return Listed([each for each in found if not each.deleted], None if link is None else _path_of(str(link)))


def _path_of(link: str) -> str:
    """What follows the environment's address in a link of its own, so that the token goes nowhere else."""
    at = link.find(f"{API}/{SETS['deal'][0]}?")
    if at < 0:
        raise FetchFailed("the link to the next page leads out of the list")
    return link[at:]


def _selected(mapping: MappingDocument, object_type: ObjectType) -> dict[str, str]:
    """The parameters that name the columns that are mapped, and those of the version."""
    _, key = SETS[object_type]
    names = set(properties_of(mapping, "dataverse", object_type))
    columns = {name for name in names if _COLUMN.fullmatch(name)} - {CURRENCY}
    columns |= {key, "modifiedon", "_modifiedby_value"} | (
        {"merged", "_masterid_value"} if object_type in MERGED else set()
    )
    params = {"$select": ",".join(sorted(columns))}
    return params | ({"$expand": f"{CURRENCY}($select=isocurrencycode)"} if CURRENCY in names else {})


def _rows(entity_set: str, answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = answer.get("value")
    if not isinstance(rows, list):
        raise FetchFailed(f"{entity_set}: the answer has no rows")
    return rows


def _record(object_type: ObjectType, key: str, row: Mapping[str, Any]) -> FullRecord:
    """A merged row is gone, into its master. Raises KeyError or MappingError for an answer in another form."""
    merged_into = row.get("_masterid_value") if row.get("merged") else None
    return FullRecord(
        object_type,
        str(row[key]).lower(),
        {name: value for name, value in row.items() if name != "@odata.etag"},
        moment("modifiedon", row.get("modifiedon")),
        deleted=merged_into is not None,
        merged_into=merged_into,
        actor=text(row.get("_modifiedby_value")),
        etag=row.get("@odata.etag"),
    )
