"""A sender without code proves itself as its document says: published and computed vectors, and nothing but the signed bytes."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from standardwebhooks import Webhook

from gateway.connectors.generic import auth, catalogue
from gateway.connectors.generic.schemes import Scheme, SecretPath
from gateway.connectors.verification import Credentials, Forged, MissingCredential
from tests.unit.gateway.connectors.generic.shipped import AT, SCHEMES, hmac_scheme, request_of


def _shipped(name: str) -> Scheme:
    return SCHEMES.validate_python(yaml.safe_load(catalogue.document(name))["source"]["auth"])


CLOSE_KEY = "058bfb6a3d8cfdc4da7c3be5901b16ae11da982b46a25fb2cd7016e97a140a1c"
VECTORS = {
    "standard-webhooks": (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        b'{"test": 2432232314}',
        {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        1614265330,
    ),
    "close": (
        CLOSE_KEY,
        b'{"event":{}}',
        {
            "close-sig-timestamp": "1544271440",
            "close-sig-hash": "dafde4843dcfe85c7b5813915f77049116e0bf52d24c258f24a17d0ce3e8cd48",
        },
        1544271440,
    ),
    "twenty": (
        "secret",
        b'{"a":1}',
        {
            "x-twenty-webhook-timestamp": "1700000000000",
            "x-twenty-webhook-signature": "2771fa9d831c2c34306a777725c9743ffdedaf3030596bc7b488c970ff31f61c",
        },
        1700000000,
    ),
    "attio": (
        "secret",
        b'{"a":1}',
        {"attio-signature": "aa9e2e3575f5d7098b6caccd790888c36d5fdb63342a73bada2d6a51747a8494"},
        1700000000,
    ),
    "frappe": (
        "secret",
        b'{"a": 1}',
        {"x-frappe-webhook-signature": "nvoUoYQQpXpDL78M441LwzM5A2pk5XuMhtoLseEi2XI="},
        1700000000,
    ),
    "espocrm": (
        "secret",
        b'[{"id":"1"}]',
        {
            "signature": "V0hJRDo4YzkwYmU1MjM1NTk0MWRiODczMWViNzBkOTE5NDU1OTY3ZGE1NzBlZGVhMDlkNjU5MzBhZTA5Y2FhNjk0MGM2",
        },
        1700000000,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VECTORS)
def test_the_signature_of_every_shipped_scheme_is_accepted_and_of_another_body_refused(name: str) -> None:
    secret, body, headers, at = VECTORS[name]
    request = request_of(body, headers, datetime.fromtimestamp(at, UTC))
    auth.verify([_shipped(name)], request, Credentials({"secret": secret}, {}))
    with pytest.raises(Forged):
        auth.verify([_shipped(name)], replace(request, body=body + b" "), Credentials({"secret": secret}, {}))


@pytest.mark.parametrize("name", VECTORS)
def test_a_shipped_scheme_refuses_when_any_of_its_headers_is_missing(name: str) -> None:
    secret, body, headers, at = VECTORS[name]
    for left_out in headers:
        given_headers = {each: value for each, value in headers.items() if each != left_out}
        with pytest.raises(MissingCredential):
            auth.verify(
                [_shipped(name)],
                request_of(body, given_headers, datetime.fromtimestamp(at, UTC)),
                Credentials({"secret": secret}, {}),
            )


def test_hubspots_published_signature_follows_from_a_template_too() -> None:
    scheme = hmac_scheme(
        signed="{method}{url}{body}{timestamp}",
        encoding="base64",
        signature={"header": "X-HubSpot-Signature-v3"},
        timestamp={"header": "X-HubSpot-Request-Timestamp", "unit": "ms"},
    )
    secret = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
    url, body = "https://www.example.com/webhook_uri", b"{'example_field':'example_value'}"
    signed = auth.sign(scheme, secret, method="POST", url=url, body=body, timestamp="1693657560000")
    assert signed == "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="


def test_espocrms_older_signature_is_another_scheme_and_no_substitute() -> None:
    older = {"x-signature": "V0hJRDqMkL5SNVlB24cx63DZGUVZZ9pXDt6gnWWTCuCcqmlAxg=="}
    at = datetime.fromtimestamp(1700000000, UTC)
    credentials = Credentials({"secret": "secret"}, {})
    raw = hmac_scheme(encoding="raw", signature={"header": "X-Signature", "form": "base64_pair"})
    auth.verify([raw], request_of(b'[{"id":"1"}]', older, at), credentials)
    with pytest.raises(MissingCredential):
        auth.verify([_shipped("espocrm")], request_of(b'[{"id":"1"}]', older, at), credentials)


@given(st.text(max_size=60))
def test_the_standard_webhooks_library_signs_what_its_document_accepts(body: str) -> None:
    secret, _, headers, at = VECTORS["standard-webhooks"]
    signed_at = datetime.fromtimestamp(at, UTC)
    theirs = Webhook(secret).sign(headers["webhook-id"], signed_at, body)
    request = request_of(body.encode(), headers | {"webhook-signature": "v1a,x v1,y " + theirs}, signed_at)
    auth.verify([_shipped("standard-webhooks")], request, Credentials({"secret": secret}, {}))


# The other schemes.


def test_every_configured_scheme_must_hold() -> None:
    schemes: list[Scheme] = [SecretPath(kind="path"), hmac_scheme()]
    credentials = Credentials({"secret": "s"}, {})
    signature = {"x-signature": auth.sign(hmac_scheme(), "s", method="POST", url="", body=b"{}")}
    auth.verify(schemes, request_of(b"{}", signature, AT, path_secret="s"), credentials)
    for request in (request_of(b"{}", signature, AT), request_of(b"{}", {}, AT, path_secret="s")):
        with pytest.raises(MissingCredential):
            auth.verify(schemes, request, credentials)


@pytest.mark.parametrize(
    ("scheme", "right", "wrong", "missing"),
    [
        ({"kind": "path"}, {"path_secret": "old"}, {"path_secret": "older"}, {"path_secret": None}),
        (
            {"kind": "header_token", "header": "X-Token", "prefix": "Token "},
            {"headers": {"x-token": "Token new"}},
            {"headers": {"x-token": "Token newer"}},
            {"headers": {"x-token": "new"}},
        ),
        (
            {"kind": "body_token", "at": "meta.token"},
            {"body": b'{"meta":{"token":"new"}}'},
            {"body": b'{"meta":{"token":"ne"}}'},
            {"body": b'{"token":"new","meta":{"token":null}}'},
        ),
    ],
)
def test_a_shared_secret_is_taken_where_it_belongs_and_nowhere_else(
    scheme: dict[str, Any], right: dict[str, Any], wrong: dict[str, Any], missing: dict[str, Any]
) -> None:
    checked, credentials = SCHEMES.validate_python(scheme), Credentials({"secret": ["old", "new"]}, {})
    request = request_of(b"{}", {}, AT)
    auth.verify([checked], replace(request, **right), credentials)
    with pytest.raises(Forged):
        auth.verify([checked], replace(request, **wrong), credentials)
    for absent in (missing, {}):
        with pytest.raises(MissingCredential):
            auth.verify([checked], replace(request, **absent), credentials)
    with pytest.raises(MissingCredential):
        auth.verify([checked], replace(request, **right), Credentials({}, {}))


def test_a_secret_in_the_body_is_blanked_and_the_rest_is_kept() -> None:
    body = b'{"token":"t1","ids":["1"],"token":"t2","meta":{"token":"t3"}}'
    blanked = auth.blank(["token", "meta.token", "other.token"], body)
    assert blanked == b'{"token":"","ids":["1"],"meta":{"token":""}}'
    assert auth.blank([], body) is body
    assert auth.blank(["token"], b"not json") == b"not json"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"signed": "{timestamp}"}, "must hold {body}"),
        ({"signed": "{body}{nonce}"}, "only {method}, {url}"),
        ({"signed": "{body}}"}, "only {method}, {url}"),
        ({"signed": "{timestamp}{body}"}, "say in timestamp"),
        ({"timestamp": {"header": "X-Time"}}, "timestamp is not in signed"),
        ({"id": {"header": "X-Id"}}, "id is not in signed"),
        ({"encoding": "raw"}, "belongs to the form base64_pair"),
        ({"signature": {"header": "X", "form": "pairs"}}, "pairs needs it"),
        ({"algorithm": "md5"}, "sha1"),
        ({"extra": 1}, "Extra inputs"),
    ],
)
def test_a_scheme_that_would_prove_less_than_it_seems_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told.replace("{", r"\{").replace("}", r"\}")):
        hmac_scheme(**changes)


@pytest.mark.parametrize(("decoding", "secret"), [("hex", "xyz"), ("base64", "a"), ("base64", ""), ("hex", "")])
def test_a_secret_in_the_wrong_form_lets_nobody_in(decoding: str, secret: str) -> None:
    scheme = hmac_scheme(secret_decoding=decoding)
    with pytest.raises(MissingCredential):
        auth.verify([scheme], request_of(b"", {"x-signature": "00"}, AT), Credentials({"secret": secret}, {}))
