"""Checks a request against the schemes of a connection's document. All of them must hold; none stands in for another."""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import orjson

from gateway.connectors.generic.schemes import (
    Basic,
    BodyToken,
    FromHeader,
    HeaderToken,
    Hmac,
    Scheme,
    SecretPath,
    field_steps,
)
from gateway.connectors.verification import (
    Credentials,
    Forged,
    MissingCredential,
    WebhookRequest,
    check_basic,
    check_window,
    header,
    matches_any,
)

MAX_SIGNATURES = 16


def verify(schemes: Sequence[Scheme], request: WebhookRequest, credentials: Credentials) -> None:
    """Raises Refused unless every scheme holds for one of its secrets."""
    for scheme in schemes:
        match scheme:
            case SecretPath():
                _check_token(request.path_secret or "", "secret in the path", scheme.secret, credentials)
            case Basic():
                check_basic(request, credentials.all_of(scheme.username), credentials.all_of(scheme.password))
            case HeaderToken():
                _check_token(_after(scheme.prefix, header(request, scheme.header.lower())), scheme.header, scheme.secret, credentials)  # fmt: skip
            case BodyToken():
                _check_token(_in_body(scheme, request.body), scheme.at, scheme.secret, credentials)
            case Hmac():
                _check_hmac(scheme, request, credentials)


def blank(paths: Sequence[str], body: bytes) -> bytes:
    """The body without what stands at these paths. A body that is not JSON holds no such field and stays as it is."""
    if not paths:
        return body
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    for path in paths:
        *outer, last = field_steps(path)
        holder = reduce(_step, outer, content)
        if isinstance(holder, dict) and last in holder:
            holder[last] = ""
    return orjson.dumps(content)


def sign(scheme: Hmac, secret: str, *, method: str, url: str, body: bytes, timestamp: str = "", identifier: str = "") -> str:  # fmt: skip
    """The signature as a header without prefix or key would hold it. Raises ValueError for a secret in the wrong form."""
    known = {"method": method, "url": url, "timestamp": timestamp, "id": identifier}
    digest = _digest(scheme, secret, known, body)
    match scheme.encoding:
        case "hex":
            return digest.hex()
        case "base64":
            return base64.b64encode(digest).decode()
        case _:
            raise ValueError("raw digests stand in no header by themselves")


def _check_token(given: str, where: str, name: str, credentials: Credentials) -> None:
    secrets = credentials.all_of(name)
    if not given:
        raise MissingCredential(where)
    if not secrets:
        raise MissingCredential(f"secrets.{name} is not configured")
    if not matches_any(given, secrets):
        raise Forged(where)


def _in_body(scheme: BodyToken, body: bytes) -> str:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise MissingCredential(scheme.at) from None
    found = reduce(_step, field_steps(scheme.at), content)
    if not isinstance(found, str):
        raise MissingCredential(scheme.at)
    return found


def _step(content: Any, name: str) -> Any:
    return content.get(name) if isinstance(content, dict) else None


def _check_hmac(scheme: Hmac, request: WebhookRequest, credentials: Credentials) -> None:
    given = _given(scheme, request)
    known = {
        "method": request.method,
        "url": request.url,
        "timestamp": _value(request, scheme.timestamp) if scheme.timestamp else "",
        "id": _value(request, scheme.id) if scheme.id else "",
    }
    secrets = credentials.all_of(scheme.secret)
    if not secrets:
        raise MissingCredential(f"secrets.{scheme.secret} is not configured")
    try:
        digests = [_digest(scheme, secret, known, request.body) for secret in secrets]
    except ValueError as error:
        raise MissingCredential(f"secrets.{scheme.secret}: {error}") from None
    expected = [_encoded(scheme, digest) for digest in digests]
    matches = False
    for each in given:
        for digest in expected:
            matches |= hmac.compare_digest(each, digest)
    if not matches:
        raise Forged(scheme.signature.header)
    if scheme.timestamp is not None:
        signed_at = _instant(known["timestamp"], scheme.timestamp.unit)
        check_window(signed_at, request.received_at, timedelta(seconds=scheme.tolerance_s))


def _digest(scheme: Hmac, secret: str, known: Mapping[str, str], body: bytes) -> bytes:
    message = b"".join(
        literal if name is None else body if name == "body" else known[name].encode() for name, literal in scheme.parts
    )
    return hmac.digest(scheme.key_of(secret), message, scheme.algorithm)


def _encoded(scheme: Hmac, digest: bytes) -> bytes:
    match scheme.encoding:
        case "hex":
            return digest.hex().encode()
        case "base64":
            return base64.b64encode(digest)
        case _:
            return digest


def _given(scheme: Hmac, request: WebhookRequest) -> list[bytes]:
    """The signatures a request brings, at most sixteen, encoded as the document says. Raises MissingCredential for none."""
    at = scheme.signature
    written = header(request, at.header.lower())
    match at.form:
        case "whole":
            found = [_after(at.prefix, written).encode()]
        case "pairs":
            found = [_after(at.prefix, value).encode() for value in _pairs(written, at.key or "")]
        case "list":
            found = [each.removeprefix(at.prefix).encode() for each in written.split() if each.startswith(at.prefix)]
        case "base64_pair":
            found = [_second(written)]
    if scheme.encoding == "hex":
        found = [each.lower() for each in found]
    if not any(found):
        raise MissingCredential(at.header)
    return found[:MAX_SIGNATURES]


def _pairs(written: str, key: str) -> list[str]:
    pairs = (each.strip().partition("=") for each in written.split(","))
    return [value for name, _, value in pairs if name == key]


def _second(written: str) -> bytes:
    try:
        decoded = base64.b64decode(written, validate=True)
    except (ValueError, binascii.Error):
        raise Forged("signature is not base64") from None
    if base64.b64encode(decoded).decode() != written:
        raise Forged("signature is not written as base64 is")
    return decoded.partition(b":")[2]


def _after(prefix: str, written: str) -> str:
    if not written.startswith(prefix):
        raise MissingCredential(f"{prefix.strip()!r} before the credential")
    return written[len(prefix) :]


def _value(request: WebhookRequest, source: FromHeader) -> str:
    written = header(request, source.header.lower())
    if source.key is None:
        return written
    found = _pairs(written, source.key)
    if len(found) != 1 or not found[0]:
        raise MissingCredential(f"{source.key} in {source.header}")
    return found[0]


def _instant(written: str, unit: str) -> datetime:
    if not (written.isascii() and written.isdigit()):
        raise Forged("the signed time is not a number")
    try:
        return datetime.fromtimestamp(int(written) / (1000 if unit == "ms" else 1), UTC)
    except (ValueError, OverflowError, OSError):
        raise Forged("the signed time is no time") from None
