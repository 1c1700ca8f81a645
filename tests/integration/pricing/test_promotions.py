"""Promotions by HTTP against a real database: planned, approved by somebody else, taken, counted, ended, judged."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import text

from libs.common.ids import new_id, unit_id
from services.pricing.promotions import keeping
from services.pricing.quotes.models import QuoteLine
from tests.integration.pricing.desk import CSO, FINANCE, MANAGER, OPS, SELLER, SYSTEM, Desk, open_desk
from tests.integration.pricing.given import DEAL, deal, handle, published
from tests.support.days import business_day
from tests.support.keys import bearer

TODAY = business_day()


def planned(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Spring",
        "starts_on": str(TODAY),
        "ends_on": str(TODAY + timedelta(days=60)),
        "currency": "EUR",
        "budget": "50",
        "kind": "percent",
        "value": "0.2",
        "stacking": "with_others",
    } | changes


async def plan(desk: Desk, who: dict[str, str] = OPS, **changes: Any) -> dict[str, Any]:
    told = await desk.client.post("/v1/promotions", json=planned(**changes), headers=who)
    assert told.status_code == 201, told.text
    made: dict[str, Any] = told.json()
    return made


async def running(desk: Desk, **changes: Any) -> str:
    made = await plan(desk, **changes)
    told = await decide(desk, made)
    assert (told.status_code, told.json()["state"]) == (200, "running"), told.text
    found: str = made["promotion_id"]
    return found


async def decide(desk: Desk, made: dict[str, Any], who: dict[str, str] = CSO, verdict: str = "approved") -> Any:
    body = {"verdict": verdict, "version": made["version"], "note": "agreed"}
    return await desk.client.post(f"/v1/promotions/{made['promotion_id']}/decision", json=body, headers=who)


def offer(desk: Desk, *promotions: str, **line: Any) -> dict[str, Any]:
    return {"lines": [{"product_id": desk.product, "promotions": list(promotions), **line}]}


async def quote(desk: Desk, *promotions: str, **line: Any) -> Any:
    body = offer(desk, *promotions, **line) | {"deal_id": str(DEAL), "currency": "EUR"}
    return await desk.client.post("/v1/quotes", json=body, headers=SELLER)


async def used(desk: Desk, promotion: str) -> Decimal:
    return Decimal((await desk.client.get(f"/v1/promotions/{promotion}", headers=SELLER)).json()["used"])


async def test_a_promotion_is_planned_approved_by_somebody_else_runs_and_ends_and_every_step_is_kept(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    made = await plan(desk, who=CSO, expected="9000", starts_on=str(TODAY + timedelta(days=3)))
    own = await decide(desk, made)
    assert (own.status_code, own.json()["type"]) == (403, "urn:foretell:problem:own-promotion")
    assert (await decide(desk, made, who=SELLER)).status_code == 403
    changed = await desk.client.put(f"/v1/promotions/{made['promotion_id']}", json=planned(), headers=OPS)
    assert changed.status_code == 200
    unseen = await decide(desk, made, who=FINANCE)
    assert (unseen.status_code, unseen.json()["type"]) == (409, "urn:foretell:problem:promotion-changed-meanwhile")
    assert (await decide(desk, changed.json(), who=FINANCE)).json()["state"] == "running"
    refused = await desk.client.put(f"/v1/promotions/{made['promotion_id']}", json=planned(), headers=OPS)
    assert refused.json()["type"] == "urn:foretell:problem:promotion-not-planned"
    over = await desk.client.post(f"/v1/promotions/{made['promotion_id']}/end", json={"note": "enough"}, headers=CSO)
    assert (over.json()["state"], over.json()["ended_on"]) == ("ended", str(TODAY))
    history = (await desk.client.get(f"/v1/promotions/{made['promotion_id']}/history", headers=SELLER)).json()["items"]
    assert [(row["state"], row["actor"]) for row in history] == [
        ("ended", "user:cso"), ("running", "user:finance"), ("approved", "user:finance"), ("planned", "user:ops"),
        ("planned", "user:cso"),
    ]  # fmt: skip
    told = [data for verb, data in await published(desk.database) if "last_day" in data]
    assert [(each["state"], each.get("expected")) for each in told] == [
        ("planned", "9000"), ("planned", None), ("approved", None), ("running", None), ("ended", None),
    ]  # fmt: skip


async def test_what_was_kept_of_promotions_cannot_be_changed(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    await running(desk)
    for table in ("promotion_version", "promotion_use"):
        async with desk.database.reading() as session:
            rights = await session.execute(
                text("SELECT has_table_privilege('foretell_app', :table, right_) FROM unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) right_"),
                {"table": table},
            )  # fmt: skip
            assert set(rights.scalars()) == {False}


async def test_the_calendar_begins_and_ends_promotions(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    made = await plan(desk, starts_on=str(TODAY + timedelta(days=3)), ends_on=str(TODAY + timedelta(days=9)))
    assert (await decide(desk, made)).json()["state"] == "approved"
    assert await keeping.keep(desk.database, principal=SYSTEM) == 0
    early = await quote(desk, made["promotion_id"])
    assert (early.status_code, early.json()["type"]) == (422, "urn:foretell:problem:promotion-does-not-fit")
    await move(desk, made["promotion_id"], days=-3)
    assert await keeping.keep(desk.database, principal=SYSTEM) == 1
    assert (await quote(desk, made["promotion_id"])).status_code == 201
    await move(desk, made["promotion_id"], days=-30)
    assert await keeping.keep(desk.database, principal=SYSTEM) == 1
    assert await keeping.keep(desk.database, principal=SYSTEM) == 0
    late = await quote(desk, made["promotion_id"])
    assert (late.status_code, "over" in late.json()["detail"]) == (422, True)


async def move(desk: Desk, promotion: str, *, days: int) -> None:
    async with desk.database.transaction() as session:
        await session.execute(
            text("UPDATE promotion SET starts_on = starts_on + cast(:days AS integer), ends_on = ends_on + cast(:days AS integer) WHERE promotion_id = :id"),
            {"days": days, "id": UUID(promotion)},
        )  # fmt: skip


async def test_a_line_takes_it_as_a_named_deduction_and_the_way_to_the_price_shows_it(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    spring = await running(desk)
    off = await running(desk, name="Ten off", kind="amount", value="10")
    told = await quote(desk, spring, off, quantity="2", discount="0.05")
    assert told.status_code == 201, told.text
    read = (await desk.client.get(f"/v1/quotes/{told.json()['quote_id']}", headers=SELLER)).json()
    assert read["net_amount"] == "132.00"
    assert [(s["name"], s["amount"], s["promotion_id"]) for s in read["waterfall"]["steps"]] == [
        ("Discount", "10.00", None), ("Spring", "38.00", spring), ("Ten off", "20.00", off),
    ]  # fmt: skip
    assert (await used(desk, spring), await used(desk, off)) == (Decimal(38), Decimal(20))
    taken = (await desk.client.get(f"/v1/promotions/{spring}/quotes", headers=SELLER)).json()
    assert [(row["amount"], row["deal"], row["status"]) for row in taken["items"]] == [("38.00", "Fjord", "draft")]
    other = bearer("seller", subject="user:other", scope=(unit_id("Elsewhere"),))
    assert (await desk.client.get(f"/v1/promotions/{spring}/quotes", headers=other)).json() == {
        "items": [], "others": 1,
    }  # fmt: skip


async def test_outside_scope_window_currency_or_stacking_it_is_refused_with_the_reason(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    north = await running(desk, markets=["Nordics"])
    alone = await running(desk, name="Alone", stacking="exclusive")
    free = await running(desk, name="Free", kind="free_months", value="2")
    for promotions, line, said in (
        ((north,), {}, "market Nordics, the deal's is unknown"),
        ((alone,), {"discount": "0.01"}, "stands alone"),
        ((alone,), {"unit_price": "99"}, "stands alone"),
        ((alone, free), {}, "stands alone"),
        ((free,), {}, "say a term"),
        ((free, free), {}, "taken once"),
        ((str(new_id()),), {}, "there is no promotion"),
    ):
        told = await quote(desk, *promotions, **line)
        assert (told.status_code, said in told.json()["detail"]) == (422, True), told.text
    assert (await quote(desk, alone)).json()["net_amount"] == "80.00"
    body = offer(desk, free) | {"deal_id": str(DEAL), "currency": "EUR", "term_months": 12}
    assert (await desk.client.post("/v1/quotes", json=body, headers=SELLER)).json()["net_amount"] == "83.33"


async def test_two_at_once_do_not_overrun_the_budget_and_what_is_given_back_is_free_again(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    spring = await running(desk)
    body = offer(desk, spring) | {"currency": "EUR"}
    deals = [new_id() for _ in range(6)]
    for each in deals:
        await handle(desk.database, deal(each, amount="1", currency="EUR"))
    answers = await asyncio.gather(
        *(desk.client.post("/v1/quotes", json=body | {"deal_id": str(each)}, headers=CSO) for each in deals)
    )
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409, 409]
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert (refused["type"], refused["left"]) == ("urn:foretell:problem:promotion-budget-spent", "10.00")
    assert await used(desk, spring) == 40
    (first, *_), kept = [each.json()["quote_id"] for each in answers if each.status_code == 201], body
    smaller = await desk.client.put(f"/v1/quotes/{first}", json=offer(desk, spring, quantity="0.5"), headers=CSO)
    assert (smaller.status_code, await used(desk, spring)) == (200, Decimal(30))
    larger = await desk.client.put(f"/v1/quotes/{first}", json=offer(desk, spring, quantity="1.6"), headers=CSO)
    assert (larger.status_code, await used(desk, spring)) == (409, Decimal(30))
    assert (await desk.client.post(f"/v1/quotes/{first}/withdraw", headers=CSO)).status_code == 200
    assert await used(desk, spring) == 20
    again = await desk.client.post("/v1/quotes", json=kept | {"deal_id": str(deals[0])}, headers=CSO)
    assert again.status_code == 201


async def test_a_quote_that_took_nothing_meanwhile_is_not_asked_for_over_the_budget(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    spring = await running(desk, budget="30")
    first = (await quote(desk, spring)).json()["quote_id"]
    request = (await desk.submit(first)).json()
    assert (await desk.decide(request, MANAGER, authority="manager", verdict="rejected")).status_code == 200
    assert await used(desk, spring) == 0
    assert (await quote(desk, spring)).status_code == 201
    spent = await desk.submit(first)
    assert (spent.status_code, spent.json()["type"]) == (409, "urn:foretell:problem:promotion-budget-spent")


async def test_a_promotion_does_not_sell_below_the_floor_without_an_exception(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    half = await running(desk, value="0.5", budget="500")
    made = (await quote(desk, half)).json()["quote_id"]
    unnamed = await desk.submit(made)
    assert (unnamed.status_code, unnamed.json()["shortfall"]) == (422, "10.00")
    assert (await desk.client.post(f"/v1/quotes/{made}/accept", headers=SELLER)).status_code == 409


async def test_unfit_plans_are_refused_with_what_is_wrong(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    for changes, said in (
        ({"starts_on": str(TODAY - timedelta(days=2))}, "has passed"),
        ({"ends_on": str(TODAY - timedelta(days=2))}, "ends on its first day or later"),
        ({"value": "15"}, "10 % is 0.1"),
        ({"kind": "free_months", "value": "1.5"}, "whole number of months"),
        ({"products": [str(new_id())]}, "no product"),
        ({"currency": "XXQ"}, "currency"),
        ({"chance": 1}, "chance"),
    ):
        told = await desk.client.post("/v1/promotions", json=planned(**changes), headers=OPS)
        assert (told.status_code, said in told.text) == (422, True), told.text
    assert (await desk.client.post("/v1/promotions", json=planned(), headers=SELLER)).status_code == 403
    key = {"Idempotency-Key": "once"}
    one, two = [await desk.client.post("/v1/promotions", json=planned(), headers=OPS | key) for _ in range(2)]
    assert one.json() == two.json()
    table = (await desk.client.get("/v1/promotions/export", headers=SELLER)).text.splitlines()
    assert (len(table), "Spring" in table[1]) == (2, True)


async def test_a_promotion_is_judged_by_what_came_beyond_its_baseline_and_that_is_not_what_was_sold_with_it(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    made = await running(desk, name="Nordic", markets=["Nordics"], budget="100000", expected="20000")
    young = (await desk.client.get(f"/v1/promotions/{made}/lift", headers=SELLER)).json()
    assert (young["lift"], young["method"], young["said"]) == (
        None, None, "Too little data: it has run for 0 whole weeks; 4 are needed.",
    )  # fmt: skip
    begin = TODAY - timedelta(weeks=8)
    await move(desk, made, days=-56)
    await history_of(desk, UUID(made), begin)
    told = (await desk.client.get(f"/v1/promotions/{made}/lift", headers=SELLER)).json()
    assert (told["method"], told["weeks_during"], told["weeks_before"]) == ("difference_in_differences", 8, 12)
    assert [(each["market"], each["segment"]) for each in told["matched"]] == [("DACH", None)]
    number = {name: Decimal(told[name]) for name in ("actual", "baseline", "lift", "low", "high", "attributed")}
    assert number["lift"] == number["actual"] - number["baseline"]
    assert 0 < number["low"] < number["lift"] < number["high"]
    # Twice as much comes with it. Half of what was sold with it would have come anyway.
    assert number["low"] < number["actual"] / 2 < number["high"]
    assert number["attributed"] > number["lift"]
    assert sum(Decimal(week["actual"]) for week in told["weeks"] if week["is_during"]) == number["actual"]


async def history_of(desk: Desk, promotion: UUID, begin: date) -> None:
    """Accepted quotes of twenty weeks in two markets; from `begin` on twice as many in the Nordics, all with the promotion."""
    rng = np.random.default_rng(7)
    for week in range(-12, 8):
        for market in ("Nordics", "DACH"):
            for _ in range(rng.poisson(6) * (2 if week >= 0 and market == "Nordics" else 1)):
                day = begin + timedelta(weeks=week, days=int(rng.integers(7)))
                amount = Decimal(int(rng.integers(500, 1500)))
                await sold(desk, promotion if week >= 0 and market == "Nordics" else None, market, day, amount)


async def sold(
    desk: Desk,
    promotion: UUID | None,
    market: str,
    day: date,
    amount: Decimal,
    *,
    currency: str = "EUR",
    state: str = "won",
    beside: UUID | None = None,
) -> None:
    """An accepted quote of a day; its deal is won unless it says otherwise. `beside`: a product on a line of its own, at 70."""
    at = datetime.combine(day, time(12), UTC)
    quote_id, deal_id = new_id(), new_id()
    line = QuoteLine(1, UUID(desk.product), Decimal(1), amount, amount, Decimal(), amount)
    async with desk.database.transaction() as session:
        await session.execute(
            text("INSERT INTO deal_reference (deal_id, version, valid_from, state, market) VALUES (:id, 1, :at, :state, :market)"),
            {"id": deal_id, "at": at, "market": market, "state": state},
        )  # fmt: skip
        await session.execute(
            text(
                """
                INSERT INTO quote (quote_id, version, deal_id, status, currency, list_amount, net_amount, valid_from, created_at,
                    created_by, request_digest, revision, revised_at, revised_by, content_hash)
                VALUES (:quote, 1, :deal, 'accepted', :currency, :amount, :amount, :at, :at, 'user:x', '', 1, :at, 'user:x', '')
                """
            ),
            {"quote": quote_id, "deal": deal_id, "amount": amount, "at": at, "currency": currency},
        )
        await session.execute(
            text(
                """
                INSERT INTO quote_line (quote_id, revision, position, product_id, quantity, list_price, unit_price, discount, net_amount, deductions)
                VALUES (:quote, 1, 1, :product, 1, :amount, :amount, 0, :amount, '[]')
                """
            ),
            {"quote": quote_id, "product": line.product_id, "amount": amount},
        )
        if beside is not None:
            await session.execute(
                text(
                    """
                    INSERT INTO quote_line (quote_id, revision, position, product_id, quantity, list_price, unit_price, discount, net_amount, deductions)
                    VALUES (:quote, 1, 2, :product, 1, 70, 70, 0, 70, '[]')
                    """
                ),
                {"quote": quote_id, "product": beside},
            )
        if promotion is not None:
            await session.execute(
                text("INSERT INTO promotion_use VALUES (:promotion, :quote, 1, 1, :amount)"),
                {"promotion": promotion, "quote": quote_id, "amount": amount / 5},
            )
