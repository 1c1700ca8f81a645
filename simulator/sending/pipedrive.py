"""Pipedrive: one request per change with `data`, `previous` and `meta`, behind HTTP Basic."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from simulator.config import SimConnection
from simulator.forms import pipedrive
from simulator.records import LeadRecord, iso
from simulator.sending.change import Change, Request, identifier, json_bytes
from simulator.signing import basic_authorization

_ACTION = {"created": "create", "changed": "change", "restored": "change", "deleted": "delete", "merged": "delete"}


def pipedrive_requests(
    connection: SimConnection, changes: Sequence[Change], at: datetime, attempt: int
) -> list[Request]:
    del at  # basic authentication: nothing depends on the time of sending
    told = [_pipedrive_change(connection, change, attempt) for change in changes]
    new_leads = [c for c in changes if isinstance(c.record, LeadRecord) and c.event == "created"]
    return told + [_pipedrive_person(connection, change, attempt) for change in new_leads]


def _pipedrive_person(connection: SimConnection, change: Change, attempt: int) -> Request:
    """A new lead comes with its person, told by a webhook of its own."""
    assert isinstance(change.record, LeadRecord)  # noqa: S101 - the caller chose leads
    data, at = pipedrive.person_data(change.record), change.record.changed_at
    return pipedrive_request(connection, change, at, entity="person", data=data, before=None, attempt=attempt)


def _pipedrive_change(connection: SimConnection, change: Change, attempt: int) -> Request:
    forms: dict[str, Callable[[Any], dict[str, Any]]] = {
        "deal": pipedrive.deal_data,
        "lead": pipedrive.lead_data,
        "account": pipedrive.organization_data,
    }
    form = forms[change.kind]
    data = form(change.record)
    before = form(change.previous) if change.previous else None
    entity = {"deal": "deal", "lead": "lead", "account": "organization"}[change.kind]
    return pipedrive_request(
        connection, change, change.record.changed_at, entity=entity, data=data, before=before, attempt=attempt
    )


def pipedrive_request(
    connection: SimConnection,
    change: Change,
    at: datetime,
    *,
    entity: str,
    data: dict[str, Any],
    before: dict[str, Any] | None,
    attempt: int = 0,
) -> Request:
    gone = change.event in {"deleted", "merged"}
    previous: dict[str, Any] | None = None
    if gone:
        previous = before or data
    elif change.event != "created":
        previous = {k: v for k, v in before.items() if data.get(k) != v} if before else {}
    meta: dict[str, Any] = {
        "action": _ACTION[change.event],
        "entity": entity,
        "entity_id": str(data["id"]),
        "id": str(UUID(int=identifier(connection, change, entity))),
        "company_id": "8087566",
        "correlation_id": str(UUID(int=identifier(connection, change, entity + ":correlation"))),
        "timestamp": iso(at),
        "version": "2.0",
        "type": "general",
        "user_id": getattr(change.record, "changed_by", None) or "12415231",
        "webhook_id": "4710827",
        "webhook_owner_id": "12094821",
        "change_source": "app",
        "attempt": attempt + 1,
        "is_bulk_edit": False,
        "host": "simulated.pipedrive.example",
    }
    if change.merged_into:
        meta["merged_to_id"] = change.merged_into
    body = json_bytes({"data": None if gone else data, "previous": previous, "meta": meta})
    headers = {"Content-Type": "application/json", "User-Agent": "Pipedrive Webhooks"}
    authorization = basic_authorization(connection.secrets["username"], connection.secrets["password"])
    return Request("POST", connection.url, headers | authorization, body)
