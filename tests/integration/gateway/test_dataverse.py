"""Dataverse: a signal is fetched back by the Web API, with a token of the environment's own."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import httpx
import orjson
import pytest
import pytest_asyncio

from gateway.connectors.dataverse import client
from libs.common.ids import entity_id
from simulator.senders import Request
from tests.integration.gateway.conftest import Gateway

pytestmark = pytest.mark.asyncio

DEAL, MASTER, OWNER = (f"{n}a0c1d2e-1111-2222-3333-444455556666" for n in (1, 2, 3))
BASE = "https://org.example"


class Environment(httpx.AsyncBaseTransport):
    """The Web API and the login in front of it."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.token = "token-1"
        self.logins: list[dict[str, list[str]]] = []
        self.asked: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        if request.url.host == "login.microsoftonline.com":
            self.logins.append(parse_qs(request.content.decode()))
            return httpx.Response(200, json={"access_token": self.token, "expires_in": 3599})
        self.asked.append(request)
        if request.headers["authorization"] != f"Bearer {self.token}":
            return httpx.Response(401)
        rows = self.rows.get(request.url.path.rpartition("/")[2], [])
        wanted = request.url.params["$filter"]
        return httpx.Response(200, json={"value": [row for row in rows if next(iter(row.values())) in wanted]})

    def has(self, **changes: Any) -> None:
        row = {
            "opportunityid": DEAL,
            "@odata.etag": 'W/"1"',
            "name": "Ovens",
            "estimatedvalue": 1234.5,
            "actualvalue": None,
            "transactioncurrencyid": {"isocurrencycode": "EUR"},
            "estimatedclosedate": "2026-12-18",
            "actualclosedate": None,
            "statecode": 0,
            "statuscode": 1,
            "statuscode@OData.Community.Display.V1.FormattedValue": "In Progress",
            "stepname": "3-Propose",
            "closeprobability": 60,
            "_ownerid_value": OWNER,
            "createdon": "2026-01-02T03:04:05Z",
            "modifiedon": "2026-03-01T12:00:00Z",
        }
        self.rows["opportunities"] = [row | changes]


@pytest_asyncio.fixture
async def environment(gateway: Gateway) -> Environment:
    client._tokens.clear()
    made = gateway.crm = Environment()
    await gateway.put_connection(
        {
            "key": "dv",
            "provider": "dataverse",
            "name": "Dataverse",
            "secrets": {"webhook_key": "k&y", "client_secret": "shh"},
            "settings": {"api_base": BASE, "tenant_id": "t1", "client_id": "c1"},
        }
    )
    return made


def _request(number: int, key: str = "k%26y", **changes: Any) -> Request:
    context = {
        "MessageName": "Update",
        "PrimaryEntityName": "opportunity",
        "PrimaryEntityId": DEAL,
        "OrganizationId": OWNER,
        "OperationId": f"{number:08d}-1111-2222-3333-444455556666",
        "OperationCreatedOn": f"/Date({int(datetime(2026, 3, 1, 12, 0, number, tzinfo=UTC).timestamp() * 1000)})/",
    }
    url = f"http://testserver/webhooks/dv?code={key}"
    return Request("POST", url, {"Content-Type": "application/json"}, orjson.dumps(context | changes))


async def _settle(gateway: Gateway) -> list[dict[str, Any]]:
    await gateway.understand()
    while await gateway.fetch():
        pass
    return [orjson.loads(row["data"]) for row in await gateway.rows("SELECT data FROM outbox ORDER BY position")]


async def test_a_changed_opportunity_is_fetched_and_told(gateway: Gateway, environment: Environment) -> None:
    environment.has()
    for _ in range(2):
        assert (await gateway.send(_request(1))).status_code == 200
    (deal,) = await _settle(gateway)
    assert (deal["amount"], deal["currency"], deal["close_date"]) == ("1234.50", "EUR", "2026-12-18")
    assert (deal["stage"], deal["state"], deal["category"]) == ("3-Propose", "open", "best_case")
    assert deal["owner_id"] == str(entity_id("dv", "user", OWNER))
    outcomes = await gateway.rows("SELECT outcome FROM delivery_item ORDER BY 1")
    assert [row["outcome"] for row in outcomes] == ["applied", "duplicate"]
    (login,) = environment.logins
    assert (login["client_id"], login["client_secret"], login["scope"]) == (["c1"], ["shh"], [f"{BASE}/.default"])
    (asked,) = environment.asked
    assert "transactioncurrencyid" not in asked.url.params["$select"].split(",")
    assert {"modifiedon", "opportunityid", "stepname"} <= set(asked.url.params["$select"].split(","))


async def test_a_won_opportunity_counts_what_it_brought(gateway: Gateway, environment: Environment) -> None:
    environment.has(statecode=1, statuscode=3, actualvalue=1000, actualclosedate="2026-02-28")
    await gateway.send(_request(1, MessageName="Win"))
    (deal,) = await _settle(gateway)
    assert (deal["state"], deal["stage"], deal["amount"], deal["closed_on"]) == ("won", "Won", "1000.00", "2026-02-28")


async def test_a_lost_opportunity_says_why(gateway: Gateway, environment: Environment) -> None:
    named = {"statuscode@OData.Community.Display.V1.FormattedValue": "Out-Sold"}
    environment.has(statecode=2, statuscode=5, actualclosedate="2026-02-28", **named)
    await gateway.send(_request(1, MessageName="Lose"))
    (deal,) = await _settle(gateway)
    assert (deal["state"], deal["loss_reason"]) == ("lost", "Out-Sold")


async def test_a_deletion_stands_although_the_row_cannot_be_fetched(gateway: Gateway, environment: Environment) -> None:
    environment.has()
    await gateway.send(_request(1))
    await _settle(gateway)
    await gateway.send(_request(2, MessageName="Delete"))
    assert [deal["deleted"] for deal in await _settle(gateway)] == [False, True]


async def test_a_merged_account_points_to_its_master(gateway: Gateway, environment: Environment) -> None:
    row = {"accountid": DEAL, "name": "Old", "modifiedon": "2026-03-01T12:00:00Z"}
    environment.rows["accounts"] = [row | {"merged": True, "_masterid_value": MASTER}]
    await gateway.send(_request(1, PrimaryEntityName="account"))
    (account,) = await _settle(gateway)
    assert (account["deleted"], account["merged_into"]) == (True, str(entity_id("dv", "account", MASTER)))


async def test_a_token_that_is_taken_no_longer_is_renewed_once(gateway: Gateway, environment: Environment) -> None:
    environment.has()
    await gateway.send(_request(1))
    await _settle(gateway)
    environment.token = "token-2"
    environment.has(name="Bigger ovens", modifiedon="2026-03-01T12:00:09Z")
    await gateway.send(_request(2))
    assert [deal["name"] for deal in await _settle(gateway)] == ["Ovens", "Bigger ovens"]
    assert len(environment.logins) == 2


async def test_a_wrong_key_is_refused_and_nothing_is_stored(gateway: Gateway, environment: Environment) -> None:
    assert (await gateway.send(_request(1, key="other"))).status_code == 401
    assert await gateway.value("SELECT count(*) FROM delivery") == 0
    assert environment.asked == []
