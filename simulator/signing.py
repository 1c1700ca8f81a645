"""Signatures and credentials of the four providers, from their public descriptions; independent of the receiving side."""

import base64
import hashlib
import hmac

_DECODED_BY_HUBSPOT = {
    "%3A": ":",
    "%2F": "/",
    "%3F": "?",
    "%40": "@",
    "%21": "!",
    "%24": "$",
    "%27": "'",
    "%28": "(",
    "%29": ")",
    "%2A": "*",
    "%2C": ",",
    "%3B": ";",
}


def sign_hubspot(secret: str, *, method: str, url: str, body: bytes, timestamp_ms: int) -> dict[str, str]:
    """Version 3: base64 HMAC-SHA256 over method, URL with HubSpot's twelve escapes decoded, body and timestamp in milliseconds."""
    for escape, char in _DECODED_BY_HUBSPOT.items():
        url = url.replace(escape, char).replace(escape.lower(), char)
    signed = method.encode() + url.encode() + body + str(timestamp_ms).encode()
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return {
        "X-HubSpot-Signature-v3": base64.b64encode(digest).decode(),
        "X-HubSpot-Request-Timestamp": str(timestamp_ms),
    }


def sign_standard(secret: str, *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Standard Webhooks `v1`: base64 HMAC-SHA256 over `id.timestamp.body`; the key is what follows `whsec_`, base64-decoded."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }


def basic_authorization(username: str, password: str) -> dict[str, str]:
    """HTTP Basic credentials, all that Pipedrive sends."""
    token = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}
