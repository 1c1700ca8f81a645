"""Who is let in at the webhooks, who is refused and how, and what is kept of it."""

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr
from structlog.testing import capture_logs

from libs.common import clock
from libs.common.process import runtime_for
from libs.common.web.api import create_app
from simulator import senders
from simulator.senders import Request
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.records import deal

pytestmark = pytest.mark.asyncio

PROVIDERS = ("hubspot", "salesforce", "pipedrive", "standard")
REFUSAL = {"hubspot": 401, "salesforce": 403, "pipedrive": 401, "standard": 401}
CREDENTIAL = {
    "hubspot": "X-HubSpot-Signature-v3",
    "pipedrive": "Authorization",
    "standard": "webhook-signature",
}


def _request(gateway: Gateway, provider: str, **options: object) -> Request:
    return senders.deal_request(gateway.connection(provider), deal(provider), **options)  # type: ignore[arg-type]


async def test_a_webhook_is_compared_with_no_other_route_before(gateway: Gateway) -> None:
    app = create_app(gateway.runtime.component, gateway.runtime)
    paths = [getattr(route, "path", None) for route in app.router.routes[:2]]
    assert paths == ["/webhooks/{key}", "/webhooks/{key}/{path_secret}"]


async def _stored(gateway: Gateway) -> int:
    return int(await gateway.value("SELECT count(*) FROM delivery"))


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_genuine_delivery_is_stored_before_it_is_answered(gateway: Gateway, provider: str) -> None:
    assert (await gateway.send(_request(gateway, provider))).status_code == 200
    assert await _stored(gateway) == 1


@pytest.mark.parametrize("provider", ["hubspot", "standard"])
async def test_a_changed_body_is_refused_and_nothing_is_stored(gateway: Gateway, provider: str) -> None:
    request = _request(gateway, provider)
    answer = await gateway.send(replace(request, body=request.body.replace(b"1", b"2", 1)))
    assert answer.status_code == REFUSAL[provider]
    assert await _stored(gateway) == 0


@pytest.mark.parametrize("provider", CREDENTIAL)
async def test_a_missing_credential_is_refused(gateway: Gateway, provider: str) -> None:
    request = _request(gateway, provider)
    headers = {name: value for name, value in request.headers.items() if name != CREDENTIAL[provider]}
    answer = await gateway.send(replace(request, headers=headers))
    assert answer.status_code == REFUSAL[provider]
    assert await _stored(gateway) == 0


@pytest.mark.parametrize("path", ["/webhooks/sf", "/webhooks/sf/wrong", "/webhooks/sf/path-secret2"])
async def test_salesforce_without_the_right_path_is_refused(gateway: Gateway, path: str) -> None:
    answer = await gateway.send(replace(_request(gateway, "salesforce"), url=f"http://testserver{path}"))
    assert answer.status_code == 403
    assert await _stored(gateway) == 0


async def test_another_salesforce_organisation_is_refused_although_it_knows_the_path(gateway: Gateway) -> None:
    request = _request(gateway, "salesforce")
    body = request.body.replace(b"00D7F00000107XsUAI", b"00D7F00000107XtUAI")
    assert (await gateway.send(replace(request, body=body))).status_code == 403
    assert await _stored(gateway) == 0


@pytest.mark.parametrize("minutes", [-6, 6])
@pytest.mark.parametrize("provider", ["hubspot", "standard"])
async def test_a_signature_from_another_time_is_refused(gateway: Gateway, provider: str, minutes: int) -> None:
    request = _request(gateway, provider, at=clock.now() + timedelta(minutes=minutes))
    assert (await gateway.send(request)).status_code == REFUSAL[provider]
    assert await _stored(gateway) == 0


async def test_an_older_hubspot_signature_is_no_substitute(gateway: Gateway) -> None:
    request = _request(gateway, "hubspot")
    headers = {"Content-Type": "application/json", "X-HubSpot-Signature": "aa", "X-HubSpot-Signature-Version": "v1"}
    assert (await gateway.send(replace(request, headers=headers))).status_code == 401


async def test_hubspots_signature_holds_for_the_public_address_whatever_the_proxy_says(gateway: Gateway) -> None:
    request = _request(gateway, "hubspot")
    behind_proxy = replace(
        request, url="http://10.0.0.7:8080/webhooks/hub", headers=request.headers | {"Host": "inner"}
    )
    assert (await gateway.send(behind_proxy)).status_code == 200


def _counted(connection: str, verdict: str) -> float:
    labels = {"connection": connection, "verdict": verdict}
    return REGISTRY.get_sample_value("gateway_deliveries_total", labels) or 0.0


async def test_every_refusal_is_counted_by_what_was_wrong(gateway: Gateway) -> None:
    request = _request(gateway, "standard")
    unsigned = {name: value for name, value in request.headers.items() if name != "webhook-signature"}
    wrong = {
        "missing": replace(request, headers=unsigned),
        "forged": replace(request, body=request.body + b" "),
        "stale": _request(gateway, "standard", at=clock.now() - timedelta(minutes=6)),
        "wrong_type": replace(request, headers=request.headers | {"Content-Type": "text/plain"}),
        "too_large": replace(request, body=b" " * 2_000_000),
    }
    before = {verdict: _counted("std", verdict) for verdict in wrong}
    for each in wrong.values():
        await gateway.send(each)
    assert {verdict: _counted("std", verdict) - before[verdict] for verdict in wrong} == dict.fromkeys(wrong, 1.0)
    unknown = _counted("unknown", "unknown")
    await gateway.send(replace(request, url="http://testserver/webhooks/nobody"))
    assert _counted("unknown", "unknown") == unknown + 1
    assert await _stored(gateway) == 0


