"""Calls, mails and meetings that CRMs tell of are touchpoints like those of people."""

import itertools
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.events.beside import CrmActivityChanged
from libs.common.events.crm import RecordClock
from libs.common.ids import entity_id
from tests.integration.deals.acme import ACCOUNT, NORTH, SOUTH, ago, ok, world
from tests.integration.deals.books import apply
from tests.unit.deals.given import deal_id, record, user_id

DEAL = f"/v1/deals/{deal_id('D')}"
ADA, BEN = entity_id("crm", "person", "ada"), entity_id("crm", "person", "ben")


def call(changed: datetime, number: int = 1, **told: Any) -> CrmActivityChanged:
    at: datetime = told.pop("at", ago(5))
    content = {"kind": "call", "direction": "both", "at": at, "deal_ids": (deal_id("D"),), "contact_ids": (ADA,)}
    return CrmActivityChanged(
        connection="crm",
        external_id=str(number),
        activity_id=entity_id("crm", "activity", str(number)),
        clock=RecordClock(crm_time=changed),
        received_at=changed,
        our_ids=(user_id("nora"),),
        **content | told,
    )


async def tell(runtime: Any, *events: Any) -> None:
    async with runtime.database.transaction() as session:
        await apply(session, events)


async def standing(client: Any, of: str = DEAL) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await ok(client.get(f"{of}/touchpoints", headers=NORTH)))["items"]
    return found


async def test_a_call_of_the_crm_is_a_touchpoint_of_the_deal_and_makes_a_thread(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    await tell(runtime, call(ago(4)), call(ago(4), 2, contact_ids=(BEN,), kind="meeting"))
    found = await standing(client)
    assert {each["kind"] for each in found} == {"call", "meeting"}
    assert found[0]["ours"] == [str(user_id("nora"))]
    close = await ok(client.get(f"{DEAL}/relationship", headers=NORTH))
    assert (close["thread_count"], close["two_way"], close["single_threaded"]) == (2, True, False)
    assert (await client.get(f"{DEAL}/touchpoints", headers=SOUTH)).status_code == 404


async def test_in_any_order_and_repetition_the_last_word_on_an_activity_stands(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    for number, order in enumerate(itertools.permutations(range(3))):
        words = [
            call(ago(4), number),
            call(ago(3), number, contact_ids=(ADA, BEN)),
            call(ago(2), number, deal_ids=(deal_id("E"),)),
        ]
        for each in (*order, order[0]):
            await tell(runtime, words[each])
    assert await standing(client) == [], "all of them were of another deal in the end"
    other = (await ok(client.get(f"/v1/deals/{deal_id('E')}/touchpoints", headers=SOUTH)))["items"]
    assert len(other) == 6


async def test_an_activity_that_was_deleted_or_did_not_take_place_is_withdrawn(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    await tell(runtime, call(ago(4)), call(ago(4), 2), call(ago(4), 3, done=False))
    assert len(await standing(client)) == 2
    await tell(runtime, call(ago(3)).model_copy(update={"deleted": True}), call(ago(3), 2, done=False))
    assert await standing(client) == []
    assert (await ok(client.get(f"{DEAL}/relationship", headers=NORTH)))["touches"] == 0
    await tell(runtime, call(ago(2), 2))
    assert len(await standing(client)) == 1


async def test_an_activity_of_several_deals_touches_each_and_one_of_none_the_account(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    await tell(
        runtime,
        call(ago(4), deal_ids=(deal_id("D"), deal_id("E")), account_ids=(ACCOUNT,)),
        call(ago(4), 2, deal_ids=(), account_ids=(ACCOUNT,)),
    )
    assert len(await standing(client)) == 1
    of_account = await standing(client, f"/v1/accounts/{ACCOUNT}")
    assert {each["deal_id"] and UUID(each["deal_id"]) for each in of_account} == {deal_id("D"), None}


async def test_an_activity_may_come_before_its_deal(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    await tell(runtime, call(ago(4), deal_ids=(deal_id("L"),)))
    await tell(runtime, record(ago(30), "L", owner_id=user_id("nora")))
    assert len(await standing(client, f"/v1/deals/{deal_id('L')}")) == 1
