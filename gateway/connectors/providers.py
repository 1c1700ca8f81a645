"""The providers there are: how each proves itself, is read, is answered, and is asked back."""

from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

import httpx

from gateway.connections.service import Connection
from gateway.connectors.client import CrmClient
from gateway.connectors.dataverse import client as dataverse_client
from gateway.connectors.dataverse import fetch as dataverse_fetch
from gateway.connectors.dataverse import parser as dataverse_parser
from gateway.connectors.dataverse import verification as dataverse_verification
from gateway.connectors.dataverse import write as dataverse_write
from gateway.connectors.generic import auth as generic_auth
from gateway.connectors.generic import fetch as generic_fetch
from gateway.connectors.generic import items as generic_items
from gateway.connectors.generic import kept as generic_kept
from gateway.connectors.generic.document import FetchBack, Reply, read_source
from gateway.connectors.hubspot import activities as hubspot_activities
from gateway.connectors.hubspot import fetch as hubspot_fetch
from gateway.connectors.hubspot import parser as hubspot_parser
from gateway.connectors.hubspot import signature as hubspot_signature
from gateway.connectors.hubspot import write as hubspot_write
from gateway.connectors.items import Fetched, Item, Listed, ObjectType, Polled, StoredDelivery
from gateway.connectors.pipedrive import fetch as pipedrive_fetch
from gateway.connectors.pipedrive import parser as pipedrive_parser
from gateway.connectors.pipedrive import signature as pipedrive_signature
from gateway.connectors.pipedrive import write as pipedrive_write
from gateway.connectors.salesforce import fetch as salesforce_fetch
from gateway.connectors.salesforce import parser as salesforce_parser
from gateway.connectors.salesforce import signature as salesforce_signature
from gateway.connectors.salesforce import write as salesforce_write
from gateway.connectors.standard import parser as standard_parser
from gateway.connectors.standard import signature as standard_signature
from gateway.connectors.verification import JSON, Credentials, WebhookRequest
from gateway.mapping.schemas import Mapping

Fetch = Callable[[CrmClient, Mapping, ObjectType, Sequence[str]], Awaitable[Fetched]]
List = Callable[[CrmClient, Mapping, str | None], Awaitable[Listed]]
"""The page of live deals that begins after a place, in an order that the CRM keeps; None is the beginning."""

Poll = Callable[[CrmClient, str, datetime, str | None], Awaitable[Polled]]
"""A page of the activities of a kind since an instant, the oldest first; the last argument is where it begins."""

Write = Callable[[CrmClient, str, AnyMapping[str, Any], str | None], Awaitable[httpx.Response]]
"""Change properties of a deal; the last argument is the etag of the version that was read, if the CRM has such."""

