"""Lines, splits and competitors, which CRMs keep beside their deals, are asked for with the deal."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from libs.common import clock
from libs.common.ids import entity_id
from simulator import senders
from simulator.fakecrm.kept import CompetitorKept, SplitKept
from simulator.fakecrm.state import CrmState
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.keeping import PLACES, line, reading, settled, told
from tests.integration.gateway.records import deal

pytestmark = pytest.mark.asyncio
LINES, SPLITS, COMPETITORS = (f"crm.deal_{name}.changed.v1" for name in ("lines", "splits", "competitors"))


async def _changed(gateway: Gateway, crm: CrmState, provider: Any, **changes: Any) -> None:
    record = deal(provider, **changes)
    crm.put_deal(provider, record)
    answer = await gateway.send(senders.deal_request(gateway.connection(provider), record))
    assert answer.status_code == 200
    await settled(gateway)


@pytest.mark.parametrize("provider", ["hubspot", "salesforce", "pipedrive"])
async def test_the_lines_of_a_deal_come_with_it(gateway: Gateway, crm: CrmState, provider: Any) -> None:
    await reading(gateway, provider, "lines")
    record, newest = deal(provider), line(1)
    crm.beside.lines[provider, record.deal_id] = [line(2, amount=Decimal("334.50")), newest]
    await _changed(gateway, crm, provider)
    (event,) = await told(gateway, LINES)
    assert event["deal_id"] == str(entity_id(PLACES[provider], "deal", record.deal_id))
    products = (
        ["Oven 1", "Oven 2"] if provider == "pipedrive" else ["OVEN-1", "OVEN-2"]
    )  # Pipedrive tells no codes here
    assert [each["product"] for each in event["lines"]] == products
    assert [Decimal(each["amount"]) for each in event["lines"]] == [Decimal(900), Decimal("334.50")]
    assert Decimal(event["lines"][0]["quantity"]) == 10
    assert datetime.fromisoformat(event["since"]) == newest.changed_at
    assert event["currency"] == "EUR", "that of the mapping where Salesforce tells none"
    positions = await gateway.rows("SELECT type, key FROM outbox ORDER BY position")
    assert [row["type"] for row in positions] == ["crm.deal.changed.v1", LINES]
    assert len({row["key"] for row in positions}) == 1, "behind the deal, on its way"


async def test_a_connection_that_does_not_ask_for_lines_gets_none(gateway: Gateway, crm: CrmState) -> None:
    crm.beside.lines["hubspot", "9001"] = [line(1)]
    await _changed(gateway, crm, "hubspot")
    assert await told(gateway, LINES) == []


async def test_lines_that_did_not_change_are_not_told_again_and_a_line_that_went_is(
    gateway: Gateway, crm: CrmState
) -> None:
    await reading(gateway, "hubspot", "lines")
    crm.beside.lines["hubspot", "9001"] = [line(1), line(2)]
    now = clock.now().replace(microsecond=0)
    await _changed(gateway, crm, "hubspot", changed_at=now - timedelta(seconds=30))
    await _changed(gateway, crm, "hubspot", changed_at=now - timedelta(seconds=20), name="Renamed")
    assert len(await told(gateway, LINES)) == 1
    crm.beside.lines["hubspot", "9001"] = [line(1)]
    await _changed(gateway, crm, "hubspot", changed_at=now - timedelta(seconds=10))
    crm.beside.lines["hubspot", "9001"] = []
    await _changed(gateway, crm, "hubspot", changed_at=now - timedelta(seconds=5))
    assert [len(each.get("lines", ())) for each in await told(gateway, LINES)] == [2, 1, 0]
    versions = await gateway.rows("SELECT aggregate_version FROM outbox WHERE type = :t ORDER BY position", t=LINES)
    assert [row["aggregate_version"] for row in versions] == [1, 2, 3]


async def test_a_deal_that_never_had_lines_says_nothing_of_them(gateway: Gateway, crm: CrmState) -> None:
    await reading(gateway, "hubspot", "lines", "splits")
    await _changed(gateway, crm, "hubspot")
    assert await told(gateway, LINES) == await told(gateway, SPLITS) == []
    crm.beside.lines["hubspot", "9001"] = [line(1)]
    await _changed(gateway, crm, "hubspot", changed_at=clock.now() + timedelta(seconds=2))
    assert len(await told(gateway, LINES)) == 1


async def test_a_line_that_changed_although_the_deal_did_not_is_told(gateway: Gateway, crm: CrmState) -> None:
    await reading(gateway, "hubspot", "lines")
    record = deal("hubspot")
    crm.beside.lines["hubspot", "9001"] = [line(1)]
    await _changed(gateway, crm, "hubspot", changed_at=record.changed_at)
    crm.beside.lines["hubspot", "9001"] = [line(1, amount=Decimal("800.00"))]
    await gateway.send(senders.deal_request(gateway.connection("hubspot"), replace(record, name="told of again")))
    await settled(gateway)
    assert [each["lines"][0]["amount"] for each in await told(gateway, LINES)] == ["900.00", "800.00"]


class _Counted(httpx.AsyncBaseTransport):
    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner, self.paths = inner, list[str]()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.path.partition("/crm")[2])
        return await self.inner.handle_async_request(request)


async def test_the_lines_of_a_hundred_deals_are_asked_for_together(gateway: Gateway, crm: CrmState) -> None:
    await reading(gateway, "hubspot", "lines")
    for number in range(100):
        record = deal("hubspot", deal_id=str(7000 + number))
        crm.put_deal("hubspot", record)
        crm.beside.lines["hubspot", record.deal_id] = [line(1000 + number)]
        await gateway.send(senders.deal_request(gateway.connection("hubspot"), record))
    assert gateway.crm is not None
    gateway.crm = counted = _Counted(gateway.crm)
    await settled(gateway)
    assert len(await told(gateway, LINES)) == 100
    assert sorted(counted.paths) == [
        "/v3/objects/0-3/batch/read",
        "/v3/objects/0-8/batch/read",
        "/v4/associations/0-3/0-2/batch/read",
        "/v4/associations/0-3/0-8/batch/read",
    ]


async def test_a_deal_with_more_lines_than_a_page_has_all_of_them(gateway: Gateway, crm: CrmState) -> None:
    await reading(gateway, "hubspot", "lines")
    crm.beside.lines["hubspot", "9001"] = [line(number) for number in range(150)]
    await _changed(gateway, crm, "hubspot")
    (event,) = await told(gateway, LINES)
    assert len({each["product"] for each in event["lines"]}) == 150


async def test_lines_of_several_currencies_are_told_as_a_problem(gateway: Gateway, crm: CrmState) -> None:
    await reading(gateway, "hubspot", "lines")
    crm.beside.lines["hubspot", "9001"] = [line(1), line(2, currency="USD")]
    await _changed(gateway, crm, "hubspot")
    (event,) = await told(gateway, LINES)
    assert "one currency" in event["problem"]
    assert "lines" not in event or event["lines"] == []


async def test_salesforce_tells_splits_as_revenue_or_overlay_and_competitors(gateway: Gateway, crm: CrmState) -> None:
    await reading(gateway, "salesforce", "splits", "competitors")
    place, at = ("salesforce", deal("salesforce").deal_id), clock.now()
    crm.beside.splits[place] = [
        SplitKept(split_id="0S1", owner_id="0057F000003pmdWQAQ", share=Decimal("0.7"), changed_at=at),
        SplitKept(split_id="0S2", owner_id="0057F000003pmdXQAQ", share=Decimal("0.3"), changed_at=at),
        SplitKept(split_id="0S3", owner_id="0057F000003pmdYQAQ", share=Decimal("0.5"), overlay=True, changed_at=at),
    ]
    crm.beside.competitors[place] = [
        CompetitorKept(competitor_id="0C1", name="Ofenbau  Nord", changed_at=at),
        CompetitorKept(competitor_id="0C2", name="ofenbau nord", changed_at=at),
    ]
    await _changed(gateway, crm, "salesforce")
    (event,) = await told(gateway, SPLITS)
    people = {str(entity_id("sf", "user", name)): name[14] for name in (f"0057F000003pmd{x}QAQ" for x in "WXY")}
    found = {(people[each["person_id"]], each["overlay"]): Decimal(each["share"]) for each in event["shares"]}
    assert found == {("W", False): Decimal("0.7"), ("X", False): Decimal("0.3"), ("Y", True): Decimal("0.5")}
    (event,) = await told(gateway, COMPETITORS)
    assert event["names"] == ["Ofenbau Nord"]


async def test_hubspot_tells_its_deal_splits(gateway: Gateway, crm: CrmState) -> None:
    await reading(gateway, "hubspot", "splits")
    at = clock.now()
    crm.beside.splits["hubspot", "9001"] = [
        SplitKept(split_id="1", owner_id="55", share=Decimal("0.6"), changed_at=at),
        SplitKept(split_id="2", owner_id="56", share=Decimal("0.4"), changed_at=at),
    ]
    await _changed(gateway, crm, "hubspot")
    (event,) = await told(gateway, SPLITS)
    shares = {each["person_id"]: Decimal(each["share"]) for each in event["shares"]}
    assert shares == {
        str(entity_id("hub", "user", "55")): Decimal("0.6"),
        str(entity_id("hub", "user", "56")): Decimal("0.4"),
    }


@pytest.mark.parametrize("provider", ["hubspot", "salesforce", "pipedrive"])
async def test_without_the_right_to_read_lines_the_connection_says_so_and_goes_on(
    gateway: Gateway, crm: CrmState, provider: Any
) -> None:
    await reading(gateway, provider, "lines")
    crm.beside.forbidden.add("lines")
    record = deal(provider)
    crm.beside.lines[provider, record.deal_id] = [line(1)]
    await _changed(gateway, crm, provider)
    assert len(await told(gateway, "crm.deal.changed.v1")) == 1
    (refused,) = await gateway.rows("SELECT connection, object_type, reason FROM reading_refused")
    assert (refused["connection"], refused["object_type"]) == (PLACES[provider], "lines")
    assert "status 40" in refused["reason"]
    assert await gateway.value("SELECT state FROM delivery") == "processed", "no delivery waits for it"
    later = await gateway.value("SELECT due_at > clock_timestamp() + interval '50 minutes' FROM fetch_signal")
    assert later, "asked again an hour later, not at once"
    crm.beside.forbidden.clear()
    await gateway.put_connection(
        {
            "key": PLACES[provider],
            "provider": provider,
            "name": "Given the right",
            "settings": await _settings(gateway, provider),
        }
    )
    await settled(gateway)
    assert len(await told(gateway, LINES)) == 1, "what was put off is not lost"
    assert await gateway.value("SELECT count(*) FROM reading_refused") == 0


async def _settings(gateway: Gateway, provider: str) -> Any:
    return await gateway.value("SELECT settings FROM connection WHERE key = :key", key=PLACES[provider])


async def test_a_product_that_was_added_in_pipedrive_brings_the_lines(gateway: Gateway, crm: CrmState) -> None:
    await reading(gateway, "pipedrive", "lines")
    crm.put_deal("pipedrive", deal("pipedrive"))
    crm.beside.lines["pipedrive", "77"] = [line(1)]
    connection = gateway.connection("pipedrive")
    request = senders.deal_request(connection, deal("pipedrive"))
    body = {
        "data": {"id": 801, "deal_id": 77, "product_id": 5, "item_price": 90},
        "previous": None,
        "meta": {"action": "create", "entity": "deal_product", "entity_id": "801", "id": "a-webhook", "version": "2.0"},
    }
    answer = await gateway.client.post("/webhooks/pipe", json=body, headers=dict(request.headers))
    assert answer.status_code == 200
    await settled(gateway)
    (event,) = await told(gateway, LINES)
    assert event["lines"][0]["product"] == "Oven 1"
