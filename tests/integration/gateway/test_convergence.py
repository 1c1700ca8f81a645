"""Any order and repetition of the deliveries of a record's history ends in the state that the CRM has."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from libs.common import clock
from simulator import senders
from simulator.fakecrm.state import CrmState
from simulator.records import DealRecord
from simulator.senders import Change, Request
from tests.integration.gateway.conftest import TABLES, Gateway
from tests.integration.gateway.records import deal

STEPS = st.lists(
    st.sampled_from(["amount", "stage", "won", "reopened", "deleted", "restored", "same time"]), min_size=1, max_size=6
)

Told = list[tuple[DealRecord, list[Request]]]


def _history(gateway: Gateway, provider: str, steps: list[str]) -> list[tuple[DealRecord, list[Request]]]:
    """What one deal was, each with the deliveries that told of it, in the order in which it happened."""
    connection = gateway.connection(provider)
    at = clock.now().replace(microsecond=0) - timedelta(minutes=4)
    # Salesforce leaves empty fields out of what it pushes: whether a next step is known would depend on who was asked.
    record = deal(provider, changed_at=at, next_step="Call", last_activity_at=at)
    sent_at = clock.now()
    told = [(record, senders.requests(connection, [Change(record, "created")], at=sent_at))]
    for number, step in enumerate(steps, start=1):
        before, event = record, "changed"
        record = replace(record, changed_at=record.changed_at + timedelta(seconds=step != "same time"))
        match step:
            case "amount" | "same time":
                record = replace(record, amount=record.amount and record.amount + number)
            case "stage":
                record = replace(record, stage="Negotiate")
            case "won":
                record = replace(record, stage="Won", category=None, closed_on=record.close_date)
            case "reopened":
                record = replace(record, stage="Discover", closed_on=None)
            case "deleted":
                record, event = replace(record, deleted=True), "deleted"
            case "restored":
                record, event = replace(record, deleted=False), "restored"
        told.append((record, senders.requests(connection, [Change(record, event, before)], at=sent_at)))  # type: ignore[arg-type]
    return told


async def _emptied(gateway: Gateway) -> None:
    async with gateway.runtime.database.transaction() as session:
        for table in TABLES:
            if table != "connection":
                await session.execute(text(f"DELETE FROM {table}"))  # noqa: S608


async def _ends_in(gateway: Gateway, requests: list[Request], batches: list[int]) -> dict[str, Any]:
    """Deliver in this order, understanding in batches; what is known in the end, and which versions left."""
    await _emptied(gateway)
    for number, request in enumerate(requests):
        assert (await gateway.send(request)).status_code == 200
        if number in batches:
            await gateway.understand()
    await gateway.understand()
    (row,) = await gateway.rows(
        "SELECT crm_time, sequence, digest, deleted, canonical FROM source_record WHERE object_type = 'deal'"
    )
    row["canonical"].pop("received_at")
    assert await gateway.value("SELECT count(*) FROM delivery WHERE state <> 'processed'") == 0
    events = [orjson.loads(each["data"]) for each in await gateway.rows("SELECT data FROM outbox")]
    newest = max(
        events, key=lambda each: (each["clock"]["crm_time"], each["clock"]["sequence"], each["clock"]["digest"])
    )
    newest.pop("received_at")
    versions = sorted((each["clock"]["crm_time"], each["clock"]["digest"]) for each in events)
    assert len(set(versions)) == len(versions), "a version left twice"
    return row | {"newest": newest}


@pytest.mark.parametrize("provider", ["salesforce", "pipedrive", "standard"])
async def test_deliveries_in_any_order_and_number_end_in_the_crms_state(gateway: Gateway, provider: str) -> None:
    examples = 0

    @settings(max_examples=12)
    @given(st.data())
    def explore(data: st.DataObject) -> None:
        nonlocal examples
        examples += 1
        history = [each for _, sent in _history(gateway, provider, data.draw(STEPS)) for each in sent]
        shuffled = data.draw(st.permutations(history + data.draw(st.lists(st.sampled_from(history), max_size=3))))
        cuts = data.draw(st.lists(st.integers(0, len(shuffled)), max_size=3))
        cases.append((history, shuffled, cuts))

    cases: list[tuple[list[Request], list[Request], list[int]]] = []
    explore()
    for history, shuffled, cuts in cases:
        assert await _ends_in(gateway, shuffled, cuts) == await _ends_in(gateway, history, [])
    assert examples >= 5


async def _known_after(gateway: Gateway, crm: CrmState, provider: Any, told: Told, order: list[int]) -> dict[str, Any]:
    """Deliver what tells of each step in this order, fetching now and then; the CRM is never behind what it has told."""
    await _emptied(gateway)
    reached = 0
    for place, number in enumerate(order):
        reached = max(reached, number)
        crm.put_deal(provider, told[reached][0])
        for request in told[number][1]:
            assert (await gateway.send(request)).status_code == 200
        if place % 2:
            await gateway.understand()
            await gateway.fetch()
    await gateway.understand()
    while await gateway.value("SELECT count(*) FROM fetch_signal"):
        async with gateway.runtime.database.transaction() as session:
            await session.execute(text("UPDATE fetch_signal SET due_at = clock_timestamp()"))
        await gateway.fetch()
    assert await gateway.value("SELECT count(*) FROM delivery WHERE state <> 'processed'") == 0
    known = await gateway.value("SELECT canonical FROM source_record WHERE object_type = 'deal'")
    events = [orjson.loads(each["data"]) for each in await gateway.rows("SELECT data FROM outbox")]
    newest = max(
        events, key=lambda each: (each["clock"]["crm_time"], each["clock"]["sequence"], each["clock"]["digest"])
    )
    # Who changed it is told by what was pushed and not by what was fetched; the ledger takes it from any event of the instant.
    told_by = {each.get("changed_by") for each in events if each["clock"]["crm_time"] == newest["clock"]["crm_time"]}
    for each in (known, newest):
        each.pop("changed_by", None)
        each["clock"].pop("sequence")
        each.pop("received_at")
        each.pop("unobserved_since", None)  # what nobody saw depends on when the CRM was asked; what it is now does not
    return {"known": known, "newest": newest, "changed_by": told_by - {None}}


@pytest.mark.parametrize("provider", ["hubspot", "salesforce", "pipedrive"])
async def test_deliveries_in_any_order_end_in_what_the_crm_answers_when_asked(
    gateway: Gateway, crm: CrmState, provider: str
) -> None:
    cases: list[tuple[Told, list[int]]] = []

    @settings(max_examples=12)
    @given(st.data())
    def explore(data: st.DataObject) -> None:
        told = _history(gateway, provider, data.draw(STEPS))
        numbers = list(range(len(told)))
        cases.append((told, data.draw(st.permutations(numbers + data.draw(st.lists(st.sampled_from(numbers)))))))

    explore()
    for told, order in cases:
        last = len(told) - 1
        assert await _known_after(gateway, crm, provider, told, order) == await _known_after(
            gateway, crm, provider, told, [last]
        )
    assert len(cases) >= 5