_XML = ("text/xml", "application/xml", "application/soap+xml")
_ACK = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>'
    b"</soapenv:Body></soapenv:Envelope>"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A status with a body: what this CRM understands as success, refusal or `try again`."""

    status: int
    body: bytes = b""
    media_type: str = "application/json"


def _with_token(http: httpx.AsyncClient, credentials: Credentials) -> CrmClient | None:
    tokens, base = credentials.all_of("api_token"), credentials.settings.get("api_base")
    return CrmClient(http, api_base=str(base), token=tokens[0]) if tokens and base else None


def _can_ask_with_token(credentials: Credentials) -> bool:
    return bool(credentials.settings.get("api_base")) and bool(credentials.all_of("api_token"))


def _nothing(request: WebhookRequest) -> dict[str, str]:
    del request
    return {}


@dataclass(frozen=True, slots=True)
class Provider:
    """What the intake needs to know of a CRM. `retry` is a status that this CRM is known to answer with another attempt.

    `success` is by content type, and no other is taken. `kept` is what is stored of a request beside its body and the headers
    that every delivery keeps. `client` is None, and `can_ask` false, where the connection lacks what a fetch needs. Without `page` the CRM's deals cannot
    be listed, so that nothing can be compared with them; without `write` nothing is written back. `polls` are the kinds of activities that
    `poll` asks for; without it they come by webhook or not at all.
    """

    verify: Callable[[WebhookRequest, Credentials], None]
    parse: Callable[[StoredDelivery], list[Item]]
    fetch: Fetch | None
    success: dict[str, Answer]
    refusal: Answer
    retry: Answer
    blank: Callable[[bytes], bytes] = bytes
    fetch_batch: int = 100
    page: List | None = None
    write: Write | None = None
    polls: Sequence[str] = ()
    poll: Poll | None = None
    kept: Callable[[WebhookRequest], dict[str, str]] = _nothing
    client: Callable[[httpx.AsyncClient, Credentials], CrmClient | None] = _with_token
    can_ask: Callable[[Credentials], bool] = _can_ask_with_token
    wrong_type: Answer = Answer(415)
    too_large: Answer = Answer(413)


PROVIDERS: dict[str, Provider] = {
    "hubspot": Provider(
        verify=hubspot_signature.verify,
        parse=hubspot_parser.parse,
        fetch=hubspot_fetch.fetch,
        success={JSON: Answer(200)},
        refusal=Answer(401),
        retry=Answer(503),
        fetch_batch=hubspot_fetch.BATCH,
        page=hubspot_fetch.page,
        write=hubspot_write.write,
        polls=hubspot_activities.POLLS,
        poll=hubspot_activities.poll,
    ),
    "salesforce": Provider(
        verify=salesforce_signature.verify,
        parse=salesforce_parser.parse,
        fetch=salesforce_fetch.fetch,
        success=dict.fromkeys(_XML, Answer(200, _ACK, "text/xml")) | {JSON: Answer(200, b'{"stored":true}')},
        refusal=Answer(403),
        retry=Answer(503),
        blank=salesforce_signature.blank,
        fetch_batch=salesforce_fetch.BATCH,
        page=salesforce_fetch.page,
        write=salesforce_write.write,
    ),
    "pipedrive": Provider(
        verify=pipedrive_signature.verify,
        parse=pipedrive_parser.parse,
        fetch=pipedrive_fetch.fetch,
        success={JSON: Answer(200)},
        refusal=Answer(401),
        retry=Answer(503),
        fetch_batch=pipedrive_fetch.BATCH,
        page=pipedrive_fetch.page,
        write=pipedrive_write.write,
    ),
    "dataverse": Provider(
        verify=dataverse_verification.verify,
        parse=dataverse_parser.parse,
        fetch=dataverse_fetch.fetch,
        success={JSON: Answer(200)},
        refusal=Answer(401),
        retry=Answer(503),
        fetch_batch=dataverse_fetch.BATCH,
        page=dataverse_fetch.page,
        write=dataverse_write.write,
        client=dataverse_client.client,
        can_ask=dataverse_client.can_ask,
    ),
    "standard": Provider(
        verify=standard_signature.verify,
        parse=standard_parser.parse,
        fetch=None,
        success={JSON: Answer(200)},
        refusal=Answer(401),
        retry=Answer(503),
    ),
}
"""HubSpot and Pipedrive try again after any failure status, Standard Webhooks and Salesforce's outbound messages (which need
their Ack) too, Dataverse once and only after 502, 503 and 504; a Salesforce callout is tried again only by the code that makes
it. 410 is never answered, because it removes webhooks."""


def provider_of(connection: Connection) -> Provider:
    """How this connection's CRM is spoken with: by code, or as the connection's own document says."""
    if connection.source is None:
        return PROVIDERS[connection.provider]
    return _from_document(connection.source)


@lru_cache(maxsize=256)
def _from_document(written: str) -> Provider:
    """Once for each document. What is refused for its type or size gets the document's refusal: no other status is known to be safe."""
    source = read_source(written)
    refusal = _answer(source.answers.refusal)
    return Provider(
        verify=partial(generic_auth.verify, source.auth),
        parse=partial(generic_items.parse, source),
        fetch=_fetch_by(source.fetch) if source.fetch else None,
        success=dict.fromkeys((each.lower() for each in source.content_types), _answer(source.answers.success)),
        refusal=refusal,
        retry=_answer(source.answers.retry),
        blank=partial(generic_auth.blank, source.blanked),
        fetch_batch=source.fetch.batch_of_all if source.fetch else 1,
        kept=partial(generic_kept.kept, source),
        client=partial(generic_fetch.client, source.fetch) if source.fetch else _with_token,
        can_ask=lambda credentials: all(credentials.all_of(name) for name in source.fetch_secrets),
        wrong_type=refusal,
        too_large=refusal,
    )


def _answer(reply: Reply) -> Answer:
    return Answer(reply.status, reply.body.encode(), reply.media_type)


def _fetch_by(told: FetchBack) -> Fetch:
    async def fetch(
        client: CrmClient, mapping: Mapping, object_type: ObjectType, external_ids: Sequence[str]
    ) -> Fetched:
        del mapping
        return await generic_fetch.fetch(told, client, object_type, external_ids)

    return fetch
