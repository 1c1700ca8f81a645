"""HubSpot only says that something changed; the record is asked back."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import httpx
import orjson
import pytest
from sqlalchemy import text

from gateway.connectors import repository, signals
from gateway.connectors.outcomes import Outcome
from gateway.connectors.signals import Due
from libs.common.ids import entity_id, new_id
from simulator import senders
from simulator.fakecrm.state import CrmState
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.records import deal, lead

pytestmark = pytest.mark.asyncio


async def _settle(gateway: Gateway) -> None:
    await gateway.understand()
    while await gateway.fetch():
        pass


async def _events(gateway: Gateway) -> list[dict[str, object]]:
    rows = await gateway.rows("SELECT data FROM outbox ORDER BY position")
    return [orjson.loads(row["data"]) for row in rows]


async def test_a_thin_deal_event_brings_the_whole_deal(gateway: Gateway, crm: CrmState) -> None:
    crm.put_deal("hubspot", deal("hubspot"))
    assert (await gateway.send(senders.deal_request(gateway.connection("hubspot"), deal("hubspot")))).status_code == 200
    await _settle(gateway)
    (event,) = await _events(gateway)
    assert event["amount"] == "1234.50"
    assert event["stage"] == "Propose"
    assert event["category"] == "commit"
    assert event["account_id"] == str(entity_id("hub", "account", "66"))
    assert event["owner_id"] == str(entity_id("hub", "user", "55"))
    assert event["close_date"] == "2026-12-18"
    assert await gateway.value("SELECT state FROM delivery") == "processed"
    assert await gateway.value("SELECT count(*) FROM fetch_signal") == 0
    outcomes = await gateway.rows("SELECT DISTINCT outcome FROM delivery_item")
    assert [row["outcome"] for row in outcomes] == ["applied"]


async def test_a_contact_in_the_lead_stage_is_a_lead_without_its_name(gateway: Gateway, crm: CrmState) -> None:
    crm.put_lead("hubspot", lead("hubspot"))
    await gateway.send(senders.lead_request(gateway.connection("hubspot"), lead("hubspot"), event="created"))
    await _settle(gateway)
    (event,) = await _events(gateway)
    assert event["lead_id"] == str(entity_id("hub", "lead", "4001"))
    assert (event["status"], event["employees"], event["amount"]) == ("working", 40, "900.00")
    (person,) = await gateway.rows("SELECT id, name, phone FROM person")
    assert (str(person["id"]), person["name"], person["phone"]) == (event["person_id"], "Ada Brandt", "+49 30 1234")
    stored = str(await gateway.rows("SELECT record, canonical FROM source_record"))
    assert "Ada" not in stored
    assert "ada@example.com" not in stored


async def test_a_deleted_deal_is_deleted_because_the_crm_says_archived(gateway: Gateway, crm: CrmState) -> None:
    gone = deal("hubspot", deleted=True)
    crm.put_deal("hubspot", gone)
    await gateway.send(senders.deal_request(gateway.connection("hubspot"), gone, event="deleted"))
    await _settle(gateway)
    (event,) = await _events(gateway)
    assert event["deleted"] is True


async def test_a_record_that_the_crm_does_not_know_is_parked_and_not_deleted(gateway: Gateway, crm: CrmState) -> None:
    await gateway.send(senders.deal_request(gateway.connection("hubspot"), deal("hubspot"), event="deleted"))
    await gateway.understand()
    for _ in range(5):
        async with gateway.runtime.database.transaction() as session:
            await (await session.connection()).exec_driver_sql("UPDATE fetch_signal SET due_at = now()")
        await gateway.fetch()
    assert await _events(gateway) == []
    (item,) = await gateway.rows("SELECT outcome, reason, advice FROM delivery_item")
    assert item["outcome"] == "parked"
    assert "neither live nor archived" in item["reason"]
    assert await gateway.value("SELECT count(*) FROM fetch_signal") == 0


async def test_a_restored_deal_stands_above_its_tombstone(gateway: Gateway, crm: CrmState) -> None:
    connection, before = gateway.connection("hubspot"), deal("hubspot")
    gone = deal("hubspot", deleted=True, changed_at=before.changed_at + timedelta(seconds=10))
    crm.put_deal("hubspot", gone)
    await gateway.send(senders.deal_request(connection, gone, event="deleted"))
    await _settle(gateway)
    back_at = before.changed_at + timedelta(seconds=20)
    crm.put_deal("hubspot", before)  # HubSpot keeps the old modification time
    restored = senders.deal_request(connection, deal("hubspot", changed_at=back_at), event="restored")
    await gateway.send(restored)
    await _settle(gateway)
    assert await gateway.value("SELECT deleted FROM source_record") is False
    assert [event["deleted"] for event in await _events(gateway)] == [True, False]


async def test_a_merged_deal_points_to_the_one_that_lives_on(gateway: Gateway, crm: CrmState) -> None:
    survivor = deal("hubspot", deal_id="9002")
    crm.put_deal("hubspot", survivor)
    request = senders.deal_request(
        gateway.connection("hubspot"), deal("hubspot"), event="merged", merged_into=survivor.deal_id
    )
    await gateway.send(request)
    await _settle(gateway)
    events = {event["external_id"]: event for event in await _events(gateway)}
    assert events["9001"]["deleted"] is True
    assert events["9001"]["merged_into"] == str(entity_id("hub", "deal", "9002"))
    assert events["9002"]["deleted"] is False


class _During(httpx.AsyncBaseTransport):
    """Does something once while the CRM is answering: after it has read, before the gateway has the answer."""

    def __init__(self, inner: httpx.AsyncBaseTransport, act: Callable[[], Awaitable[None]]) -> None:
        self.inner, self.act, self.done = inner, act, False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        await response.aread()
        if "batch/read" in request.url.path and "associations" not in request.url.path and not self.done:
            self.done = True
            await self.act()
        return response


async def test_a_signal_that_arrives_during_the_fetch_of_its_record_is_not_lost(
    gateway: Gateway, crm: CrmState
) -> None:
    connection, first = gateway.connection("hubspot"), deal("hubspot")
    second = deal("hubspot", changed_at=first.changed_at + timedelta(seconds=1), stage="Negotiate")

    async def change() -> None:
        crm.put_deal("hubspot", second)
        await gateway.send(senders.deal_request(connection, second))
        await gateway.understand()

    crm.put_deal("hubspot", first)
    assert gateway.crm is not None
    gateway.crm = _During(gateway.crm, change)
    await gateway.send(senders.deal_request(connection, first))
    await _settle(gateway)
    assert [event["stage"] for event in await _events(gateway)] == ["Propose", "Negotiate"]
    assert await gateway.value("SELECT count(*) FROM delivery WHERE state <> 'processed'") == 0


async def test_many_signals_of_one_deal_cost_one_fetch(gateway: Gateway, crm: CrmState) -> None:
    connection, record = gateway.connection("hubspot"), deal("hubspot")
    crm.put_deal("hubspot", deal("hubspot", changed_at=record.changed_at + timedelta(seconds=9)))
    for seconds in range(10):
        changed = deal("hubspot", changed_at=record.changed_at + timedelta(seconds=seconds))
        await gateway.send(senders.deal_request(connection, changed))
    await gateway.understand()
    assert await gateway.fetch() == 1
    assert len(await _events(gateway)) == 1
    assert await gateway.value("SELECT count(*) FROM delivery WHERE state = 'processed'") == 10


async def test_a_salesforce_message_without_a_version_time_is_fetched_by_query(gateway: Gateway, crm: CrmState) -> None:
    crm.put_deal("salesforce", deal("salesforce"))
    request = senders.deal_request(gateway.connection("salesforce"), deal("salesforce"))
    body = request.body
    for name in (b"SystemModstamp", b"LastModifiedDate"):
        start, end = body.index(b"<sf:" + name), body.index(b"</sf:" + name) + len(b"</sf:>") + len(name)
        body = body[:start] + body[end:]
    await gateway.send(senders.Request(request.method, request.url, request.headers, body))
    await _settle(gateway)
    (event,) = await _events(gateway)
    assert (event["amount"], event["stage"]) == ("1234.50", "Propose")


@pytest.mark.parametrize("stages", [("Propose", "Negotiate"), ("Negotiate", "Propose")])
async def test_of_two_answers_with_one_crm_time_the_later_stands(
    gateway: Gateway, crm: CrmState, stages: tuple[str, str]
) -> None:
    connection, first = gateway.connection("hubspot"), deal("hubspot", stage=stages[0])
    for record in (first, replace(first, stage=stages[1], name="renamed in the same millisecond")):
        crm.put_deal("hubspot", record)
        await gateway.send(senders.deal_request(connection, record))
        await _settle(gateway)
    assert await gateway.value("SELECT canonical->>'stage' FROM source_record") == stages[1]


async def test_an_answer_whose_lease_another_worker_took_is_not_applied(gateway: Gateway, crm: CrmState) -> None:
    connection, first = gateway.connection("hubspot"), deal("hubspot")
    second = deal("hubspot", changed_at=first.changed_at, stage="Negotiate")

    async def another_worker() -> None:
        crm.put_deal("hubspot", second)
        async with gateway.runtime.database.transaction() as session:
            await session.execute(text("UPDATE fetch_signal SET lease = nextval('fetch_signal_seq')"))

    crm.put_deal("hubspot", first)
    await gateway.send(senders.deal_request(connection, first))
    await gateway.understand()
    assert gateway.crm is not None
    gateway.crm = _During(gateway.crm, another_worker)
    await gateway.fetch()
    assert await _events(gateway) == []
    async with gateway.runtime.database.transaction() as session:
        await session.execute(text("UPDATE fetch_signal SET due_at = clock_timestamp()"))
    await gateway.fetch()
    assert [event["stage"] for event in await _events(gateway)] == ["Negotiate"]


async def _two_items_wait(gateway: Gateway) -> list[Due]:
    """One delivery of two signals, both leased."""
    async with gateway.runtime.database.transaction() as session:
        await session.execute(
            text(
                """
                WITH d AS (
                    INSERT INTO delivery (id, connection, received_at, headers, body_bytes, state, item_count)
                    VALUES (:id, 'hub', now(), '{}', 0, 'pending', 2) RETURNING id
                ), f AS (
                    INSERT INTO fetch_signal (connection, object_type, external_id, signalled_seq, received_at)
                    SELECT 'hub', 'deal', n::text, n, now() FROM generate_series(1, 2) n
                )
                INSERT INTO delivery_item (delivery_id, position, connection, received_at, object_type, external_id, outcome, signalled_seq)
                SELECT d.id, n, 'hub', now(), 'deal', n::text, 'pending', n FROM d, generate_series(1, 2) n
                """
            ),
            {"id": new_id()},
        )
    async with gateway.runtime.database.transaction() as session:
        return await signals.lease(session, limit=2, lease_s=60)


async def test_of_two_fetches_that_settle_one_delivery_the_later_sees_both(gateway: Gateway) -> None:
    first, second = await _two_items_wait(gateway)

    async def answer(due: Due) -> None:
        async with gateway.runtime.database.transaction() as session:
            await signals.lock(session, [due])
            await repository.settle(session, await signals.answer(session, {due: Outcome("applied")}))

    async with gateway.runtime.database.transaction() as session:
        await signals.lock(session, [first])
        touched = await signals.answer(session, {first: Outcome("applied")})
        later = asyncio.create_task(answer(second))
        for _ in range(100):
            if await gateway.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
                break
            await asyncio.sleep(0.02)
        assert not later.done()
        await repository.settle(session, touched)
    await later
    assert await gateway.value("SELECT state FROM delivery") == "processed"
    assert await gateway.value("SELECT count(*) FROM fetch_signal") == 0


async def test_a_signal_that_came_later_than_the_lease_is_due_again_at_once(gateway: Gateway) -> None:
    first, second = await _two_items_wait(gateway)
    async with gateway.runtime.database.transaction() as session:
        await repository.signal(session, [(first.key, repository.Wanted(first.received_at))])
    async with gateway.runtime.database.transaction() as session:
        held = await signals.lock(session, [first, second])
        await repository.settle(session, await signals.answer(session, dict.fromkeys(held, Outcome("applied"))))
    (left,) = await gateway.rows(
        "SELECT external_id, attempts, due_at <= clock_timestamp() AS is_due FROM fetch_signal"
    )
    assert left == {"external_id": first.external_id, "attempts": 0, "is_due": True}
