"""Edits whose writing meets trouble: lost answers, busy CRMs, values that are not kept, versions that move."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import orjson
import pytest
import pytest_asyncio

from gateway.writeback import repository
from simulator.fakecrm.state import CrmState
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.records import DEAL_IDS, deal
from tests.integration.gateway.test_dataverse import (
    DEAL,
    Environment,
    environment,  # noqa: F401 - a fixture
)
from tests.integration.gateway.writing import every_crm, key_of, opt_in, told, want, wanted, write


@pytest_asyncio.fixture
async def opted_in(gateway: Gateway, crm: CrmState) -> CrmState:
    await opt_in(gateway)
    return crm


class _Through(httpx.AsyncBaseTransport):
    """Lets `act` change what comes back of a change, after the CRM has made it."""

    def __init__(self, inner: httpx.AsyncBaseTransport, act: Callable[[int, httpx.Response], httpx.Response]) -> None:
        self.inner, self.act, self.changes = inner, act, 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        if request.method != "PATCH":
            return response
        await response.aread()
        self.changes += 1
        return self.act(self.changes, response)


@every_crm
async def test_an_answer_that_was_lost_after_the_crm_took_the_value_is_healed_by_reading_back(
    provider: Any, gateway: Gateway, opted_in: CrmState
):
    opted_in.put_deal(provider, deal(provider))
    await want(gateway, wanted(key_of(provider), DEAL_IDS[provider], "amount", "2000.00", "1234.50"))
    assert gateway.crm is not None

    def lost(number: int, response: httpx.Response) -> httpx.Response:
        raise httpx.ReadTimeout("the connection was cut")

    cut = _Through(gateway.crm, lost)
    await write(gateway, cut)
    assert await told(gateway) == [], "nobody knows yet whether it was taken"
    assert await gateway.value("SELECT state FROM write_back") == "due"
    await write(gateway, cut)

    (answer,) = await told(gateway)
    assert (answer["outcome"], cut.changes) == ("taken", 1), "it is not sent a second time"


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_crm_is_asked_again_when_it_wishes(status: int, gateway: Gateway, opted_in: CrmState):
    opted_in.put_deal("hubspot", deal("hubspot"))
    await want(gateway, wanted("hub", DEAL_IDS["hubspot"], "next_step", "Call", None))
    assert gateway.crm is not None
    original = opted_in.deal("hubspot", DEAL_IDS["hubspot"])
    assert original is not None

    def busy(number: int, response: httpx.Response) -> httpx.Response:
        if number == 1:
            opted_in.put_deal("hubspot", original)  # a CRM that is busy has changed nothing
            return httpx.Response(status, headers={"retry-after": "30"})
        return response

    through = _Through(gateway.crm, busy)
    await write(gateway, through)
    assert await told(gateway) == []
    assert await gateway.value("SELECT due_at > now() + interval '20 seconds' FROM write_back") is True
    assert await write(gateway, through, now=False) == 0, "not before the time that it named"
    await write(gateway, through)
    assert [each["outcome"] for each in await told(gateway)] == ["taken"]


async def test_a_value_that_the_crm_takes_and_does_not_keep_is_told_after_a_few_tries(
    gateway: Gateway, opted_in: CrmState
):
    original = deal("hubspot")
    opted_in.put_deal("hubspot", original)
    await want(gateway, wanted("hub", DEAL_IDS["hubspot"], "next_step", "Call", None))
    assert gateway.crm is not None

    def undone(number: int, response: httpx.Response) -> httpx.Response:
        opted_in.put_deal("hubspot", original)
        return response

    for _ in range(7):
        await write(gateway, _Through(gateway.crm, undone))

    (answer,) = await told(gateway)
    assert (answer["outcome"], answer["reason"]) == ("refused", "The CRM takes the value and does not keep it.")


class _Changeable(Environment):
    """The Web API takes changes of the version that is named, and of no other."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "PATCH":
            return await super().handle_async_request(request)
        await request.aread()
        (row,) = self.rows["opportunities"]
        assert request.url.path.endswith(f"/opportunities({DEAL})")
        if request.headers["if-match"] != row["@odata.etag"]:
            return httpx.Response(412, json={"error": {"code": "0x1", "message": "The version does not match."}})
        values = orjson.loads(request.content)
        if values.get("estimatedvalue", 0) > 10**6:
            return httpx.Response(400, json={"error": {"code": "0x2", "message": "A validation error occurred."}})
        row.update(values | {"@odata.etag": 'W/"2"', "modifiedon": "2026-03-01T13:00:00Z"})
        return httpx.Response(204)


