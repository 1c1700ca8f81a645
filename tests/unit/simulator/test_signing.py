"""Signatures against the vendors' published examples and against signers that others wrote."""

from datetime import UTC, datetime

import pytest
from hubspot.utils.signature import Signature
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from simulator.signing import basic_authorization, sign_hubspot, sign_standard

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
URL = "https://www.example.com/webhook_uri"
STANDARD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.mark.parametrize(
    ("body", "timestamp_ms", "expected"),
    [
        (b"{'example_field':'example_value'}", 1693657560000, "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
        (
            (
                b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,'
                b'"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM",'
                b'"changeFlag":"NEW","appId":54321}]'
            ),
            1564113600000,
            "DxmVAjFNa2xfF3YgQjdZP6TNcok9k1oaH7UXombPtvw=",
        ),
    ],
)
def test_hubspot_signs_as_its_own_published_examples(body: bytes, timestamp_ms: int, expected: str) -> None:
    headers = sign_hubspot(SECRET, method="POST", url=URL, body=body, timestamp_ms=timestamp_ms)
    assert headers["X-HubSpot-Signature-v3"] == expected
    assert headers["X-HubSpot-Request-Timestamp"] == str(timestamp_ms)


@given(st.text(max_size=200), st.sampled_from(["", "?a=1&b=%20x", "/deep/er"]))
def test_hubspots_own_library_signs_the_same(body: str, tail: str) -> None:
    ours = sign_hubspot(SECRET, method="POST", url=URL + tail, body=body.encode(), timestamp_ms=1693657560000)
    theirs = Signature.get_signature(
        client_secret=SECRET,
        request_body=body,
        signature_version="v3",
        http_uri=URL + tail,
        http_method="POST",
        timestamp="1693657560000",
    )
    assert ours["X-HubSpot-Signature-v3"] == theirs


def test_standard_webhooks_are_signed_as_the_specification_shows() -> None:
    body = b'{"test": 2432232314}'
    headers = sign_standard(STANDARD, message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp=1614265330, body=body)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.text(max_size=200), st.integers(min_value=1_600_000_000, max_value=1_900_000_000))
def test_the_reference_library_of_standard_webhooks_signs_the_same(body: str, timestamp: int) -> None:
    ours = sign_standard(STANDARD, message_id="msg_1", timestamp=timestamp, body=body.encode())
    theirs = Webhook(STANDARD).sign("msg_1", datetime.fromtimestamp(timestamp, UTC), body)
    assert ours["webhook-signature"] == theirs


def test_basic_credentials_are_those_of_the_standard() -> None:
    assert basic_authorization("Aladdin", "open sesame") == {"Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}


def test_hubspot_decodes_its_twelve_escapes_and_no_others_before_signing() -> None:
    def signed(url: str) -> str:
        return sign_hubspot(SECRET, method="POST", url=url, body=b"", timestamp_ms=1)["X-HubSpot-Signature-v3"]

    assert signed(URL + "?next=%2Fdeals%3A7%40x%2c") == signed(URL + "?next=/deals:7@x,")
    assert signed(URL + "?a=%20") != signed(URL + "?a= ")
