"""What all signature checks share: the request as it came, and the ways to refuse it."""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

JSON = "application/json"
REPLAY_WINDOW = timedelta(minutes=5)
"""A signed time further from our clock than this, in either direction, is stale."""


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A delivery at the door. `url` is the configured public URL of the request, query included; header names are lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    path_secret: str | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """Secrets and settings of a connection, as its verifier needs them."""

    secrets: Mapping[str, Any]
    settings: Mapping[str, Any]

    def all_of(self, name: str) -> Sequence[str]:
        """The values of a secret that is one text or, during a rotation, a list; none if it is not configured."""
        value = self.secrets.get(name)
        if isinstance(value, str):
            return (value,) if value else ()
        return tuple(str(each) for each in value or () if each)


class Refused(Exception):
    """The request is not from whom it claims. `verdict` is one of `missing`, `forged`, `stale`."""

    verdict = "forged"


class MissingCredential(Refused):
    """A header or part that this connection's scheme demands is absent."""

    verdict = "missing"


class Forged(Refused):
    """The credential is there and wrong."""

    verdict = "forged"


class Stale(Refused):
    """Rightly signed, too long ago or too far ahead."""

    verdict = "stale"


def media_type(headers: Mapping[str, str]) -> str:
    """The content type without its parameters, in lower case; empty if there is none. Header names are lower case."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def header(request: WebhookRequest, name: str) -> str:
    """A header that must be there and not empty. Raises MissingCredential."""
    value = request.headers.get(name, "")
    if not value:
        raise MissingCredential(name)
    return value


def matches_any(given: str, expected: Sequence[str]) -> bool:
    """Whether `given` is one of `expected`; compares all of them in constant time."""
    seen = False
    for each in expected:
        seen |= hmac.compare_digest(given.encode(), each.encode())
    return seen


def check_basic(request: WebhookRequest, usernames: Sequence[str], passwords: Sequence[str]) -> None:
    """Raises Refused unless user and password (HTTP Basic) are among these."""
    scheme, _, encoded = header(request, "authorization").partition(" ")
    if scheme.lower() != "basic":
        raise MissingCredential("basic authorization")
    if not usernames or not passwords:
        raise MissingCredential("username and password are not configured")
    try:
        username, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        raise Forged("authorization") from None
    if not (matches_any(username, usernames) & matches_any(password, passwords)):
        raise Forged("authorization")


def check_window(signed_at: datetime, received_at: datetime, window: timedelta = REPLAY_WINDOW) -> None:
    """Raises Stale outside the replay window."""
    if abs(received_at - signed_at) > window:
        raise Stale(f"signed at {signed_at.isoformat()}")