@pytest.mark.usefixtures("environment")
async def test_dataverse_changes_the_version_that_was_read_and_no_other(gateway: Gateway):
    crm = _Changeable()
    crm.has()
    gateway.crm = crm
    document = {
        "key": "dv",
        "provider": "dataverse",
        "name": "Dataverse",
        "settings": {
            "api_base": "https://org.example",
            "tenant_id": "t1",
            "client_id": "c1",
            "write_back": {"amount": "estimatedvalue", "close_date": "estimatedclosedate"},
        },
    }
    await gateway.put_connection(document)
    await want(
        gateway,
        wanted("dv", DEAL, "amount", "2000.10", "1234.50"),
        wanted("dv", DEAL, "close_date", "2027-01-31", "2026-12-18"),
    )
    await write(gateway)
    (row,) = crm.rows["opportunities"]
    assert (row["estimatedvalue"], row["estimatedclosedate"]) == (2000.1, "2027-01-31")
    assert {each["outcome"] for each in await told(gateway)} == {"taken"}
    await want(gateway, wanted("dv", DEAL, "amount", "3000000.00", "2000.10"))
    await write(gateway)
    assert (await told(gateway))[-1]["reason"] == "A validation error occurred."


@pytest.mark.usefixtures("environment")
async def test_a_version_that_moved_between_reading_and_writing_is_read_again(gateway: Gateway):
    crm = _Changeable()
    crm.has()
    document = {
        "key": "dv", "provider": "dataverse", "name": "Dataverse",
        "settings": {"api_base": "https://org.example", "tenant_id": "t1", "client_id": "c1",
                     "write_back": {"amount": "estimatedvalue"}},
    }  # fmt: skip
    await gateway.put_connection(document)
    await want(gateway, wanted("dv", DEAL, "amount", "2000.00", "1234.50"))

    class Meanwhile(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "PATCH":
                crm.has(**{"@odata.etag": 'W/"7"', "estimatedvalue": 777.0})
            return await crm.handle_async_request(request)

    await write(gateway, Meanwhile())
    assert await told(gateway) == []
    await write(gateway, crm)

    (answer,) = await told(gateway)
    assert (answer["outcome"], answer["crm_value"]) == ("conflict", "777.00")


async def test_salesforce_changes_nothing_that_somebody_changed_between_reading_and_writing(
    gateway: Gateway, opted_in: CrmState
):
    record = deal("salesforce")
    opted_in.put_deal("salesforce", record)
    assert gateway.crm is not None
    crm = gateway.crm

    class Meanwhile(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "PATCH":
                at = record.changed_at + timedelta(seconds=1)
                opted_in.put_deal("salesforce", replace(record, amount=Decimal(777), changed_at=at))
            return await crm.handle_async_request(request)

    await want(gateway, wanted("sf", DEAL_IDS["salesforce"], "amount", "2000.00", "1234.50"))
    await write(gateway, Meanwhile())
    assert await told(gateway) == [], "read again before anything is decided"
    await write(gateway)

    (answer,) = await told(gateway)
    assert (answer["outcome"], answer["crm_value"]) == ("conflict", "777.00")


async def test_whoever_begins_to_lead_gets_at_once_what_was_begun_and_not_what_a_crm_asked_to_wait_for(
    gateway: Gateway, opted_in: CrmState
):
    opted_in.put_deal("hubspot", deal("hubspot"))
    await want(gateway, wanted("hub", DEAL_IDS["hubspot"], "next_step", "Call", None))
    database = gateway.runtime.database

    async def taken() -> int:
        async with database.transaction() as session:
            return len(await repository.lease(session, limit=10, lease_s=3000))

    async def led_anew() -> None:
        async with database.transaction() as session:
            await repository.release(session)

    assert (await taken(), await taken()) == (1, 0), "nobody else gets it while somebody writes it"
    await led_anew()
    assert await taken() == 1, "whoever had it has ended"
    edit = await gateway.value("SELECT edit_id FROM write_back")
    async with database.transaction() as session:
        await repository.postpone(session, [{"edit_id": edit, "delay_s": 30.0, "reason": "busy", "sends": 0}])
    await led_anew()
    assert await taken() == 0
