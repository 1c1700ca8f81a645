"""A webhook's way through the gateway: stored, understood, applied, and out as a canonical change."""

import httpx
import orjson
import pytest

from libs.common.ids import entity_id
from simulator import senders
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.records import DEAL_IDS, LEAD_IDS, deal, lead

pytestmark = pytest.mark.asyncio

FULL = ("salesforce", "pipedrive", "standard")


async def _events(gateway: Gateway) -> list[dict[str, object]]:
    rows = await gateway.rows("SELECT type, key, aggregate_version, data, attributes FROM outbox ORDER BY position")
    return [row | {"data": orjson.loads(row["data"])} for row in rows]


@pytest.mark.parametrize("provider", FULL)
async def test_a_signed_deal_webhook_becomes_one_canonical_deal(gateway: Gateway, provider: str) -> None:
    connection = gateway.connection(provider)
    answer = await gateway.send(senders.deal_request(connection, deal(provider)))
    assert answer.status_code == 200
    await gateway.understand()
    (event,) = await _events(gateway)
    data = event["data"]
    assert event["type"] == "crm.deal.changed.v1"
    assert event["key"] == entity_id(connection.key, "deal", DEAL_IDS[provider])
    assert data["amount"] == "1234.50"
    assert data["currency"] == "EUR"
    assert data["stage"] == "Propose"
    assert data["state"] == "open"
    assert data["stage_probability"] == "0.50"
    assert data["category"] == "commit"
    assert data["mapped_category"] == "best_case"
    assert data["close_date"] == "2026-12-18"
    assert data["region"] == "EMEA"
    assert data["deal_type"] == "new"
    assert data["value_basis"] == "tcv"
    assert data["term_months"] == 12
    assert data["lead_id"] == str(entity_id(connection.key, "lead", LEAD_IDS[provider]))
    assert data["name"] == "Ovens for Bakery & Söhne"
    assert await gateway.value("SELECT state FROM delivery") == "processed"
    assert await gateway.value("SELECT outcome FROM delivery_item") == "applied"


@pytest.mark.parametrize("provider", FULL)
async def test_a_lead_leaves_its_person_behind(gateway: Gateway, provider: str) -> None:
    connection = gateway.connection(provider)
    await gateway.send(senders.lead_request(connection, lead(provider)))
    if provider == "pipedrive":
        await gateway.send(senders.person_request(connection, lead(provider)))
    await gateway.understand()
    (event,) = await _events(gateway)
    data = event["data"]
    assert data["status"] == "working"
    assert data["company"] == "Bakery & Söhne"
    (person,) = await gateway.rows("SELECT id, name, email, phone FROM person")
    assert (person["name"], person["email"]) == ("Ada Brandt", "ada@example.com")
    assert data["person_id"] == str(person["id"])
    for row in await gateway.rows("SELECT record::text AS record, canonical::text AS canonical FROM source_record"):
        for private in ("Ada", "Brandt", "ada@example.com", "+49 30 1234"):
            assert private not in str(row)
    assert "Ada" not in str(data)


@pytest.mark.parametrize("provider", FULL)
async def test_a_redelivered_webhook_is_a_duplicate(gateway: Gateway, provider: str) -> None:
    request = senders.deal_request(gateway.connection(provider), deal(provider))
    for _ in range(3):
        assert (await gateway.send(request)).status_code == 200
    await gateway.understand()
    outcomes = await gateway.rows("SELECT outcome FROM delivery_item ORDER BY delivery_id")
    assert [row["outcome"] for row in outcomes] == ["applied", "duplicate", "duplicate"]
    assert len(await _events(gateway)) == 1


async def test_salesforce_gets_its_acknowledgement(gateway: Gateway) -> None:
    answer = await gateway.send(senders.deal_request(gateway.connection("salesforce"), deal("salesforce")))
    assert "<Ack>true</Ack>" in answer.text
    assert answer.headers["content-type"].startswith("text/xml")


class _Down(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)


async def test_a_crm_that_does_not_answer_leaves_the_change_pending(gateway: Gateway) -> None:
    gateway.crm = _Down()
    await gateway.send(senders.deal_request(gateway.connection("hubspot"), deal("hubspot")))
    await gateway.understand()
    assert await gateway.fetch() == 1
    assert await gateway.value("SELECT state FROM delivery") == "pending"
    assert "ConnectError" in await gateway.value("SELECT last_error FROM fetch_signal")
    assert await _events(gateway) == []
