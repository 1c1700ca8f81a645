"""Group commit: what waits together is stored together, and nobody is told of a success that did not happen."""

import asyncio

import pytest
from sqlalchemy import text

from gateway.config import Settings
from gateway.webhooks.intake import Arrival, Intake, NotStored, Overloaded
from libs.common import clock
from libs.common.ids import new_id
from tests.integration.gateway.conftest import Gateway

pytestmark = pytest.mark.asyncio


def _intake(gateway: Gateway, **settings: object) -> Intake:
    changed = gateway.runtime.settings.model_copy(update=settings)
    assert isinstance(changed, Settings)
    return Intake(gateway.runtime.database, changed, lambda: None)


def _arrival(intake: Intake, connection: str = "std", body: bytes = b"{}") -> Arrival:
    return intake.new(new_id(), connection=connection, received_at=clock.now(), headers={}, body=body, traceparent=None)


async def _stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _committed_together(gateway: Gateway) -> list[int]:
    """How many deliveries each storing transaction brought."""
    rows = await gateway.rows("SELECT count(*) AS n FROM delivery GROUP BY xmin::text ORDER BY n")
    return [row["n"] for row in rows]


async def test_deliveries_that_wait_together_share_a_commit(gateway: Gateway) -> None:
    intake = _intake(gateway, webhook_flush_rows=40)
    waiting = [asyncio.create_task(intake.store(_arrival(intake))) for _ in range(100)]
    await asyncio.sleep(0)
    running = asyncio.create_task(intake.run())
    await asyncio.gather(*waiting)
    await _stopped(running)
    assert await _committed_together(gateway) == [20, 40, 40]


async def test_a_commit_holds_no_more_bytes_than_allowed(gateway: Gateway) -> None:
    intake = _intake(gateway, webhook_flush_bytes=1000)
    waiting = [asyncio.create_task(intake.store(_arrival(intake, body=b"x" * 600))) for _ in range(3)]
    await asyncio.sleep(0)
    running = asyncio.create_task(intake.run())
    await asyncio.gather(*waiting)
    await _stopped(running)
    assert await _committed_together(gateway) == [1, 1, 1]


async def test_one_delivery_that_cannot_be_stored_does_not_take_its_neighbours_along(gateway: Gateway) -> None:
    intake = _intake(gateway)
    names = ["std", "no-such-connection", "std"]
    waiting = [asyncio.create_task(intake.store(_arrival(intake, name))) for name in names]
    await asyncio.sleep(0)
    running = asyncio.create_task(intake.run())
    first, bad, last = await asyncio.gather(*waiting, return_exceptions=True)
    await _stopped(running)
    assert (first, last) == (None, None)
    assert isinstance(bad, NotStored)
    assert await gateway.value("SELECT count(*) FROM delivery") == 2


async def test_a_full_queue_refuses_at_once(gateway: Gateway) -> None:
    intake = _intake(gateway, webhook_queue=2, webhook_store_timeout_s=0.2)
    waiting = [asyncio.create_task(intake.store(_arrival(intake))) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await intake.store(_arrival(intake))
    assert all(isinstance(each, NotStored) for each in await asyncio.gather(*waiting, return_exceptions=True))


async def test_a_commit_of_unknown_fate_is_no_success(gateway: Gateway) -> None:
    """The table is locked for longer than a CRM waits: the CRM is told to come again."""
    intake = _intake(gateway, webhook_store_timeout_s=0.3)
    running = asyncio.create_task(intake.run())
    async with gateway.runtime.database.transaction() as session:
        await session.execute(text("LOCK TABLE delivery IN SHARE MODE"))
        with pytest.raises(NotStored):
            await intake.store(_arrival(intake))
    await _stopped(running)
