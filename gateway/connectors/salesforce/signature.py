"""Salesforce outbound messages are not signed: a secret in the path, and the organisation's id in the body."""

import re
from io import BytesIO

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, iterparse

from gateway.connectors.verification import Credentials, Forged, MissingCredential, WebhookRequest, matches_any
from libs.common.ids import normalise_external_id

MAX_DEPTH = 64
_SESSION = re.compile(
    rb"(<(?:[\w.-]+:)?SessionId\b[^<>]*?(?<!/)>).*?(?=</(?:[\w.-]+:)?SessionId\s*>|\Z)", re.IGNORECASE | re.DOTALL
)
"""The content of a SessionId element; without an end tag everything that follows it, rather than keep a token."""


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Raises Refused unless the path's secret is right and a readable body names the right organisation.

    A body that cannot be read still proves itself by the path's secret; it is kept, to be parked.
    """
    if not request.path_secret:
        raise MissingCredential("secret in the path")
    secrets = credentials.all_of("path_secret")
    if not secrets:
        raise MissingCredential("path_secret is not configured")
    if not matches_any(request.path_secret, secrets):
        raise Forged("secret in the path")
    organization = str(credentials.settings.get("organization_id") or "")
    named = organization_of(request.body)
    if organization and named and normalise_external_id(named) != normalise_external_id(organization):
        raise Forged("OrganizationId")


def organization_of(body: bytes) -> str | None:
    """The text of `OrganizationId`, or None where the body is not plain XML that holds one within 64 levels."""
    depth = 0
    try:
        for event, element in iterparse(BytesIO(body), events=("start", "end"), forbid_dtd=True):
            depth += 1 if event == "start" else -1
            if depth > MAX_DEPTH:
                return None
            if event == "end" and element.tag.rpartition("}")[2] == "OrganizationId":
                return (element.text or "").strip()
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return None
    return None


def blank(body: bytes) -> bytes:
    """The body without the live session token that Salesforce may put into it, whatever state the XML is in."""
    if b"\x00" in body:
        body = body.decode("utf-16", "replace").encode()
    return _SESSION.sub(rb"\1", body)
