"""Signatures against published vectors and against the vendors' own libraries."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hubspot.utils.signature import Signature
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from gateway.connectors.hubspot import signature as hubspot
from gateway.connectors.pipedrive import signature as pipedrive
from gateway.connectors.salesforce import signature as salesforce
from gateway.connectors.standard import signature as standard
from gateway.connectors.verification import Credentials, Forged, MissingCredential, Refused, Stale, WebhookRequest

HUBSPOT_SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EVENT = (
    b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":'
    b'"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]'
)


@pytest.mark.parametrize(
    ("body", "timestamp", "expected"),
    [
        (b"{'example_field':'example_value'}", "1693657560000", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
        (EVENT, "1564113600000", "DxmVAjFNa2xfF3YgQjdZP6TNcok9k1oaH7UXombPtvw="),
    ],
)
def test_hubspots_published_signature_is_ours(body: bytes, timestamp: str, expected: str) -> None:
    assert hubspot.sign(HUBSPOT_SECRET, "POST", "https://www.example.com/webhook_uri", body, timestamp) == expected


def test_the_published_standard_webhooks_signature_is_ours() -> None:
    signed = standard.sign(STANDARD_SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=40), st.text(max_size=60))
def test_hubspots_own_library_signs_as_we_do(path: str, body: str) -> None:
    uri = f"https://example.com/webhooks/{path.replace('%', '')}?a=%20b%26"
    theirs = Signature.get_signature(HUBSPOT_SECRET, body, "v3", uri, "POST", "1693657560000")
    assert hubspot.sign(HUBSPOT_SECRET, "POST", uri, body.encode(), "1693657560000") == theirs


def test_hubspot_decodes_twelve_escapes_of_the_address_and_no_other_before_it_signs() -> None:
    assert hubspot.canonical_uri("https://x/a%3Ab%2fc%20d%26e%3D%2B") == "https://x/a:b/c%20d%26e%3D%2B"


@given(st.text(max_size=80))
def test_the_standard_webhooks_library_signs_as_we_do(body: str) -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    theirs = Webhook(STANDARD_SECRET).sign("msg_1", at, body)
    assert standard.sign(STANDARD_SECRET, "msg_1", str(int(at.timestamp())), body.encode()) == theirs


AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _standard(at: datetime, signature: str, **headers: str) -> WebhookRequest:
    given_headers = {
        "webhook-id": "m",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    } | headers
    return WebhookRequest("POST", "https://x", given_headers, b"{}", AT)


def test_a_rotating_secret_is_accepted_under_both_values_and_in_a_list_of_signatures() -> None:
    old, new = STANDARD_SECRET, "whsec_" + base64.b64encode(b"n" * 24).decode()
    stamp = str(int(AT.timestamp()))
    for signing in (old, new):
        header = "v1a,ignored v1,wrong " + standard.sign(signing, "m", stamp, b"{}")
        standard.verify(_standard(AT, header), Credentials({"secret": [old, new]}, {}))
    with pytest.raises(Forged):
        standard.verify(_standard(AT, standard.sign(old, "m", stamp, b"{}")), Credentials({"secret": new}, {}))


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_signature_outside_the_window_is_stale_both_ways(seconds: int) -> None:
    at = AT + timedelta(seconds=seconds)
    signature = standard.sign(STANDARD_SECRET, "m", str(int(at.timestamp())), b"{}")
    with pytest.raises(Stale):
        standard.verify(_standard(at, signature), Credentials({"secret": STANDARD_SECRET}, {}))
    millis = str(int(at.timestamp() * 1000))
    headers = {
        "x-hubspot-signature-v3": hubspot.sign("s", "POST", "https://x", b"", millis),
        "x-hubspot-request-timestamp": millis,
    }
    with pytest.raises(Stale):
        hubspot.verify(WebhookRequest("POST", "https://x", headers, b"", AT), Credentials({"client_secret": "s"}, {}))


def test_a_connection_without_its_secret_lets_nobody_in() -> None:
    nothing = Credentials({}, {})
    basic = {"authorization": "Basic " + base64.b64encode(b":").decode()}
    for verify, request in (
        (standard.verify, _standard(AT, "v1,x")),
        (pipedrive.verify, WebhookRequest("POST", "https://x", basic, b"", AT)),
        (salesforce.verify, WebhookRequest("POST", "https://x", {}, b"", AT, path_secret="x")),
        (
            hubspot.verify,
            WebhookRequest(
                "POST", "https://x", {"x-hubspot-signature-v3": "x", "x-hubspot-request-timestamp": "1"}, b"", AT
            ),
        ),
    ):
        with pytest.raises(MissingCredential):
            verify(request, nothing)


@given(st.binary(max_size=60))
def test_any_basic_header_but_the_right_one_is_refused(junk: bytes) -> None:
    credentials = Credentials({"username": "u", "password": "p"}, {})
    if junk == b"u:p":
        return
    headers = {"authorization": "Basic " + base64.b64encode(junk).decode()}
    with pytest.raises(Refused):
        pipedrive.verify(WebhookRequest("POST", "https://x", headers, b"", AT), credentials)


TOKEN = b"00D5e!AQ.live"


@pytest.mark.parametrize(
    "body",
    [
        b"<n:SessionId>" + TOKEN + b"</n:SessionId><a/>",
        b"<SessionId><![CDATA[" + TOKEN + b"]]></SessionId><a/>",
        b"<SessionId><b>" + TOKEN + b"</b></SessionId ><a/>",
        b"<SessionId x='1'>" + TOKEN,
        ("<SessionId>" + TOKEN.decode() + "</SessionId>").encode("utf-16"),
    ],
)
def test_a_session_token_is_blanked_whatever_state_the_xml_is_in(body: bytes) -> None:
    blanked = salesforce.blank(body)
    assert TOKEN not in blanked
    assert TOKEN.decode().encode("utf-16-le") not in blanked
    assert b"SessionId" in blanked


def test_an_empty_session_element_leaves_the_rest_of_the_message_alone() -> None:
    body = b'<SessionId xsi:nil="true"/><Id>04l</Id><SessionId></SessionId><Id>2</Id>'
    assert salesforce.blank(body) == body
