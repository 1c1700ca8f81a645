"""Proves a generic connection's sample as its CRM would, by whatever schemes the document names."""

import base64
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlencode

from gateway.connectors.generic import auth
from gateway.connectors.generic.document import Source
from gateway.connectors.generic.schemes import (
    Basic,
    BodyToken,
    FromHeader,
    HeaderToken,
    Hmac,
    SecretPath,
    field_steps,
)
from gateway.samples.bodies import Sample
from gateway.samples.forms import Form, written
from libs.common import clock
from libs.common.ids import new_id

Secret = Callable[[str], str]
"""The first valid value of a secret, by its name."""


def signed(source: Source, form: Form, url: str, secret: Secret, at: datetime) -> Sample:
    """The request that the schemes of the document accept. Raises what `secret` does, and ValueError for one in the wrong form."""
    headers = {"Content-Type": source.content_types[0], **form.headers}
    content = form.content
    for scheme in source.auth:
        if isinstance(scheme, SecretPath):
            url = f"{url}/{secret(scheme.secret)}"
        elif isinstance(scheme, BodyToken):
            content = _with_token(content, field_steps(scheme.at), secret(scheme.secret))
    if form.query:
        url = f"{url}?{urlencode(form.query)}"
    body = written(content)
    for scheme in source.auth:
        match scheme:
            case Basic():
                pair = f"{secret(scheme.username)}:{secret(scheme.password)}"
                headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
            case HeaderToken():
                headers[scheme.header] = scheme.prefix + secret(scheme.secret)
            case Hmac():
                headers |= _hmac(scheme, secret(scheme.secret), url, body, at)
    return Sample(url, headers, body, auth.blank(source.blanked, body))


def _hmac(scheme: Hmac, secret: str, url: str, body: bytes, at: datetime) -> dict[str, str]:
    headers: dict[str, str] = {}
    timestamp = identifier = ""
    if scheme.timestamp is not None:
        millis = clock.to_millis(at)
        timestamp = str(millis if scheme.timestamp.unit == "ms" else millis // 1000)
        _put(headers, scheme.timestamp, timestamp)
    if scheme.id is not None:
        identifier = f"sample_{new_id().hex}"
        _put(headers, scheme.id, identifier)
    where = scheme.signature
    if where.form == "base64_pair":
        hexed = scheme.model_copy(update={"encoding": "hex"}) if scheme.encoding == "raw" else scheme
        made = auth.sign(hexed, secret, method="POST", url=url, body=body, timestamp=timestamp, identifier=identifier)
        signature = bytes.fromhex(made) if scheme.encoding == "raw" else made.encode()
        value = base64.b64encode(b"sample:" + signature).decode()
    else:
        made = auth.sign(scheme, secret, method="POST", url=url, body=body, timestamp=timestamp, identifier=identifier)
        value = where.prefix + made
    _put(headers, FromHeader(header=where.header, key=where.key), value)
    return headers


def _put(headers: dict[str, str], where: FromHeader, value: str) -> None:
    """A value in its header, beside what other parts of the scheme put into the same one."""
    if where.key is None:
        headers[where.header] = value
    else:
        before = headers.get(where.header)
        headers[where.header] = f"{before + ',' if before else ''}{where.key}={value}"


def _with_token(content: object, steps: tuple[str, ...], token: str) -> object:
    if not steps:
        return token
    holder = dict(content) if isinstance(content, dict) else {}
    return holder | {steps[0]: _with_token(holder.get(steps[0]), steps[1:], token)}
