"""However early a credential differs, or whichever of several secrets is right, the same comparisons are made."""

import base64
import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from gateway.connectors.dataverse import verification as dataverse
from gateway.connectors.hubspot import signature as hubspot
from gateway.connectors.pipedrive import signature as pipedrive
from gateway.connectors.salesforce import signature as salesforce
from gateway.connectors.standard import signature as standard
from gateway.connectors.verification import Credentials, Refused, WebhookRequest

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRETS = ["whsec_" + base64.b64encode(text).decode() for text in (b"the older secret", b"the newer secret")]
Verify = Callable[[WebhookRequest, Credentials], None]


def _request(headers: dict[str, str], path_secret: str | None = None) -> WebhookRequest:
    return WebhookRequest("POST", "https://foretell.example/webhooks/x", headers, b"{}", AT, path_secret)


def _hubspot(secret: str) -> WebhookRequest:
    stamp = str(int(AT.timestamp() * 1000))
    signed = hubspot.sign(secret, "POST", "https://foretell.example/webhooks/x", b"{}", stamp)
    return _request({"x-hubspot-signature-v3": signed, "x-hubspot-request-timestamp": stamp})


def _standard(secret: str) -> WebhookRequest:
    stamp = str(int(AT.timestamp()))
    signed = standard.sign(secret, "msg_1", stamp, b"{}")
    return _request({"webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": signed})


def _pipedrive(secret: str) -> WebhookRequest:
    return _request({"authorization": "Basic " + base64.b64encode(f"foretell:{secret}".encode()).decode()})


def _salesforce(secret: str) -> WebhookRequest:
    return _request({}, path_secret=secret)


def _dataverse(secret: str) -> WebhookRequest:
    url = f"https://foretell.example/webhooks/x?code={quote(secret, safe='')}"
    return WebhookRequest("POST", url, {}, b"{}", AT)


@pytest.mark.parametrize(
    ("verify", "sent_with", "named"),
    [
        (hubspot.verify, _hubspot, "client_secret"),
        (standard.verify, _standard, "secret"),
        (pipedrive.verify, _pipedrive, "password"),
        (salesforce.verify, _salesforce, "path_secret"),
        (dataverse.verify, _dataverse, "webhook_key"),
    ],
)
def test_every_secret_is_compared_whichever_is_right(
    monkeypatch: pytest.MonkeyPatch, verify: Verify, sent_with: Callable[[str], WebhookRequest], named: str
) -> None:
    compared = 0

    def counted(one: bytes, other: bytes, /) -> bool:
        nonlocal compared
        compared += 1
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", counted)
    credentials = Credentials({named: SECRETS, "username": "foretell"}, {})
    counts = []
    for secret in SECRETS:
        compared = 0
        verify(sent_with(secret), credentials)
        counts.append(compared)
    compared = 0
    wrong = "whsec_" + base64.b64encode(b"another secret!!").decode()
    with pytest.raises(Refused):
        verify(sent_with(wrong), credentials)
    assert counts == [compared, compared], "the number of comparisons tells which secret was right"
    assert compared >= len(SECRETS)
