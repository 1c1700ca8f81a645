"""What waits is measured from the database, also by one that can reach no broker; and only by the one that leads."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from libs.common import scheduler
from libs.common.db import Database
from libs.common.events.pricing import QuoteCreated
from libs.common.ids import new_id
from libs.common.messaging import backlog, cursor
from libs.common.messaging.cursor import Cursor
from libs.common.observe import metrics
from libs.common.runtime import Job, Runtime
from services.forecast.component import COMPONENT as FORECAST
from services.pricing.component import COMPONENT as PRICING

DatabaseFor = Callable[[str], Database]


@pytest.fixture(autouse=True)
async def nothing_measured_before() -> AsyncIterator[None]:
    metrics.forget_measured()
    yield
    metrics.forget_measured()


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


async def measure(database: Database, component: Any) -> None:
    async with database.reading() as session:
        await backlog.measure(session, component)


async def commit_events(database: Database, count: int) -> None:
    """So many rows of the outbox, each of its own transaction and as old as its number in minutes."""
    for minutes in range(count, 0, -1):
        async with database.transaction() as session:
            await session.execute(
                text(
                    """
                    INSERT INTO outbox (id, topic, key, type, subject, occurred_at, recorded_at, aggregate_version, attributes, data)
                    VALUES (:id, 'pricing-events', :id, :type, '', now(), now() - make_interval(mins => :minutes), 1, '{}', '')
                    """
                ),
                {"id": new_id(), "type": QuoteCreated.TYPE, "minutes": minutes},
            )


async def test_events_that_nobody_sends_are_counted_and_grow_old(database_for: DatabaseFor) -> None:
    database = database_for("pricing")
    await measure(database, PRICING)
    assert value("outbox_unpublished_events") == 0
    assert value("outbox_oldest_unpublished_age_seconds") == 0

    await commit_events(database, 3)
    await measure(database, PRICING)

    assert value("outbox_unpublished_events") == 3
    assert value("outbox_oldest_unpublished_age_seconds") == pytest.approx(180, abs=10)


async def test_what_the_relay_has_sent_waits_no_more_and_what_comes_after_does(database_for: DatabaseFor) -> None:
    database = database_for("pricing")
    await commit_events(database, 3)
    async with database.direct() as connection:
        rows = (
            await connection.execute(text("SELECT position, txid::text::bigint AS txid FROM outbox ORDER BY 1"))
        ).all()
        stored = await cursor.load(connection)
        inside = Cursor(stored.system_identifier, 0, rows[2].txid, rows[0].position, "log:0", "cluster", {})
        await cursor.store(connection, stored, inside)
        await measure(database, PRICING)
        assert value("outbox_unpublished_events") == 2, "one of the window and the one behind it"
        await cursor.store(connection, inside, inside.opened(rows[2].txid + 1).opened(rows[2].txid + 1))
    await measure(database, PRICING)
    assert value("outbox_unpublished_events") == 0

    await commit_events(database, 1)
    await measure(database, PRICING)

    assert value("outbox_unpublished_events") == 1
    assert value("outbox_oldest_unpublished_age_seconds") == pytest.approx(60, abs=10)


async def test_a_topic_of_which_nothing_is_heard_grows_old(database_for: DatabaseFor) -> None:
    database = database_for("forecast")
    await measure(database, FORECAST)
    assert value("consumer_applied_age_seconds", topic="deal-events") is None, "nothing was ever heard: unknown"

    async with database.transaction() as session:
        await session.execute(
            text(
                """
                INSERT INTO consumer_position (topic, partition, cluster, log, next_offset, recorded_to)
                SELECT 'deal-events', n, '', '', 0, now() - make_interval(secs => 30 * n) FROM generate_series(0, 5) AS n
                """
            )
        )
    await measure(database, FORECAST)

    assert value("consumer_applied_age_seconds", topic="deal-events") == pytest.approx(150, abs=10)


async def test_dead_letters_are_counted_until_somebody_has_dealt_with_them(database_for: DatabaseFor) -> None:
    database = database_for("forecast")
    await measure(database, FORECAST)
    assert value("dead_letters_open_events", topic="deal-events") == 0
    async with database.transaction() as session:
        await session.execute(
            text(
                """
                INSERT INTO dead_letter (event_id, topic, partition, "offset", type, headers, data, reason)
                VALUES (:id, 'deal-events', 0, 1, 'deals.deal.opened.v1', '{}', '', 'it has no stage')
                """
            ),
            {"id": new_id()},
        )
    await measure(database, FORECAST)
    assert value("dead_letters_open_events", topic="deal-events") == 1

    async with database.transaction() as session:
        await session.execute(text("UPDATE dead_letter SET state = 'discarded'"))
    await measure(database, FORECAST)

    assert value("dead_letters_open_events", topic="deal-events") == 0


async def test_one_that_leads_no_more_tells_no_old_value(database_for: DatabaseFor) -> None:
    database = database_for("pricing")
    runtime = Runtime(PRICING, None, database)
    measured = asyncio.Event()

    async def measure_and_tell(given: Runtime) -> None:
        await backlog.MEASURE.run(given)
        measured.set()

    running = asyncio.create_task(scheduler.run(runtime, [Job("measure", 0.05, measure_and_tell)]))
    await asyncio.wait_for(measured.wait(), 10)
    assert value("outbox_unpublished_events") == 0
    assert value("job_runs_total", task="measure", result="failed") == 0, "known before the first failure"

    async with database.direct() as other:
        await other.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
        )
        await other.execute(text("SELECT pg_advisory_lock(:key)"), {"key": scheduler.LOCK})
        deadline = asyncio.get_running_loop().time() + 20
        while not math.isnan(value("outbox_unpublished_events") or 0.0):
            assert asyncio.get_running_loop().time() < deadline, "it still tells what it measured when it led"
            await asyncio.sleep(0.05)

    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
