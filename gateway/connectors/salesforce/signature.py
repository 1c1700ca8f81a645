"""Salesforce signs neither outbound messages nor callouts: a secret in the path, and the organisation's id in the body."""

import re
from io import BytesIO

import orjson
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, iterparse

from gateway.connectors.verification import (
    JSON,
    Credentials,
    Forged,
    MissingCredential,
    WebhookRequest,
    matches_any,
    media_type,
)
from libs.common.ids import normalise_external_id

MAX_DEPTH = 64
_SESSION = re.compile(
    rb"(<(?:[\w.-]+:)?SessionId\b[^<>]*?(?<!/)>).*?(?=</(?:[\w.-]+:)?SessionId\s*>|\Z)", re.IGNORECASE | re.DOTALL
)
"""The content of a SessionId element; without an end tag everything that follows it, rather than keep a token."""
_SESSION_IN_JSON = re.compile(
    rb"""("(?:[\w.-]+:)?SessionId"\s*:\s*")(?:[^"\\]|\\.?)*"""
    rb"""|(<(?:[\w.-]+:)?SessionId\b(?:[^<>"\\]|\\.)*?(?<!/)>)(?:[^"\\]|\\.?)*?(?=<\\?/(?:[\w.-]+:)?SessionId\s*>|"|\Z)""",
    re.IGNORECASE | re.DOTALL,
)
"""The text of a SessionId field, or of a SessionId element within a text. Neither reaches beyond the text's closing quote."""


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Raises Refused unless the path's secret is right and a readable body names the right organisation.

    A body that cannot be read still proves itself by the path's secret; it is kept, to be parked. A callout is written for
    this connection, so where the organisation is configured a readable JSON body must name it.
    """
    if not request.path_secret:
        raise MissingCredential("secret in the path")
    secrets = credentials.all_of("path_secret")
    if not secrets:
        raise MissingCredential("path_secret is not configured")
    if not matches_any(request.path_secret, secrets):
        raise Forged("secret in the path")
    organization = str(credentials.settings.get("organization_id") or "")
    if not organization:
        return
    named = _organization_told(request.body) if media_type(request.headers) == JSON else organization_of(request.body)
    if named and normalise_external_id(named) != normalise_external_id(organization):
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


def _organization_told(body: bytes) -> str | None:
    """The `organizationId` of a JSON body, None where that is not JSON. Raises MissingCredential."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    named = content.get("organizationId") if isinstance(content, dict) else None
    if not isinstance(named, str) or not named.strip():
        raise MissingCredential("organizationId")
    return named


def blank(body: bytes) -> bytes:
    """The body without the live session token that Salesforce may put into it, whatever state the XML is in; JSON stays JSON."""
    if b"\x00" in body:
        body = body.decode("utf-16", "replace").encode()
    if b"sessionid" not in body.lower():
        return body
    blanked = _SESSION_IN_JSON.sub(rb"\1\2", body)
    return blanked if _is_json(body) else _SESSION.sub(rb"\1", blanked)


def _is_json(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True