async def test_an_unknown_connection_is_refused(gateway: Gateway) -> None:
    answer = await gateway.send(replace(_request(gateway, "standard"), url="http://testserver/webhooks/nobody"))
    assert answer.status_code == 404
    assert await _stored(gateway) == 0


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_another_content_type_is_refused(gateway: Gateway, provider: str) -> None:
    request = _request(gateway, provider)
    answer = await gateway.send(replace(request, headers=request.headers | {"Content-Type": "text/plain"}))
    assert answer.status_code == 415
    assert await _stored(gateway) == 0


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_beyond_the_limit_is_refused_before_it_is_read(gateway: Gateway, announced: bool) -> None:
    read = 0

    async def endless():  # type: ignore[no-untyped-def]
        nonlocal read
        while True:
            read += 1
            yield b"x" * 65536
            assert read < 64, "the gateway went on reading"

    headers = dict(_request(gateway, "standard").headers)
    if announced:
        headers["Content-Length"] = str(2 * 1024 * 1024)
    content = b"x" * (2 * 1024 * 1024) if announced else endless()
    answer = await gateway.client.post("/webhooks/std", headers=headers, content=content)
    assert answer.status_code == 413
    assert await _stored(gateway) == 0


async def test_credentials_are_not_kept(gateway: Gateway) -> None:
    for provider in PROVIDERS:
        request = _request(gateway, provider)
        if provider == "salesforce":
            body = request.body.replace(b'<SessionId xsi:nil="true"/>', b"<SessionId>00Dlive!token</SessionId>")
            request = replace(request, body=body)
        assert (await gateway.send(request)).status_code == 200
    kept = str(await gateway.rows("SELECT headers::text, convert_from(body, 'UTF8') AS body FROM delivery"))
    assert "<SessionId>" in kept
    for secret in ("00Dlive!token", "path-secret", "pipe-secret", "Basic ", "v1,"):
        assert secret not in kept


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_secret_in_the_path_is_neither_logged_nor_answered_when_something_fails(
    gateway: Gateway, method: str
) -> None:
    away = SecretStr("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    runtime = runtime_for(gateway.runtime.component, gateway.runtime.settings.model_copy(update={"database_url": away}))
    app = create_app(runtime.component, runtime)
    request = _request(gateway, "salesforce")
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        with capture_logs() as logs:
            answer = await client.request(method, request.url, headers=request.headers, content=request.body)
    assert answer.status_code == {"POST": 503, "GET": 405}[method]
    assert logs or method == "GET"
    assert "path-secret" in request.url
    assert "path-secret" not in answer.text + str(answer.headers) + str(logs)
    await runtime.database.close()


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_an_authentic_delivery_that_nobody_can_read_is_kept_and_parked(gateway: Gateway, provider: str) -> None:
    connection, now = gateway.connection(provider), clock.now()
    body = b"\xff{not readable"
    headers = {"Content-Type": "text/xml" if provider == "salesforce" else "application/json"}
    if provider == "hubspot":
        headers |= senders.sign_hubspot(
            "hub-secret", method="POST", url=connection.url, body=body, timestamp_ms=clock.to_millis(now)
        )
    elif provider == "standard":
        secret = connection.secrets["secret"]
        headers |= senders.sign_standard(secret, message_id="m1", timestamp=int(now.timestamp()), body=body)
    elif provider == "pipedrive":
        headers |= senders.basic_authorization("foretell", "pipe-secret")
    answer = await gateway.send(Request("POST", connection.url, headers, body))
    assert answer.status_code == 200
    await gateway.understand()
    assert await gateway.value("SELECT state FROM delivery") == "parked"
    (item,) = await gateway.rows("SELECT outcome, reason, advice FROM delivery_item")
    assert item["outcome"] == "parked"
    assert item["reason"]
    assert item["advice"]


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE z [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%b">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9))
    + b']><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">&j;</soapenv:Envelope>'
)
OUTSIDE = b'<!DOCTYPE z SYSTEM "file:///etc/passwd"><z/>'
DEEP = b"<a>" * 5000 + b"</a>" * 5000


@pytest.mark.parametrize("body", [BOMB, OUTSIDE, DEEP], ids=["entity bomb", "external document type", "deep nesting"])
async def test_hostile_xml_is_parked_and_does_no_harm(gateway: Gateway, body: bytes) -> None:
    connection = gateway.connection("salesforce")
    started = clock.monotonic()
    answer = await gateway.send(Request("POST", connection.url, {"Content-Type": "text/xml"}, body))
    assert answer.status_code == 200
    assert "<Ack>true</Ack>" in answer.text
    await gateway.understand()
    assert clock.monotonic() - started < 2
    assert await gateway.value("SELECT state FROM delivery") == "parked"
