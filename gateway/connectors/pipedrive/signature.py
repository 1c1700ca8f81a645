"""Pipedrive signs nothing; it sends the user and password that were set when the webhook was made (HTTP Basic)."""

from gateway.connectors.verification import Credentials, WebhookRequest, check_basic


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Raises Refused unless user and password are those of the connection."""
    check_basic(request, credentials.all_of("username"), credentials.all_of("password"))
