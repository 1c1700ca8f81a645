"""Reads Salesforce records back by SOQL, deleted ones included, and lists the live ones."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from email.utils import format_datetime
from typing import Any, cast

from gateway.connectors.client import CrmClient
from gateway.connectors.items import PARTS, Fetched, FullRecord, Listed, ObjectType
from gateway.connectors.salesforce import beside
from gateway.connectors.salesforce.outbound import full_record
from gateway.mapping.paths import properties_of
from gateway.mapping.schemas import Kind
from gateway.mapping.schemas import Mapping as MappingDocument
from libs.common.ids import normalise_external_id

BATCH = 100
PAGE = 2000
SOBJECTS: Mapping[ObjectType, str] = {
    "deal": "Opportunity",
    "lead": "Lead",
    "account": "Account",
    "contact": "Contact",
    "user": "User",
    "product": "Product2",
}
_ID = re.compile(r"[A-Za-z0-9]{15,18}")


async def fetch(
    client: CrmClient, mapping: MappingDocument, object_type: ObjectType, external_ids: Sequence[str]
) -> Fetched:
    """The present state of at most 100 records. Raises FetchFailed where the CRM cannot answer now."""
    asked = [each for each in external_ids if _ID.fullmatch(each)]
    if not asked:
        return Fetched([], frozenset(external_ids))
    if object_type in PARTS:
        return await beside.fetch(client, mapping, object_type, asked)
    names = sorted(_fields(mapping, object_type))
    ids = ",".join(f"'{each}'" for each in asked)
    query = f"SELECT {','.join(names)} FROM {SOBJECTS[object_type]} WHERE Id IN ({ids})"  # noqa: S608 - SOQL, ids checked
    answer = await client.get(
        "/services/data/v61.0/queryAll", params={"q": query}, instead="/services/data/v61.0/query"
    )
    found = _records(object_type, answer.get("records", ()))
    known = {each.external_id for each in found}
    return Fetched(found, frozenset(each for each in external_ids if normalise_external_id(each) not in known))


async def page(client: CrmClient, mapping: MappingDocument, after: str | None) -> Listed:
    """At most 2000 live opportunities in the order of their ids from beyond `after`. Raises FetchFailed where the CRM cannot answer now."""
    names = ",".join(sorted(_fields(mapping, "deal")))
    beyond = f" WHERE Id > '{after}'" if after else ""
    query = f"SELECT {names} FROM {SOBJECTS['deal']}{beyond} ORDER BY Id LIMIT {PAGE}"  # noqa: S608 - SOQL, the CRM's own id
    rows = (await client.get("/services/data/v61.0/query", params={"q": query}))["records"]
    return Listed(_records("deal", rows), str(rows[-1]["Id"]) if len(rows) == PAGE else None)


def _records(object_type: ObjectType, rows: Iterable[Mapping[str, Any]]) -> list[FullRecord]:
    """A row without a version time is none."""
    found: list[FullRecord] = []
    for row in rows:
        record = {name: value for name, value in row.items() if name != "attributes"}
        item = full_record(object_type, normalise_external_id(str(record["Id"])), record, None)
        if isinstance(item, FullRecord):
            found.append(replace(item, etag=format_datetime(item.crm_time, usegmt=True)))
    return found


def _fields(mapping: MappingDocument, object_type: ObjectType) -> set[str]:
    """The mapped fields and those of the version; a field that the organisation lacks would fail the whole query."""
    names = {"Id", "SystemModstamp", "LastModifiedById", *properties_of(mapping, "salesforce", object_type)}
    if "CurrencyIsoCode" not in mapping.fields.get(cast("Kind", object_type), {}).values():
        names.discard("CurrencyIsoCode")  # only organisations with several currencies have it
    if object_type != "user":
        names.add("IsDeleted")
    if object_type in ("lead", "account", "contact"):
        names.add("MasterRecordId")
    return names
