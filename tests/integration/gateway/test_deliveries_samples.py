"""A sample is a delivery like any other: through the connection's own door, signed with its own secrets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeVar

import pytest

from gateway.connectors.generic import catalogue
from gateway.samples.cli import became, send
from gateway.samples.service import NoSample, NotAnId, UnknownConnection
from libs.common.ids import entity_id
from simulator.fakecrm.state import CrmState
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.records import DEAL_IDS, deal
from tests.unit.gateway.connectors.generic.shipped import filled

pytestmark = pytest.mark.asyncio

T = TypeVar("T")


@asynccontextmanager
async def working(gateway: Gateway) -> AsyncIterator[None]:
    """The gateway's workers run meanwhile."""

    async def work() -> None:
        while True:
            await gateway.understand()
            if gateway.crm is not None:
                await gateway.fetch()
            await asyncio.sleep(0.02)

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _send(gateway: Gateway, key: str, kind: Literal["deal", "lead"] = "deal", **how: Any) -> Any:
    settings: Any = gateway.runtime.settings
    sending: Awaitable[Any] = send(gateway.runtime.database, settings, gateway.client, key, kind, **how)
    async with working(gateway):
        return await sending


@pytest.mark.parametrize("kind", ["deal", "lead"])
@pytest.mark.parametrize("key", ["std", "sf", "pipe"])
async def test_a_sample_is_taken_and_applied(gateway: Gateway, key: str, kind: Literal["deal", "lead"]) -> None:
    status, found = await _send(gateway, key, kind)

    assert (status, found.state) == (200, "processed"), became(found)
    assert [(item.object_type, item.outcome) for item in found.items] == [(kind, "applied")]
    assert became(found)[0] == f"delivery {found.id} is processed"


async def test_a_sample_of_hubspot_tells_of_a_record_that_it_has(gateway: Gateway, crm: CrmState) -> None:
    crm.put_deal("hubspot", deal("hubspot"))

    status, found = await _send(gateway, "hub", external_id="9001")

    assert (status, found.state) == (200, "processed"), became(found)
    assert found.items[0].entity_id == entity_id("hub", "deal", "9001")


async def test_a_sample_that_is_parked_says_why_and_what_to_do(gateway: Gateway, crm: CrmState) -> None:
    status, found = await _send(gateway, "hub")

    assert (status, found.state) == (200, "parked")
    said = became(found)
    assert "the CRM knows no deal 1" in said[1]
    assert "token" in said[2]


async def test_a_sample_that_is_refused_was_not_stored(gateway: Gateway) -> None:
    settings: Any = gateway.runtime.settings
    other = settings.model_copy(update={"public_url": "http://testserver/elsewhere"})
    status, found = await send(gateway.runtime.database, other, gateway.client, "std", "deal", wait_s=0)

    assert status >= 400
    assert became(found) == ["it was not stored"]


async def test_what_no_sample_can_be_made_for_is_said_in_words(gateway: Gateway) -> None:
    with pytest.raises(UnknownConnection, match="There is no connection nobody"):
        await _send(gateway, "nobody")
    with pytest.raises(NotAnId, match="they are numbers"):
        await _send(gateway, "hub", external_id="A-1")
    with pytest.raises(NoSample, match="Change events are Salesforce's"):
        await _send(gateway, "std", change_event=True)
    await gateway.put_connection(filled("close").model_dump(mode="json") | {"key": "close-2"})
    with pytest.raises(NoSample, match="No sample of a lead ships for the document of close-2"):
        await _send(gateway, "close-2", "lead")


WHOLE = ("close", "frappe", "odoo", "standard-webhooks", "twenty")
SIGNALS = ("attio", "espocrm", "zoho")


async def test_every_shipped_document_has_a_sample() -> None:
    assert sorted((*WHOLE, *SIGNALS)) == catalogue.names()


async def _connect(gateway: Gateway, name: str) -> None:
    document = filled(name).model_dump(mode="json", exclude_defaults=True)
    document |= {"key": name, "provider": "generic", "secrets": filled(name).secrets}
    await gateway.put_connection(document)


@pytest.mark.parametrize("name", WHOLE)
async def test_a_sample_of_a_shipped_document_is_taken_and_applied(gateway: Gateway, name: str) -> None:
    await _connect(gateway, name)

    status, found = await _send(gateway, name)

    assert (status, found.state) == (200, "processed"), became(found)
    assert [(item.object_type, item.outcome) for item in found.items] == [("deal", "applied")]
    canonical = await gateway.value("SELECT canonical FROM source_record WHERE connection = :key", key=name)
    assert (canonical["amount"], canonical["state"]) == ("1000.00", "open")


@pytest.mark.parametrize("name", ["odoo", "standard-webhooks"])
async def test_a_sample_of_a_lead_is_taken_where_the_document_knows_leads(gateway: Gateway, name: str) -> None:
    await _connect(gateway, name)

    status, found = await _send(gateway, name, "lead")

    assert (status, found.state) == (200, "processed"), became(found)
    assert [(item.object_type, item.outcome) for item in found.items] == [("lead", "applied")]


@pytest.mark.parametrize("name", SIGNALS)
async def test_a_sample_of_a_thin_document_is_taken_and_asks_for_its_record(gateway: Gateway, name: str) -> None:
    await _connect(gateway, name)

    status, found = await _send(gateway, name, external_id="4711", wait_s=0.5)

    assert (status, found.state) == (200, "pending"), became(found)
    assert [(item.object_type, item.external_id) for item in found.items] == [("deal", "4711")]
    assert "filled" not in (found.body or ""), "a token in the body is not kept"


async def test_a_change_event_of_salesforce_brings_the_record_that_it_has(gateway: Gateway, crm: CrmState) -> None:
    crm.put_deal("salesforce", deal("salesforce"))

    status, found = await _send(gateway, "sf", external_id=DEAL_IDS["salesforce"], change_event=True)

    assert (status, found.state) == (200, "processed"), became(found)
    assert found.items[0].entity_id == entity_id("sf", "deal", DEAL_IDS["salesforce"])
