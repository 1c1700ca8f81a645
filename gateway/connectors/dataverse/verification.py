"""Dataverse signs nothing; it sends the key that was set when the service endpoint was registered."""

from urllib.parse import parse_qs, urlsplit

from gateway.connectors.verification import (
    Credentials,
    Forged,
    MissingCredential,
    WebhookRequest,
    header,
    matches_any,
)


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Raises Refused unless the key is the connection's.

    It comes as `?code=` (authentication `WebhookKey`), or in the header that `settings.key_header` names (`HttpHeader`);
    neither stands in for the other.
    """
    name = credentials.settings.get("key_header")
    given = header(request, str(name).lower()) if name else _code(request)
    keys = credentials.all_of("webhook_key")
    if not keys:
        raise MissingCredential("webhook_key is not configured")
    if not matches_any(given, keys):
        raise Forged(str(name or "code"))


def _code(request: WebhookRequest) -> str:
    found = parse_qs(urlsplit(request.url).query).get("code", [])
    if len(found) != 1:
        raise MissingCredential("code in the query")
    return found[0]
