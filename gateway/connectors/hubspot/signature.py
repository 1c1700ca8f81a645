"""HubSpot's signature, version 3: base64(HMAC-SHA256(secret, METHOD + uri + body + timestamp))."""

import base64
import hashlib
import hmac
import re

from gateway.connectors.verification import (
    Credentials,
    Forged,
    MissingCredential,
    WebhookRequest,
    check_window,
    header,
    matches_any,
)
from libs.common import clock

_DECODED = {
    code: chr(int(code[1:], 16))
    for code in ["%3A", "%2F", "%3F", "%40", "%21", "%24", "%27", "%28", "%29", "%2A", "%2C", "%3B"]
}
_PATTERN = re.compile("|".join(_DECODED), re.IGNORECASE)


def canonical_uri(uri: str) -> str:
    """The URI as HubSpot signs it: exactly twelve reserved characters are decoded, and no others."""
    return _PATTERN.sub(lambda match: _DECODED[match[0].upper()], uri)


def sign(secret: str, method: str, uri: str, body: bytes, timestamp: str) -> str:
    """`timestamp` is the header's text, unchanged: a number that was parsed and printed again may differ."""
    message = method.encode() + canonical_uri(uri).encode() + body + timestamp.encode()
    return base64.b64encode(hmac.digest(secret.encode(), message, hashlib.sha256)).decode()


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Raises Refused unless version 3 of the signature holds; older versions are never accepted instead."""
    given = header(request, "x-hubspot-signature-v3")
    timestamp = header(request, "x-hubspot-request-timestamp")
    secrets = credentials.all_of("client_secret")
    if not secrets:
        raise MissingCredential("client_secret is not configured")
    expected = [sign(secret, request.method, request.url, request.body, timestamp) for secret in secrets]
    if not matches_any(given, expected):
        raise Forged("x-hubspot-signature-v3")
    try:
        signed_at = clock.from_millis(int(timestamp))
    except ValueError:
        raise Forged("x-hubspot-request-timestamp is not a time") from None
    check_window(signed_at, request.received_at)
