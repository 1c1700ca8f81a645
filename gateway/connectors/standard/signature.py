"""Standard Webhooks: `v1,` + base64(HMAC-SHA256(key, id.timestamp.body)), a space-separated list while keys rotate."""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime

from gateway.connectors.verification import (
    Credentials,
    Forged,
    MissingCredential,
    WebhookRequest,
    check_window,
    header,
    matches_any,
)


def sign(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """`secret` is base64, with or without `whsec_`. Raises ValueError if it is not."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    message = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, message, hashlib.sha256)).decode()


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Raises Refused unless one of the listed `v1` signatures holds for one of the configured secrets."""
    message_id = header(request, "webhook-id")
    timestamp = header(request, "webhook-timestamp")
    given = header(request, "webhook-signature").split()[:16]
    try:
        expected = [sign(secret, message_id, timestamp, request.body) for secret in credentials.all_of("secret")]
    except (ValueError, binascii.Error):
        raise MissingCredential("secret is not base64") from None
    if not expected:
        raise MissingCredential("secret is not configured")
    if not sum(matches_any(each, expected) for each in given):
        raise Forged("webhook-signature")
    try:
        signed_at = datetime.fromtimestamp(int(timestamp), UTC)
    except (ValueError, OverflowError, OSError):
        raise Forged("webhook-timestamp is not a time") from None
    check_window(signed_at, request.received_at)
