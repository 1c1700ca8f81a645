"""Pipedrive signs nothing; it sends the user and password that were set when the webhook was made (HTTP Basic)."""

import base64
import binascii

from gateway.connectors.verification import (
    Credentials,
    Forged,
    MissingCredential,
    WebhookRequest,
    header,
    matches_any,
)


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Raises Refused unless user and password are those of the connection."""
    scheme, _, encoded = header(request, "authorization").partition(" ")
    if scheme.lower() != "basic":
        raise MissingCredential("basic authorization")
    usernames, passwords = credentials.all_of("username"), credentials.all_of("password")
    if not usernames or not passwords:
        raise MissingCredential("username and password are not configured")
    try:
        username, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        raise Forged("authorization") from None
    if not (matches_any(username, usernames) & matches_any(password, passwords)):
        raise Forged("authorization")
