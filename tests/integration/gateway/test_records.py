"""Of each value of a deal it is known who changed it in the CRM, when, and which delivery said so; and how long deliveries take."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from gateway.deliveries import service
from gateway.deliveries.asked import Selection
from libs.common.ids import new_id
from libs.common.web.auth import Principal
from simulator import senders
from simulator.fakecrm.state import CrmState
from simulator.records import DealRecord
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.records import deal
from tests.integration.gateway.test_deliveries_search import Terminal, key_of

pytestmark = pytest.mark.asyncio

SYSTEM = Principal.system("test")


async def _send(gateway: Gateway, record: DealRecord, *, by: int) -> str:
    """A change of a Pipedrive deal, made by one of its users; the delivery's id."""
    request = senders.deal_request(gateway.connection("pipedrive"), record)
    body = orjson.loads(request.body)
    body["meta"]["user_id"] = by
    assert (await gateway.send(replace(request, body=orjson.dumps(body)))).status_code == 200
    await gateway.understand()
    return str(await gateway.value("SELECT id FROM delivery ORDER BY id DESC LIMIT 1"))


async def test_each_value_says_who_changed_it_when_and_which_delivery_brought_it(gateway: Gateway) -> None:
    number = str(new_id().int % 10**9)
    first = deal("pipedrive", deal_id=number, changed_at=deal("pipedrive").changed_at - timedelta(minutes=3))
    dearer = replace(first, amount=Decimal("2000.00"), changed_at=first.changed_at + timedelta(minutes=1))
    moved = replace(dearer, stage="Negotiate", changed_at=first.changed_at + timedelta(minutes=2))
    opened = await _send(gateway, first, by=5)
    late = await _send(gateway, moved, by=7)
    between = await _send(gateway, dearer, by=6)

    headers = await key_of(gateway, "sales_ops")
    answer = await gateway.client.get(f"/api/v1/deliveries/records/pipe/deal/{number}", headers=headers)

    assert answer.status_code == 200
    fields = {each["name"]: each for each in answer.json()["fields"]}
    told = {name: (fields[name]["actor"], fields[name]["delivery_id"]) for name in ("name", "amount", "stage")}
    assert told == {"name": ("5", opened), "amount": ("6", between), "stage": ("7", late)}
    assert fields["amount"]["value"] == "2000.00"
    assert fields["amount"]["crm_time"] == dearer.changed_at.isoformat().replace("+00:00", "Z")
    assert fields["amount"]["mapping_version"] == 1
    assert answer.json()["versions"] == 3
    assert [each["delivery_id"] for each in answer.json()["deliveries"]] == [between, late, opened]
    assert not fields.keys() & {"clock", "received_at", "unobserved_since"}


async def test_a_value_found_by_a_fetch_says_since_when_it_may_have_been_so(gateway: Gateway, crm: CrmState) -> None:
    number = str(new_id().int % 10**9)
    told = deal("hubspot", deal_id=number)
    stands = replace(told, amount=Decimal(7), changed_at=told.changed_at + timedelta(seconds=1))
    crm.put_deal("hubspot", stands)
    await gateway.send(senders.deal_request(gateway.connection("hubspot"), told))
    await gateway.understand()
    await gateway.fetch()

    headers = await key_of(gateway, "sales_ops")
    answer = await gateway.client.get(f"/api/v1/deliveries/records/hub/deal/{number}", headers=headers)

    (amount,) = [each for each in answer.json()["fields"] if each["name"] == "amount"]
    assert amount["unobserved_since"] == told.changed_at.isoformat().replace("+00:00", "Z")


async def test_a_record_that_nobody_knows_and_a_reader_without_the_role_are_refused(gateway: Gateway) -> None:
    await _send(gateway, deal("pipedrive"), by=1)
    path = "/api/v1/deliveries/records/pipe/deal/"

    unknown = await gateway.client.get(f"{path}424242", headers=await key_of(gateway, "sales_ops"))
    seller = await gateway.client.get(f"{path}77", headers=await key_of(gateway, "seller"))

    assert (unknown.status_code, seller.status_code) == (404, 403)
    assert "Nothing is known of a deal 424242" in unknown.json()["detail"]


async def test_the_terminal_shows_where_each_value_is_known_from(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = str(new_id().int % 10**9)
    delivery = await _send(gateway, deal("pipedrive", deal_id=number), by=5)
    terminal = Terminal(gateway, monkeypatch)

    status, shown = await terminal.run("deliveries", "record", "pipe", "deal", number)
    _, listed = await terminal.run("deliveries", "list")

    assert status == 0, shown
    (amount,) = [line for line in shown if line.startswith("  amount ")]
    assert "1234.50" in amount
    assert "by 5" in amount
    assert delivery in amount
    assert listed[-2].startswith("half of them settled within")


async def test_latency_is_told_per_delivery_for_a_selection_and_per_connection(gateway: Gateway) -> None:
    seconds = [1, 2, 3, 4, 10]
    for number in range(1, len(seconds) + 1):
        await _send(gateway, deal("pipedrive", deal_id=str(number)), by=1)
    await gateway.send(senders.deal_request(gateway.connection("hubspot"), deal("hubspot")))
    await gateway.understand()
    async with gateway.runtime.database.transaction() as session:
        for number, taken in enumerate(seconds, start=1):
            took = text(
                "UPDATE delivery d SET settled_at = d.received_at + make_interval(secs => :taken) FROM delivery_item i"
                " WHERE i.delivery_id = d.id AND i.connection = 'pipe' AND i.external_id = :id"
            )
            await session.execute(took, {"taken": taken, "id": str(number)})

    async with gateway.runtime.database.reading() as session:
        page = await service.listed(session, Selection(connection="pipe"), principal=SYSTEM)
        waiting = await service.listed(session, Selection(connection="hub"), principal=SYSTEM)
        summary: Any = await service.summary(session, principal=SYSTEM)

    assert [each.latency_s for each in page.items] == seconds[::-1]
    assert (page.latency.settled, page.latency.p50_s, page.latency.p95_s) == (5, 3.0, pytest.approx(8.8))
    assert [each.latency_s for each in waiting.items] == [None]
    assert (waiting.latency.settled, waiting.latency.p50_s, waiting.latency.p95_s) == (0, None, None)
    by_connection = {each.connection: each.latency for each in summary.connections}
    assert by_connection["pipe"] == page.latency
    assert by_connection["sf"].p95_s is None
