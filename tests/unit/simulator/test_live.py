"""The stream after the history: its changes, its memory, its deliveries."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from simulator.config import Faults, Provider
from simulator.fakecrm import CrmState
from simulator.live import courier as couriers
from simulator.live.courier import Courier, succeeded
from simulator.live.journal import Counters, Journal
from simulator.live.stream import Stream
from simulator.records import DealRecord, LeadRecord, Record
from simulator.senders import Change
from simulator.serve import Simulator
from simulator.world import World
from tests.unit.simulator.given import AT, config, connection, deal, lead


@pytest.fixture(scope="module")
def world() -> World:
    return World(seed=7, deals=300, now=AT)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "courier", Counters(0, 0, 0))
    yield opened
    opened.close()


@pytest.fixture
def simulator(world: World, tmp_path: Path) -> Iterator[Simulator]:
    built = Simulator(config(), tmp_path / "journal", world)
    yield built
    built.journal.close()


def first_counters(world: World) -> Counters:
    return Counters(0, len(world.deals), len(world.leads))


def test_the_stream_goes_on_where_the_history_ended(simulator: Simulator) -> None:
    seen: dict[tuple[Provider, str], Record] = {}
    events: Counter[str] = Counter()
    for second in range(4000):
        for provider, change in simulator._stream.next(AT + timedelta(seconds=second)):
            record, before = change.record, change.previous
            assert isinstance(record, DealRecord | LeadRecord)
            events[f"{change.kind} {change.event}"] += 1
            key = (provider, record.external_id)
            if change.event == "created":
                assert key not in seen
                assert before is None
            else:
                assert isinstance(before, DealRecord | LeadRecord)
                assert before == seen.get(key, before)
                assert before.changed_at < record.changed_at
                assert before != record
            seen[key] = record
    assert events["deal created"] > 200
    assert events["lead created"] > 200
    assert events["deal deleted"] > 0
    deals = [record for record in seen.values() if isinstance(record, DealRecord)]
    assert {record.stage for record in deals} == {"Qualify", "Discover", "Propose", "Negotiate", "Won", "Lost"}
    converted = [record for record in seen.values() if isinstance(record, LeadRecord) and record.status == "converted"]
    assert converted
    assert all(
        any(d.deal_id == each.converted_deal_id and d.lead_id == each.lead_id for d in deals) for each in converted
    )


def test_a_restart_knows_every_change_and_what_was_not_delivered(tmp_path: Path) -> None:
    path, first = tmp_path / "journal", Counters(0, 10, 20)
    journal = Journal(path, first)
    journal.counters.deal = 11
    sent = journal.append("hubspot", Change(deal("hubspot"), "created"))
    open_ = journal.append("standard", Change(lead("standard"), "changed", lead("standard", status="new")))
    journal.settle([sent.number])
    journal.close()
    with path.open("a") as file:
        file.write('{"n": 2, "provider": "hub')  # torn by a kill
    again = Journal(path, Counters(0, 10, 20))
    assert again.pending == {open_.number: open_}
    assert {entry.change.record for entry in again.latest.values()} == {deal("hubspot"), lead("standard")}
    assert (again.counters.change, again.counters.deal, again.counters.lead) == (2, 11, 20)
    again.settle([open_.number], dropped=True)
    again.close()
    third = Journal(path, Counters(0, 10, 20))
    assert (third.pending, third.dropped) == ({}, 1)
    third.close()


def test_salesforce_counts_only_an_ack_of_true_as_success() -> None:
    assert succeeded("salesforce", 200, b"<Ack>true</Ack>")
    assert not succeeded("salesforce", 200, b"<Ack>false</Ack>")
    assert not succeeded("salesforce", 200, b"ok")
    assert succeeded("hubspot", 204, b"")
    assert not succeeded("pipedrive", 302, b"")


Answer = Callable[[httpx.Request], httpx.Response]


async def delivered(
    journal: Journal, answer: Answer, faults: Faults, *changes: Change, requests: int = 0
) -> list[httpx.Request]:
    """Let a courier deliver until the journal has nothing left (and `requests` were sent); returns what the gateway saw."""
    seen: list[httpx.Request] = []

    def gateway(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer(request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(gateway)) as client, asyncio.timeout(10):
        courier = Courier(connection("pipedrive"), journal, faults, client)
        courier.start()
        for change in changes:
            courier.deliver(journal.append("pipedrive", change))
        while journal.pending or len(seen) < requests:  # noqa: ASYNC110 - a courier has no event for being idle
            await asyncio.sleep(0.005)
        await courier.stop()
    return seen


async def test_a_refused_delivery_is_repeated_until_it_is_taken(journal: Journal) -> None:
    answers = iter([503, 500, 200])
    faults = Faults(retry_scale=0.0001)
    seen = await delivered(journal, lambda _: httpx.Response(next(answers)), faults, Change(deal("pipedrive")))
    assert [b'"attempt":%d' % attempt in seen[attempt - 1].content for attempt in (1, 2, 3)] == [True] * 3
    assert journal.dropped == 0


async def test_pipedrive_gives_up_after_three_retries(journal: Journal) -> None:
    faults = Faults(retry_scale=0.0001)
    seen = await delivered(journal, lambda _: httpx.Response(503), faults, Change(deal("pipedrive")))
    assert len(seen) == 1 + len(couriers.RETRIES_S["pipedrive"]) == 4
    assert journal.dropped == 1


async def test_no_worker_waits_for_a_gateway_that_refuses_others(journal: Journal) -> None:
    """More refused deliveries than workers: the next one still goes out at once."""
    bad = [Change(deal("pipedrive", deal_id=str(100 + number))) for number in range(8)]
    good = Change(deal("pipedrive", deal_id="7"))

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200 if b'"entity_id":"7"' in request.content else 503)

    seen = await delivered(journal, answer, Faults(retry_scale=0.001), *bad, good)
    order = [b'"entity_id":"7"' in request.content for request in seen]
    assert order.index(True) <= len(bad)


async def test_faults_send_a_change_twice_and_none_is_forgotten(journal: Journal) -> None:
    changes = [Change(deal("pipedrive", deal_id=str(number))) for number in range(40)]
    faults = Faults(duplicate=1.0, shuffle=0.5, late=0.3, late_s=0.05)
    seen = await delivered(journal, lambda _: httpx.Response(200), faults, *changes, requests=80)
    assert set(Counter(request.content for request in seen).values()) == {2}
    assert len(seen) == 80


def test_the_stream_begins_with_what_is_open(world: World, simulator: Simulator) -> None:
    crm = CrmState(world.state_at(world.end))
    stream = Stream(world, crm, first_counters(world))
    (_, change), *_ = stream.next(AT)
    assert change.event == "created"
    for provider, deal_id in simulator._stream.open_deals:
        found = simulator.crm.deal(provider, deal_id)
        assert found is not None
        assert found.state == "open"
        assert not found.deleted
    assert simulator._stream.open_deals
