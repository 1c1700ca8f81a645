"""What held between two states that were seen is said to be unknown, never made up."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest

from gateway.connectors import remapping
from simulator import senders
from simulator.connections import documents
from simulator.fakecrm.state import CrmState
from simulator.records import DealRecord
from tests.integration.gateway.conftest import SIMULATED, Gateway
from tests.integration.gateway.records import deal

pytestmark = pytest.mark.asyncio


def _steps(count: int) -> list[DealRecord]:
    """A deal of HubSpot, changed every second."""
    first = deal("hubspot")
    first = replace(first, changed_at=first.changed_at - timedelta(minutes=1))
    return [
        replace(first, amount=Decimal(1000 + number), changed_at=first.changed_at + timedelta(seconds=number))
        for number in range(count)
    ]


async def _tell(gateway: Gateway, record: DealRecord) -> None:
    request = senders.deal_request(gateway.connection("hubspot"), record)
    assert (await gateway.send(request)).status_code == 200
    await gateway.understand()


async def _gaps(gateway: Gateway) -> list[tuple[datetime, datetime | None]]:
    """Of each change that left: the CRM's time, and since when the record was not seen."""
    rows = await gateway.rows("SELECT data FROM outbox WHERE type = 'crm.deal.changed.v1' ORDER BY position")
    events = [orjson.loads(row["data"]) for row in rows]
    return [(_time(each["clock"]["crm_time"]), _time(each.get("unobserved_since"))) for each in events]  # type: ignore[misc]


def _time(written: Any) -> datetime | None:
    return None if written is None else datetime.fromisoformat(written)


async def test_a_single_change_that_was_fetched_leaves_nothing_unknown(gateway: Gateway, crm: CrmState) -> None:
    for step in _steps(2):
        crm.put_deal("hubspot", step)
        await _tell(gateway, step)
        await gateway.fetch()

    assert [since for _, since in await _gaps(gateway)] == [None, None]


async def test_several_changes_answered_by_one_fetch_leave_the_path_unknown(gateway: Gateway, crm: CrmState) -> None:
    first, second, third, fourth = _steps(4)
    crm.put_deal("hubspot", first)
    await _tell(gateway, first)
    await gateway.fetch()
    crm.put_deal("hubspot", fourth)
    for step in (third, second, fourth):
        await _tell(gateway, step)
    await gateway.fetch()

    assert await _gaps(gateway) == [(first.changed_at, None), (fourth.changed_at, second.changed_at)]


async def test_a_record_that_changed_before_it_was_asked_hides_what_was_told(gateway: Gateway, crm: CrmState) -> None:
    told, stands = _steps(2)
    crm.put_deal("hubspot", stands)
    await _tell(gateway, told)
    await gateway.fetch()
    await _tell(gateway, stands)  # its signal comes when its state is known already
    await gateway.fetch()

    assert await _gaps(gateway) == [(stands.changed_at, told.changed_at)]


async def test_a_signal_that_comes_late_tells_of_a_state_that_nobody_saw(gateway: Gateway, crm: CrmState) -> None:
    first, missed, stands = _steps(3)
    for step in (first, stands):
        crm.put_deal("hubspot", step)
        await _tell(gateway, step)
        await gateway.fetch()
    await _tell(gateway, missed)
    await gateway.fetch()
    await _tell(gateway, replace(first, changed_at=first.changed_at + timedelta(milliseconds=1)))
    await gateway.fetch()

    assert await _gaps(gateway) == [
        (first.changed_at, None),
        (stands.changed_at, None),
        (stands.changed_at, missed.changed_at),
        (stands.changed_at, first.changed_at + timedelta(milliseconds=1)),
    ]
    await _tell(gateway, replace(missed, changed_at=missed.changed_at + timedelta(milliseconds=500)))
    await gateway.fetch()
    assert len(await _gaps(gateway)) == 4, "what lies inside the known gap is nothing new"


async def test_a_gap_survives_a_change_of_the_mapping(gateway: Gateway, crm: CrmState) -> None:
    told, stands = _steps(2)
    crm.put_deal("hubspot", stands)
    await _tell(gateway, told)
    await gateway.fetch()
    (document,) = (each for each in documents(SIMULATED) if each["key"] == "hub")
    mapping = document["mapping"] | {"deal_types": {"new": "expansion"}}
    await gateway.put_connection(document | {"mapping": mapping})
    await remapping.remap(gateway.runtime.database, gateway.runtime.settings, "hub")  # type: ignore[arg-type]

    assert await _gaps(gateway) == [(stands.changed_at, told.changed_at)] * 2
    assert await gateway.value("SELECT unobserved_since FROM source_record") == told.changed_at


@pytest.mark.parametrize("provider", ["salesforce", "pipedrive", "standard"])
async def test_records_delivered_whole_are_each_a_version_in_whatever_order_they_come(
    gateway: Gateway, provider: Any
) -> None:
    connection = gateway.connection(provider)
    base = deal(provider, changed_at=deal(provider).changed_at - timedelta(minutes=1))
    tick = (
        timedelta(milliseconds=200) if provider == "standard" else timedelta(seconds=1)
    )  # as fine as each one's clock
    steps = [replace(base, amount=Decimal(1000 + n), changed_at=base.changed_at + n * tick) for n in range(6)]
    for step in (steps[3], steps[0], steps[5], steps[1], steps[4], steps[2]):
        assert (await gateway.send(senders.deal_request(connection, step))).status_code == 200
    await gateway.understand()

    found = sorted(await _gaps(gateway))
    assert found == [(step.changed_at, None) for step in steps]


@pytest.mark.parametrize("provider", ["salesforce", "pipedrive", "standard"])
async def test_records_delivered_whole_within_one_second_all_leave(gateway: Gateway, provider: Any) -> None:
    base = deal(provider, changed_at=deal(provider).changed_at - timedelta(minutes=1))
    amounts = [Decimal(1000 + number) for number in range(6)]
    for number, amount in enumerate(amounts):
        changed_at = base.changed_at + number * timedelta(milliseconds=100)
        request = senders.deal_request(
            gateway.connection(provider), replace(base, amount=amount, changed_at=changed_at)
        )
        assert (await gateway.send(request)).status_code == 200
    await gateway.understand()

    rows = await gateway.rows("SELECT data FROM outbox WHERE type = 'crm.deal.changed.v1' ORDER BY position")
    events = [orjson.loads(row["data"]) for row in rows]
    assert [Decimal(each["amount"]) for each in events] == amounts
    assert len({(each["clock"]["crm_time"], each["clock"]["digest"]) for each in events}) == len(amounts)
    assert {each.get("unobserved_since") for each in events} == {None}
