"""Calls, mails and meetings in canonical form: ids, times and directions, no words."""

from typing import Any

from gateway.connectors.items import FullRecord
from gateway.mapping import values
from gateway.mapping.canonical import Context, Draft
from libs.common.events.beside import CrmActivityChanged
from libs.common.ids import entity_id


def activity(source: FullRecord, context: Context) -> Draft:
    """The fetches and parsers of all providers give it in one shape. Without a time it touched nobody yet."""
    content: dict[str, Any] = {"activity_id": entity_id(context.connection, "activity", source.external_id)}
    if told := source.record:
        at = values.optional_instant("at", told.get("at"))
        content |= {
            "kind": told["kind"],
            "direction": told["direction"],
            "at": at,
            "done": bool(told["done"]) and at is not None,
            "deal_ids": _ids(context, "deal", told["deals"]),
            "account_ids": _ids(context, "account", told["accounts"]),
            "contact_ids": _ids(context, "person", told["contacts"]),
            "our_ids": _ids(context, "user", told["owners"]),
        }
    return Draft(CrmActivityChanged, content)


def _ids(context: Context, kind: str, named: Any) -> list[Any]:
    return sorted({found for each in named if (found := context.id_of(kind, each)) is not None})
