"""The providers there are: how each proves itself, is read, is answered, and is asked back."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from gateway.connectors.client import CrmClient
from gateway.connectors.hubspot import fetch as hubspot_fetch
from gateway.connectors.hubspot import parser as hubspot_parser
from gateway.connectors.hubspot import signature as hubspot_signature
from gateway.connectors.items import Fetched, Item, ObjectType, StoredDelivery
from gateway.connectors.pipedrive import fetch as pipedrive_fetch
from gateway.connectors.pipedrive import parser as pipedrive_parser
from gateway.connectors.pipedrive import signature as pipedrive_signature
from gateway.connectors.salesforce import fetch as salesforce_fetch
from gateway.connectors.salesforce import parser as salesforce_parser
from gateway.connectors.salesforce import signature as salesforce_signature
from gateway.connectors.standard import parser as standard_parser
from gateway.connectors.standard import signature as standard_signature
from gateway.connectors.verification import Credentials, WebhookRequest
from gateway.mapping.schemas import Mapping

Fetch = Callable[[CrmClient, Mapping, ObjectType, Sequence[str]], Awaitable[Fetched]]

_JSON = frozenset({"application/json"})
_XML = frozenset({"text/xml", "application/xml", "application/soap+xml"})
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


@dataclass(frozen=True, slots=True)
class Provider:
    """What the intake needs to know of a CRM. `retry` is a status that this CRM is known to answer with another attempt."""

    content_types: frozenset[str]
    verify: Callable[[WebhookRequest, Credentials], None]
    parse: Callable[[StoredDelivery], list[Item]]
    fetch: Fetch | None
    success: Answer
    refusal: Answer
    retry: Answer
    blank: Callable[[bytes], bytes] = bytes
    fetch_batch: int = 100


PROVIDERS: dict[str, Provider] = {
    "hubspot": Provider(
        content_types=_JSON,
        verify=hubspot_signature.verify,
        parse=hubspot_parser.parse,
        fetch=hubspot_fetch.fetch,
        success=Answer(200),
        refusal=Answer(401),
        retry=Answer(503),
        fetch_batch=hubspot_fetch.BATCH,
    ),
    "salesforce": Provider(
        content_types=_XML,
        verify=salesforce_signature.verify,
        parse=salesforce_parser.parse,
        fetch=salesforce_fetch.fetch,
        success=Answer(200, _ACK, "text/xml"),
        refusal=Answer(403),
        retry=Answer(503),
        blank=salesforce_signature.blank,
        fetch_batch=salesforce_fetch.BATCH,
    ),
    "pipedrive": Provider(
        content_types=_JSON,
        verify=pipedrive_signature.verify,
        parse=pipedrive_parser.parse,
        fetch=pipedrive_fetch.fetch,
        success=Answer(200),
        refusal=Answer(401),
        retry=Answer(503),
        fetch_batch=pipedrive_fetch.BATCH,
    ),
    "standard": Provider(
        content_types=_JSON,
        verify=standard_signature.verify,
        parse=standard_parser.parse,
        fetch=None,
        success=Answer(200),
        refusal=Answer(401),
        retry=Answer(503),
    ),
}
"""HubSpot and Pipedrive try again after any failure status, Standard Webhooks and Salesforce (which needs its Ack) too; 410 is
never answered, because it removes webhooks."""
