"""The shipped documents, filled in, what they read from a body, and requests to try schemes on."""

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import yaml
from pydantic import TypeAdapter

from gateway.connections.schemas import ConnectionIn
from gateway.connectors.generic import catalogue, items
from gateway.connectors.generic.document import Source
from gateway.connectors.generic.schemes import Hmac, Scheme
from gateway.connectors.items import (
    FullRecord,
    Item,
    StoredDelivery,
)
from gateway.connectors.verification import WebhookRequest
from gateway.mapping.canonical import Context
from gateway.mapping.objects import to_canonical

SCHEMES: TypeAdapter[Scheme] = TypeAdapter(Scheme)
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
FILLED = {
    "<signature_key of the webhook subscription, in hex>": "00ff",
    "<whsec_ and the base64 secret; a list of two while rotating>": "whsec_AAAA",
    "<https://your-espocrm.example.com>": "https://espo.example.com",
    "<time zone of the site, such as Europe/Berlin>": "Europe/Berlin",
    "<object_id of Deals in your workspace>": "deals-id",
    "<object_id of Companies in your workspace>": "companies-id",
    "<status_id of an open status>": "stat_open",
    "<id of an open stage>": "3",
    "<a sales stage of yours>": "Qualification",
}


def filled(name: str) -> ConnectionIn:
    """A shipped document with every placeholder filled in."""
    written = catalogue.document(name)
    for placeholder, value in FILLED.items():
        written = written.replace(placeholder, value)
    body = re.sub(r"^#.*\n", "", written, flags=re.MULTILINE)
    return ConnectionIn.model_validate(yaml.safe_load(re.sub(r"<[^<>\n]*>", "filled", body)))


def source_of(name: str) -> Source:
    source = filled(name).source
    assert source is not None
    return source


def parsed(source: Source, body: Any, **headers: str) -> list[Item]:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return items.parse(source, StoredDelivery(headers=headers, body=raw, received_at=AT))


def deal_of(name: str, record: FullRecord) -> dict[str, Any]:
    context = Context("crm", "generic", filled(name).mapping, 1, AT, ZoneInfo("UTC"))
    event = to_canonical(record, context).event
    assert event is not None
    return event.model_dump(mode="json")


def hmac_scheme(**changes: Any) -> Hmac:
    scheme = SCHEMES.validate_python({"kind": "hmac", "signature": {"header": "X-Signature"}} | changes)
    assert isinstance(scheme, Hmac)
    return scheme


def request_of(body: bytes, headers: dict[str, str], at: datetime, **changes: Any) -> WebhookRequest:
    return WebhookRequest("POST", "https://x/webhooks/k", headers, body, at, **changes)
