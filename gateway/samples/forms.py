"""What the CRMs of the shipped documents send, told by where a document reads the kind of a record. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from gateway.connectors.generic.document import Source
from gateway.samples.bodies import NAME, Wanted
from libs.common.ids import new_id

UNKNOWN_ID = "00000000-0000-4000-8000-000000000001"


@dataclass(frozen=True, slots=True)
class Form:
    """A request before it is signed: its content, and headers and query parameters that belong to it."""

    content: Any
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)


Make = Callable[[Wanted, str, Source], Form]


def word_of(source: Source, wanted: Wanted) -> str | None:
    """The CRM's word for the kind of record, as the document explains it; None if it explains none."""
    words = [word for word, meaning in source.items.object.means.items() if meaning == wanted.kind]
    return words[0] if words else None


def form_of(source: Source, wanted: Wanted) -> Form | None:
    """A delivery as this document's CRM sends it; None for a document of another form, or a kind that it does not know."""
    make, word = FORMS.get(source.items.object.at), word_of(source, wanted)
    return None if make is None or word is None else make(wanted, word, source)


def _attio(wanted: Wanted, word: str, source: Source) -> Form:
    del source
    named = {"workspace_id": UNKNOWN_ID, "object_id": word, "record_id": wanted.id_or(UNKNOWN_ID)}
    event = {"event_type": "record.updated", "id": named, "actor": {"type": "system", "id": None}}
    return Form({"webhook_id": UNKNOWN_ID, "events": [event]}, {"Idempotency-Key": str(new_id())})


def _close(wanted: Wanted, word: str, source: Source) -> Form:
    del source
    identifier = wanted.id_or("oppo_foretellsample")
    data = {
        "id": identifier,
        "lead_name": NAME,
        "value": 100_000,
        "value_currency": wanted.currency,
        "value_period": "one_time",
        "date_won": wanted.close_date,
        "status_id": wanted.stage,
        "status_type": "active",
        "confidence": 50,
        "date_created": wanted.at.isoformat(),
        "date_updated": wanted.at.isoformat(),
    }
    event = {
        "id": f"ev_{new_id().hex}",
        "object_type": word,
        "action": "created",
        "object_id": identifier,
        "date_updated": wanted.at.isoformat(),
        "data": data,
    }
    return Form({"subscription_id": "whsub_foretellsample", "event": event})


def _espocrm(wanted: Wanted, word: str, source: Source) -> Form:
    del source
    return Form([{"id": wanted.id_or("foretellsample001"), "name": NAME}], query={"object": word, "event": "update"})


def _frappe(wanted: Wanted, word: str, source: Source) -> Form:
    zone = ZoneInfo(source.items.version.zone) if source.items.version and source.items.version.zone else None
    return Form(
        {
            "doctype": word,
            "event": "created",
            "name": wanted.id_or("CRM-OPP-SAMPLE"),
            "modified": f"{wanted.at.astimezone(zone):%Y-%m-%d %H:%M:%S.%f}",
            "title": NAME,
            "opportunity_amount": 1000.0,
            "currency": wanted.currency,
            "expected_closing": wanted.close_date,
            "sales_stage": wanted.stage,
            "status": "Open",
            "probability": 50,
        }
    )


def _odoo(wanted: Wanted, word: str, source: Source) -> Form:
    del source
    return Form(
        {
            "_model": "crm.lead",
            "_id": int(wanted.id_or("999999999")) if wanted.id_or("0").isdigit() else wanted.external_id,
            "_action": "On save(#1)",
            "type": word,
            "write_date": f"{wanted.at:%Y-%m-%d %H:%M:%S.%f}",
            "name": NAME,
            "partner_name": NAME,
            "stage_id": int(wanted.stage) if wanted.stage.isdigit() else wanted.stage,
            "expected_revenue": 1000.0,
            "probability": 50.0,
            "date_deadline": wanted.close_date,
            "date_closed": False,
            "user_id": False,
            "partner_id": False,
            "active": True,
        }
    )


def _standard(wanted: Wanted, word: str, source: Source) -> Form:
    del word, source
    data: dict[str, Any] = {"id": wanted.id_or("foretell-sample"), "name": NAME, "updated_at": wanted.at.isoformat()}
    if wanted.kind == "deal":
        data |= {
            "amount": "1000.00",
            "currency": wanted.currency,
            "close_date": wanted.close_date,
            "stage": wanted.stage,
        }
    else:
        data |= {"company": NAME, "status": wanted.status}
    return Form({"type": f"{wanted.kind}.created", "timestamp": wanted.at.isoformat(), "data": data})


def _twenty(wanted: Wanted, word: str, source: Source) -> Form:
    del source
    at = f"{wanted.at:%Y-%m-%dT%H:%M:%S}.{wanted.at.microsecond // 1000:03d}Z"
    record = {
        "id": wanted.id_or(UNKNOWN_ID),
        "name": NAME,
        "amount": {"amountMicros": 1_000_000_000, "currencyCode": wanted.currency},
        "closeDate": f"{wanted.close_date}T12:00:00.000Z",
        "stage": wanted.stage,
        "createdAt": at,
        "updatedAt": at,
    }
    return Form(
        {
            "eventName": f"{word}.created",
            "objectMetadata": {"nameSingular": word},
            "webhookId": UNKNOWN_ID,
            "eventDate": at,
            "record": record,
        },
        {"X-Twenty-Webhook-Nonce": new_id().hex},
    )


def _zoho(wanted: Wanted, word: str, source: Source) -> Form:
    del source
    return Form(
        {"module": word, "operation": "insert", "ids": [wanted.id_or("1")], "channel_id": "1", "resource_uri": "sample"}
    )


FORMS: Mapping[str, Make] = {
    "item.id.object_id": _attio,
    "item.object_type": _close,
    "query.object": _espocrm,
    "item.doctype": _frappe,
    "item._model == 'crm.lead' && item.type || item._model": _odoo,
    "item.type": _standard,
    "item.objectMetadata.nameSingular": _twenty,
    "body.module": _zoho,
}
"""By `source.items.object.at`, which differs in all shipped documents."""


def written(content: Any) -> bytes:
    return orjson.dumps(content)
