"""Reads Dataverse rows back by the Web API."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.connectors.client import CrmClient, FetchFailed
from gateway.connectors.dataverse.parser import moment
from gateway.connectors.items import Fetched, FullRecord, ObjectType
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
    names = set(properties_of(mapping, "dataverse", object_type))
    columns = {name for name in names if _COLUMN.fullmatch(name)} - {CURRENCY}
    columns |= {key, "modifiedon", "_modifiedby_value"} | (
        {"merged", "_masterid_value"} if object_type in MERGED else set()
    )
    params = {
        "$select": ",".join(sorted(columns)),
        "$filter": " or ".join(f"{key} eq {each}" for each in asked),
    }
    if CURRENCY in names:
        params["$expand"] = f"{CURRENCY}($select=isocurrencycode)"
    answer = await client.get(f"{API}/{entity_set}", params=params)
    rows = answer.get("value")
    if not isinstance(rows, list):
        raise FetchFailed(f"{entity_set}: the answer has no rows")
    found = [_record(object_type, key, row) for row in rows]
    known = {each.external_id for each in found}
    return Fetched(found, frozenset(each for each in external_ids if each not in known))


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
    )
