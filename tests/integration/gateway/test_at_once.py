"""While few deliveries arrive they are understood in the transaction that stores them, and stored whatever becomes of that."""

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.config import Settings
from gateway.webhooks.intake import Arrival, Intake, Understand
from gateway.webhooks.routes import intake_of
from libs.common import clock
from libs.common.ids import new_id
from simulator import senders
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.records import deal

pytestmark = pytest.mark.asyncio


async def _store(gateway: Gateway, count: int, understand: Understand | None = None, **settings: object) -> int:
    """Store so many deliveries that wait at the same time; how often the worker was told."""
    told: list[None] = []
    changed = gateway.runtime.settings.model_copy(update={"understand_at_once": 20, **settings})
    assert isinstance(changed, Settings)
    if understand is None:
        gateway.runtime.state.pop("intake", None)
        runtime, kept = gateway.runtime, gateway.runtime.settings
        runtime.settings = changed
        intake = intake_of(runtime)
        runtime.settings = kept
        intake._arrived = lambda: told.append(None)
    else:
        intake = Intake(gateway.runtime.database, changed, lambda: told.append(None), understand)
    arrivals = [_arrival(gateway, intake) for _ in range(count)]
    stored = [asyncio.create_task(intake.store(each)) for each in arrivals]
    await asyncio.sleep(0)
    task = asyncio.create_task(intake.run())
    await asyncio.gather(*stored)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return len(told)


def _arrival(gateway: Gateway, intake: Intake) -> Arrival:
    request = senders.deal_request(gateway.connection("standard"), deal("standard"))
    headers = {"webhook-id": request.headers["webhook-id"]}
    return intake.new(
        new_id(), connection="std", received_at=clock.now(), headers=headers, body=request.body, traceparent=None
    )


async def test_a_delivery_is_understood_when_its_sender_has_the_answer(gateway: Gateway) -> None:
    assert await _store(gateway, 2) == 0
    rows = await gateway.rows("SELECT state FROM delivery")
    assert [row["state"] for row in rows] == ["processed", "processed"]
    assert await gateway.value("SELECT count(*) FROM outbox") == 1
    assert await gateway.value("SELECT count(*) FROM delivery_item WHERE outcome = 'duplicate'") == 1


async def test_in_a_burst_deliveries_are_only_stored_and_left_to_the_worker(gateway: Gateway) -> None:
    assert await _store(gateway, 3, understand_at_once=2) == 1
    assert await gateway.value("SELECT count(*) FROM delivery WHERE state = 'accepted'") == 3


@pytest.mark.parametrize("break_it", ["in Python", "in the database"])
async def test_what_cannot_be_understood_at_once_is_stored_and_left_to_the_worker(
    gateway: Gateway, break_it: str
) -> None:
    async def understand(session: AsyncSession, deliveries: Sequence[UUID]) -> Callable[[], None]:
        assert deliveries
        if break_it == "in Python":
            raise KeyError("amount")
        await session.execute(text("SELECT 1 / 0"))
        raise AssertionError

    assert await _store(gateway, 2, understand) == 1
    assert await gateway.value("SELECT count(*) FROM delivery WHERE state = 'accepted'") == 2
