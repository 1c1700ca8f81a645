"""What the CRM has is held against what we have: what never came is found, and asked back."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import httpx
import orjson
import pytest

from libs.common import clock
from libs.common.ids import entity_id
from simulator import senders
from simulator.fakecrm.state import CrmState
from tests.integration.gateway.comparing import compare, later, old, settle
from tests.integration.gateway.conftest import Gateway

pytestmark = pytest.mark.asyncio

PROVIDERS = {"hubspot": "hub", "salesforce": "sf", "pipedrive": "pipe"}
each_provider = pytest.mark.parametrize("provider", PROVIDERS)


@pytest.fixture(autouse=True)
def _present() -> Iterator[None]:
    yield
    clock.set_offset(0)


async def _known(gateway: Gateway, crm: CrmState, provider: str) -> None:
    """One deal that both sides have, and have had for two hours."""
    await _told(gateway, crm, provider)
    later()


async def _told(gateway: Gateway, crm: CrmState, provider: str) -> None:
    record = old(provider)
    crm.put_deal(provider, record)  # type: ignore[arg-type]
    await gateway.send(senders.deal_request(gateway.connection(provider), record))
    await settle(gateway)


@each_provider
async def test_what_both_sides_have_alike_is_complete(gateway: Gateway, crm: CrmState, provider: str) -> None:
    await _known(gateway, crm, provider)

    found = await compare(gateway, PROVIDERS[provider])

    assert (found.outcome, found.share, found.crm_count, found.our_count, found.listed) == ("compared", 1.0, 1, 1, 1)
    (amount,) = found.amounts
    assert (amount.currency, amount.crm, amount.equal) == ("EUR", Decimal("1234.50"), Decimal("1234.50"))
    assert (found.cells, found.records, found.delivery_ids) == ([], [], [])


@each_provider
async def test_a_lost_delivery_is_found_and_healed(gateway: Gateway, crm: CrmState, provider: str) -> None:
    await _known(gateway, crm, provider)
    moved = old(provider, changed_at=clock.now().replace(microsecond=0) - timedelta(hours=1))
    crm.put_deal(provider, replace(moved, stage="Negotiate", amount=Decimal("2000.00")))  # type: ignore[arg-type]

    found = await compare(gateway, PROVIDERS[provider])

    (record,) = found.records
    assert (record.kind, record.is_fetched, found.different, found.share) == ("different", True, 1, 0.0)
    assert {"stage", "amount"} <= set(record.fields)
    assert [(each.stage, each.crm_count, each.our_count) for each in found.cells] == [
        ("Negotiate", 1, 0),
        ("Propose", 0, 1),
    ]
    await settle(gateway)
    (kept,) = await gateway.rows("SELECT canonical, delivery_id FROM source_record WHERE object_type = 'deal'")
    assert (kept["canonical"]["stage"], kept["canonical"]["amount"]) == ("Negotiate", "2000.00")
    assert [kept["delivery_id"]] == found.delivery_ids
    again = await compare(gateway, PROVIDERS[provider])
    assert (again.share, again.records) == (1.0, [])


@each_provider
async def test_a_deal_that_never_came_is_found_and_healed(gateway: Gateway, crm: CrmState, provider: str) -> None:
    crm.put_deal(provider, old(provider))  # type: ignore[arg-type]
    later()

    found = await compare(gateway, PROVIDERS[provider])

    (record,) = found.records
    assert (record.kind, record.ours, found.missing, found.share) == ("missing", None, 1, 0.0)
    await settle(gateway)
    assert await gateway.value("SELECT entity_id FROM source_record WHERE object_type = 'deal'") == record.entity_id


@each_provider
async def test_a_deletion_that_was_never_told_is_found(gateway: Gateway, crm: CrmState, provider: str) -> None:
    await _known(gateway, crm, provider)
    gone_at = clock.now().replace(microsecond=0) - timedelta(hours=1)
    crm.put_deal(provider, old(provider, changed_at=gone_at, deleted=True))  # type: ignore[arg-type]

    found = await compare(gateway, PROVIDERS[provider])

    (record,) = found.records
    assert (record.kind, record.note, found.ours_only, found.crm_count) == ("ours_only", "deleted there", 1, 0)
    assert found.share == 0.0
    await settle(gateway)
    assert await gateway.value("SELECT deleted FROM source_record WHERE object_type = 'deal'") is True
    again = await compare(gateway, PROVIDERS[provider], compare_settled_s=0.0)
    assert (again.share, again.records, again.our_count) == (None, [], 0)


@each_provider
async def test_a_change_that_is_under_way_is_no_divergence(gateway: Gateway, crm: CrmState, provider: str) -> None:
    await _known(gateway, crm, provider)
    just_now = old(provider, changed_at=clock.now().replace(microsecond=0), stage="Negotiate")
    crm.put_deal(provider, just_now)  # type: ignore[arg-type]

    found = await compare(gateway, PROVIDERS[provider])

    assert (found.under_way, found.records, found.cells, found.share) == (1, [], [], None)


async def test_a_signal_that_waits_to_be_fetched_is_under_way(gateway: Gateway, crm: CrmState) -> None:
    await _told(gateway, crm, "hubspot")
    moved = old("hubspot", changed_at=clock.now(), stage="Negotiate")
    crm.put_deal("hubspot", moved)
    await gateway.send(senders.deal_request(gateway.connection("hubspot"), moved))
    later()
    unread = await compare(gateway, "hub")
    await gateway.understand()

    waiting = await compare(gateway, "hub")

    assert (unread.under_way, unread.records) == (1, [])
    assert (waiting.under_way, waiting.records) == (1, [])


async def test_what_the_crm_no_longer_knows_is_not_taken_as_deleted(gateway: Gateway, crm: CrmState) -> None:
    await _known(gateway, crm, "hubspot")
    crm._put.clear()

    found = await compare(gateway, "hub")

    (record,) = found.records
    assert (record.kind, record.is_fetched, found.delivery_ids) == ("ours_only", False, [])
    assert await gateway.value("SELECT deleted FROM source_record WHERE object_type = 'deal'") is False


async def test_a_deal_that_cannot_be_understood_counts_as_one_that_we_lack(gateway: Gateway, crm: CrmState) -> None:
    await _known(gateway, crm, "pipedrive")
    crm.put_deal("pipedrive", old("pipedrive", deal_id="78", currency="not a currency"))

    found = await compare(gateway, "pipe")

    (record,) = found.records
    assert (record.kind, record.is_fetched, found.unreadable, found.count_share) == ("unreadable", False, 1, 0.5)
    assert "currency" in (record.note or "")


async def test_a_deal_that_was_restored_unseen_lives_again(gateway: Gateway, crm: CrmState) -> None:
    await _told(gateway, crm, "hubspot")
    gone = old("hubspot", deleted=True, changed_at=clock.now())
    crm.put_deal("hubspot", gone)
    await gateway.send(senders.deal_request(gateway.connection("hubspot"), gone, event="deleted"))
    await settle(gateway)
    later()
    crm.put_deal("hubspot", old("hubspot"))  # HubSpot keeps the old modification time

    found = await compare(gateway, "hub")
    await settle(gateway)

    assert [(each.kind, each.note) for each in found.records] == [("missing", "deleted here")]
    assert await gateway.value("SELECT deleted FROM source_record WHERE object_type = 'deal'") is False


async def test_a_connection_that_cannot_be_asked_says_so(gateway: Gateway, crm: CrmState) -> None:
    await gateway.send(senders.deal_request(gateway.connection("standard"), old("standard")))
    await settle(gateway)

    found = await compare(gateway, "std")

    assert (found.outcome, found.share, found.our_count) == ("not_asked", None, 1)
    assert "no list of deals" in (found.reason or "")


async def test_every_comparison_is_told_once(gateway: Gateway, crm: CrmState) -> None:
    await _known(gateway, crm, "hubspot")

    found = await compare(gateway, "hub")

    (row,) = await gateway.rows("SELECT data, key FROM outbox WHERE type = 'crm.deal.compared.v1'")
    told = orjson.loads(row["data"])
    assert row["key"] == entity_id("hub", "connection", "hub")
    assert (told["comparison_id"], told["outcome"]) == (str(found.comparison_id), "compared")
    assert told["amounts"] == [{"currency": "EUR", "crm": "1234.50", "ours": "1234.50", "equal": "1234.50"}]


@each_provider
async def test_more_deals_than_a_page_are_all_compared(gateway: Gateway, crm: CrmState, provider: str) -> None:
    many = [
        old(provider, deal_id=f"006{number:012d}AAA" if provider == "salesforce" else str(90 + number), stage="Qualify")
        for number in range({"hubspot": 250, "salesforce": 2050, "pipedrive": 550}[provider])
    ]
    for each in many:
        crm.put_deal(provider, each)  # type: ignore[arg-type]
    later()

    found = await compare(gateway, PROVIDERS[provider])

    assert (found.listed, found.crm_count, found.missing) == (len(many), len(many), len(many))
    (cell,) = found.cells
    assert (cell.stage, cell.crm_count, cell.our_count) == ("Qualify", len(many), 0)
    assert len(found.records) == min(len(many), 1000)


class _Refusing(httpx.AsyncBaseTransport):
    """A CRM that answers so many questions and then says that it is asked too much."""

    def __init__(self, inner: httpx.AsyncBaseTransport, *, answers: int, refusals: int) -> None:
        self.inner, self.answers, self.refusals = inner, answers, refusals

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.answers == 0 and self.refusals:
            self.refusals -= 1
            return httpx.Response(429, headers={"retry-after": "1"}, request=request)
        self.answers = max(0, self.answers - 1)
        return await self.inner.handle_async_request(request)


@each_provider
async def test_a_crm_that_refuses_leaves_the_share_unknown(gateway: Gateway, crm: CrmState, provider: str) -> None:
    await _known(gateway, crm, provider)
    assert gateway.crm is not None
    gateway.crm = _Refusing(gateway.crm, answers=0, refusals=1)

    found = await compare(gateway, PROVIDERS[provider])

    assert (found.outcome, found.share, found.our_count, found.records) == ("refused", None, 1, [])
    assert "429" in (found.reason or "")


async def test_a_crm_that_refuses_after_a_page_leaves_nothing_half_known(gateway: Gateway, crm: CrmState) -> None:
    await _known(gateway, crm, "hubspot")
    for number in range(250):
        crm.put_deal("hubspot", old("hubspot", deal_id=str(20_000 + number)))
    assert gateway.crm is not None
    gateway.crm = _Refusing(gateway.crm, answers=1, refusals=1)

    found = await compare(gateway, "hub")

    assert (found.outcome, found.share, found.crm_count, found.missing) == ("refused", None, 0, 0)
    assert found.delivery_ids == []


async def test_a_crm_that_refuses_for_a_while_is_waited_for(gateway: Gateway, crm: CrmState) -> None:
    await _known(gateway, crm, "hubspot")
    assert gateway.crm is not None
    gateway.crm = _Refusing(gateway.crm, answers=0, refusals=1)

    found = await compare(gateway, "hub", compare_patience_s=2.0)

    assert (found.outcome, found.share) == ("compared", 1.0)


async def test_a_comparison_waits_between_its_questions(gateway: Gateway, crm: CrmState) -> None:
    for number in range(401):
        crm.put_deal("hubspot", old("hubspot", deal_id=str(20_000 + number)))
    later()
    begun = clock.monotonic()

    await compare(gateway, "hub", compare_requests_per_s=20.0)

    assert clock.monotonic() - begun >= 7 * 0.05, "three pages and five batches of deals themselves"


async def test_more_differences_than_may_be_asked_back_are_healed_by_later_comparisons(
    gateway: Gateway, crm: CrmState
) -> None:
    for number in range(7):
        crm.put_deal("hubspot", old("hubspot", deal_id=str(20_000 + number)))
    later()

    shares = []
    for _ in range(3):
        shares.append((await compare(gateway, "hub", compare_fetched_back=4)).count_share)
        await settle(gateway)

    assert shares == [0.0, pytest.approx(4 / 7, abs=1e-6), 1.0]
