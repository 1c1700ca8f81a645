"""A sample is a delivery like any other: through the connection's own door, signed with its own secrets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeVar

import pytest

from gateway.samples.cli import became, send
from gateway.samples.service import NoSample, NotAnId, UnknownConnection
from libs.common.ids import entity_id
from simulator.fakecrm.state import CrmState
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.records import deal

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
    async with gateway.runtime.database.transaction() as session:
        await (await session.connection()).exec_driver_sql(
            "UPDATE connection SET provider = 'generic' WHERE key = 'std'"
        )
    with pytest.raises(NoSample, match="No sample ships for generic"):
        await _send(gateway, "std")
