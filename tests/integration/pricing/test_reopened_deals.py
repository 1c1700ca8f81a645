"""A CRM reopens a lost deal whose quote takes a promotion: it counts again, and never silently over the budget."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from itertools import permutations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from libs.common.ids import new_id, unit_id
from tests.integration.pricing.desk import CSO, SELLER, Desk, open_desk
from tests.integration.pricing.given import DEAL, deal, handle
from tests.integration.pricing.test_promotions import offer, running
from tests.support.keys import bearer

BACK, OTHER = new_id(), new_id()


async def take(desk: Desk, deal_id: Any, *promotions: str, **line: Any) -> Any:
    body = offer(desk, *promotions, **line) | {"deal_id": str(deal_id), "currency": "EUR"}
    return await desk.client.post("/v1/quotes", json=body, headers=CSO)


async def accept(desk: Desk, quote: str) -> Any:
    return await desk.client.post(f"/v1/quotes/{quote}/accept", headers=CSO)


async def stands(desk: Desk, promotion: str) -> tuple[Decimal, Decimal, Decimal]:
    told = (await desk.client.get(f"/v1/promotions/{promotion}", headers=SELLER)).json()
    used, left, over = (Decimal(told[name]) for name in ("used", "left", "over"))
    return used, left, over


async def overrun(api_for: Callable[..., Any]) -> tuple[Desk, str, str, str]:
    """A budget of 30: an accepted quote takes 20, its deal is lost, another quote takes 20, and the lost deal comes back."""
    desk = await open_desk(api_for, policy=False)
    spring = await running(desk, budget="30")
    for each in (BACK, OTHER):
        await handle(desk.database, deal(each, amount="1", currency="EUR", name="Back" if each == BACK else "Other"))
    first = (await take(desk, BACK, spring)).json()["quote_id"]
    assert (await accept(desk, first)).status_code == 200
    assert await stands(desk, spring) == (20, 10, 0)
    assert (await take(desk, OTHER, spring)).status_code == 409
    await handle(desk.database, deal(BACK, 2, 1, state="lost", name="Back"))
    assert await stands(desk, spring) == (0, 30, 0), "what nobody has is given back"
    second = (await take(desk, OTHER, spring)).json()["quote_id"]
    await handle(desk.database, deal(BACK, 3, 2, state="open", name="Back"))
    assert await stands(desk, spring) == (40, 0, 10)
    return desk, spring, first, second


async def test_a_reopened_deal_takes_its_promotion_over_the_budget_and_is_named_for_it(
    api_for: Callable[..., Any],
) -> None:
    desk, spring, first, second = await overrun(api_for)
    rows = (await desk.client.get(f"/v1/promotions/{spring}/quotes", headers=CSO)).json()["items"]
    assert {(row["quote_id"], row["deal"], row["came_back"], Decimal(row["over"])) for row in rows} == {
        (first, "Back", True, Decimal(10)), (second, "Other", False, Decimal(0)),
    }  # fmt: skip
    table = (await desk.client.get("/v1/promotions/export", headers=SELLER)).text.splitlines()
    assert dict(zip(table[0].split(","), table[1].split(","), strict=True))["over"] == "10.00"
    elsewhere = bearer("seller", subject="user:other", scope=(unit_id("Elsewhere"),))
    assert (await desk.client.get(f"/v1/promotions/{spring}/quotes", headers=elsewhere)).json()["others"] == 2


async def test_until_it_fits_nothing_new_is_taken_and_what_others_took_meanwhile_stays_theirs(
    api_for: Callable[..., Any],
) -> None:
    desk, spring, _, second = await overrun(api_for)
    new = await take(desk, DEAL, spring, quantity="0.1")
    assert (new.status_code, new.json()["type"], new.json()["left"]) == (
        409, "urn:foretell:problem:promotion-budget-spent", "0",
    )  # fmt: skip
    more = await desk.client.put(f"/v1/quotes/{second}", json=offer(desk, spring, quantity="1.1"), headers=CSO)
    assert more.status_code == 409
    less = await desk.client.put(f"/v1/quotes/{second}", json=offer(desk, spring, quantity="0.75"), headers=CSO)
    assert (less.status_code, await stands(desk, spring)) == (200, (Decimal(35), 0, Decimal(5)))
    assert (await accept(desk, second)).status_code == 200, "it was there to be taken when it was taken"
    await handle(desk.database, deal(BACK, 4, 3, state="lost"))
    assert await stands(desk, spring) == (15, 15, 0)
    rows = (await desk.client.get(f"/v1/promotions/{spring}/quotes", headers=CSO)).json()["items"]
    assert [(row["stands"], row["came_back"]) for row in rows if row["deal"] != "Other"] == [(False, False)]
    assert (await take(desk, DEAL, spring, quantity="0.5")).status_code == 201


async def test_an_offer_of_a_deal_that_came_back_is_not_accepted_as_long_as_it_is_over_the_budget(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for, policy=False)
    spring = await running(desk, budget="30")
    await handle(desk.database, deal(BACK, amount="1", currency="EUR"))
    offered = (await take(desk, BACK, spring)).json()["quote_id"]
    await handle(desk.database, deal(BACK, 2, 1, state="lost"))
    taken = (await take(desk, DEAL, spring)).json()["quote_id"]
    await handle(desk.database, deal(BACK, 3, 2, state="open"))
    refused = await accept(desk, offered)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:foretell:problem:promotion-budget-spent")
    assert (await desk.client.post(f"/v1/quotes/{taken}/withdraw", headers=CSO)).status_code == 200
    assert (await accept(desk, offered)).status_code == 200


async def test_a_quote_of_an_absorbed_deal_takes_what_its_heir_lets_it_take(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for, policy=False)
    spring = await running(desk, budget="30")
    await handle(desk.database, deal(BACK, amount="1", currency="EUR"))
    await take(desk, BACK, spring)
    await handle(desk.database, deal(OTHER, amount="1", currency="EUR", state="lost"))
    await handle(desk.database, deal(BACK, 2, 1, absorbed_into=OTHER))
    assert await stands(desk, spring) == (0, 30, 0)
    await handle(desk.database, deal(OTHER, 2, 1, amount="1", currency="EUR"))
    assert await stands(desk, spring) == (20, 10, 0)


_entries = st.lists(
    st.tuples(st.integers(1, 6), st.sampled_from(["open", "won", "lost"]), st.booleans()), min_size=1, max_size=5
).map(lambda found: [deal(BACK, version, minute, state=state, removed=removed) for version, (minute, state, removed) in enumerate(found, 1)])  # fmt: skip


async def test_any_order_and_repetition_of_a_deals_events_leaves_the_same_budget_and_names_the_same_deals(
    api_for: Callable[..., Any],
) -> None:
    desk, spring, *_ = await overrun(api_for)
    loop = asyncio.get_running_loop()

    async def outcome(events: list[Any], size: int) -> Any:
        async with desk.database.transaction() as session:
            await session.execute(
                text("UPDATE deal_reference SET version = 0, valid_from = NULL, lost_at = NULL WHERE deal_id = :back"),
                {"back": BACK},
            )
        for start in range(0, len(events), size):
            await handle(desk.database, *events[start : start + size])
        rows = (await desk.client.get(f"/v1/promotions/{spring}/quotes", headers=CSO)).json()["items"]
        return await stands(desk, spring), sorted((row["deal"], row["came_back"], row["over"]) for row in rows)

    came_back = [deal(BACK, version, version, state=state) for version, state in enumerate(("open", "lost", "open"), 1)]
    found = [await outcome(list(each), size) for each in permutations(came_back) for size in (1, 3)]
    assert [each[1][0][:2] for each in found] == [("", True)] * len(found)
    assert found == found[:1] * len(found)

    @settings(max_examples=15)
    @given(data=st.data(), events=_entries)
    def converges(data: st.DataObject, events: list[Any]) -> None:
        shuffled = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events), max_size=3))))
        size = data.draw(st.integers(1, 3))

        async def compare() -> tuple[Any, Any]:
            return await outcome(events, 1), await outcome(shuffled, size)

        plain, other = asyncio.run_coroutine_threadsafe(compare(), loop).result(60)
        assert plain == other

    await asyncio.to_thread(converges)
