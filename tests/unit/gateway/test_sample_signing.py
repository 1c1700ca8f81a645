"""What a sample proves itself by is what the door checks, for every scheme that a document can name."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from gateway.connectors.generic import auth
from gateway.connectors.generic.document import Source
from gateway.connectors.verification import Credentials, Refused, WebhookRequest
from gateway.samples.forms import Form
from gateway.samples.signing import signed
from tests.unit.gateway.connectors.generic.shipped import AT

ITEMS = {
    "object": {"at": "item.kind", "means": {"d": "deal"}},
    "id": "item.id",
    "record": "item",
    "version": {"at": "item.at"},
}
SECRETS = {"secret": "s3cret", "username": "crm", "password": "pass"}
HMAC = {"kind": "hmac", "signature": {"header": "X-Signature"}}


@pytest.mark.parametrize(
    "scheme",
    [
        {"kind": "path"},
        {"kind": "basic"},
        {"kind": "header_token", "header": "Authorization", "prefix": "Bearer "},
        {"kind": "body_token", "at": "auth.token"},
        HMAC,
        HMAC | {"signed": "{method}{url}{body}", "encoding": "base64", "algorithm": "sha512"},
        HMAC
        | {
            "signature": {"header": "X-Signature", "form": "pairs", "key": "v1"},
            "signed": "{timestamp}.{body}",
            "timestamp": {"header": "X-Signature", "key": "t"},
        },
        HMAC
        | {
            "signature": {"header": "X-Signature", "form": "list", "prefix": "v1,"},
            "signed": "{id}{body}",
            "id": {"header": "X-Id"},
        },
        HMAC | {"signature": {"header": "X-Signature", "form": "base64_pair"}, "encoding": "raw"},
    ],
)
def test_a_sample_is_accepted_and_with_another_secret_refused(scheme: dict[str, Any]) -> None:
    source = Source.model_validate({"auth": scheme, "items": ITEMS})
    sample = signed(source, Form({"kind": "d"}, query={"a": "b"}), "https://x/webhooks/k", SECRETS.__getitem__, AT)
    parts = urlsplit(sample.url).path.split("/")
    request = WebhookRequest(
        "POST",
        sample.url,
        {name.lower(): value for name, value in sample.headers.items()},
        sample.body,
        AT,
        parts[3] if len(parts) > 3 else None,
    )

    auth.verify(source.auth, request, Credentials(SECRETS, {}))
    with pytest.raises(Refused):
        auth.verify(source.auth, request, Credentials(dict.fromkeys(SECRETS, "other"), {}))
    assert b"s3cret" not in sample.stored
