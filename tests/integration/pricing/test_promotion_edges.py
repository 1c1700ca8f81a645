"""Where a promotion ends: its last day, its authors, its segment, and what counts as sold."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text

from libs.common.ids import new_id
from services.pricing.approvals.keeping import expire
from services.pricing.promotions import keeping
from tests.integration.pricing.desk import CSO, FINANCE, MANAGER, OPS, SELLER, SYSTEM, VP, Desk, open_desk
from tests.integration.pricing.given import DEAL, deal, handle
from tests.integration.pricing.test_promotions import (
    TODAY,
    decide,
    history_of,
    move,
    offer,
    plan,
    planned,
    quote,
    running,
    sold,
    used,
)
from tests.support.keys import bearer


async def lift(desk: Desk, promotion: str) -> dict[str, Any]:
    told: dict[str, Any] = (await desk.client.get(f"/v1/promotions/{promotion}/lift", headers=SELLER)).json()
    return told


async def test_a_promotion_can_be_taken_on_its_last_day_and_is_over_the_day_after(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    spring = await running(desk, budget="500")
    await move(desk, spring, days=-60)
    assert await keeping.keep(desk.database, principal=SYSTEM) == 0
    assert (await quote(desk, spring)).status_code == 201
    await move(desk, spring, days=-1)
    late = await quote(desk, spring)
    assert (late.status_code, "it runs from" in late.json()["detail"]) == (422, True), "whether or not it was ended yet"
    assert await keeping.keep(desk.database, principal=SYSTEM) == 1
    told = (await desk.client.get(f"/v1/promotions/{spring}", headers=SELLER)).json()
    assert (told["state"], told["ended_on"]) == ("ended", str(TODAY - timedelta(days=1)))


async def test_whoever_planned_an_earlier_version_of_it_does_not_decide_on_the_newest_either(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    made = await plan(desk, who=CSO)
    changed = await desk.client.put(f"/v1/promotions/{made['promotion_id']}", json=planned(), headers=OPS)
    own = await decide(desk, changed.json(), who=CSO)
    assert (own.status_code, own.json()["type"]) == (403, "urn:foretell:problem:own-promotion")
    refused = await decide(desk, changed.json(), who=FINANCE, verdict="refused")
    assert refused.json()["state"] == "refused"
    stale = changed.headers.get("ETag") or f'"{changed.json()["version"]}"'
    behind = await desk.client.put(
        f"/v1/promotions/{made['promotion_id']}", json=planned(), headers=OPS | {"If-Match": stale}
    )
    assert behind.status_code == 412
    again = await desk.client.put(f"/v1/promotions/{made['promotion_id']}", json=planned(), headers=OPS)
    assert (again.json()["state"], again.json()["decided_by"]) == ("planned", None)
    assert (await decide(desk, again.json(), who=CSO)).status_code == 403


async def test_what_was_decided_is_not_decided_again_and_what_is_over_is_not_ended_again(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    made = await plan(desk)
    runs = (await decide(desk, made)).json()
    for verdict in ("approved", "refused"):
        again = await decide(desk, runs, who=FINANCE, verdict=verdict)
        assert (again.status_code, again.json()["type"]) == (409, "urn:foretell:problem:promotion-not-planned")
    seen_before = await end(desk, made, **{"If-Match": f'"{made["version"]}"'})
    assert seen_before.status_code == 412, "it began to run since it was read"
    assert (await end(desk, made, **{"If-Match": f'"{runs["version"]}"'})).json()["state"] == "ended"
    dropped = await plan(desk, name="Dropped")
    assert (await decide(desk, dropped, verdict="refused")).status_code == 200
    for each in (made, dropped):
        over = await end(desk, each)
        assert (over.status_code, over.json()["type"]) == (409, "urn:foretell:problem:promotion-is-over")
    told = (await desk.client.get(f"/v1/promotions/{made['promotion_id']}/history", headers=SELLER)).json()["items"]
    assert [row["state"] for row in told] == ["ended", "running", "approved", "planned"]


async def test_who_plans_who_decides_and_who_ends_are_roles(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    made = await plan(desk, who=MANAGER)
    for who in (SELLER, FINANCE):
        assert (await desk.client.post("/v1/promotions", json=planned(), headers=who)).status_code == 403
        path = f"/v1/promotions/{made['promotion_id']}"
        assert (await desk.client.put(path, json=planned(), headers=who)).status_code == 403
    for who in (SELLER, VP, OPS):
        refused = await decide(desk, made, who=who)
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:foretell:problem:missing-role")
    assert (await end(desk, made, SELLER)).status_code == 403
    by_key = await decide(desk, made, who=bearer("cso", subject="key:nightly"))
    assert (by_key.status_code, by_key.json()["type"]) == (403, "urn:foretell:problem:not-a-person")
    assert (await decide(desk, made, who=FINANCE)).json()["state"] == "running"


async def end(desk: Desk, made: dict[str, Any], who: dict[str, str] = OPS, **headers: str) -> Any:
    path = f"/v1/promotions/{made['promotion_id']}/end"
    return await desk.client.post(path, json={"note": "enough"}, headers=who | headers)


async def test_it_is_taken_in_its_segment_only_and_by_products_that_it_names(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    large = await running(desk, segments=["enterprise"], budget="500")
    small = await running(desk, name="Small", segments=["mid-market"], budget="500")
    wanted = {"code": "OTHER", "name": "Other", "line": "Suite", "list_price": "100", "currency": "EUR"}
    other = (await desk.client.post("/v1/products", json=wanted, headers=OPS)).json()["product_id"]
    elsewhere = await running(desk, name="Elsewhere", products=[other], budget="500")
    ours = new_id()
    await handle(desk.database, deal(ours, amount="1", currency="EUR", market="mid-market", segment="enterprise"))
    for promotion, status in ((large, 201), (small, 422), (elsewhere, 422)):
        body = offer(desk, promotion) | {"deal_id": str(ours), "currency": "EUR"}
        told = await desk.client.post("/v1/quotes", json=body, headers=CSO)
        assert told.status_code == status, told.text
    body = offer(desk, large) | {"deal_id": str(ours), "currency": "USD"}
    body["lines"][0]["unit_price"] = "100"
    abroad = await desk.client.post("/v1/quotes", json=body, headers=CSO)
    assert (abroad.status_code, "budget is in EUR" in abroad.json()["detail"]) == (422, True)


async def test_a_plan_whose_first_day_passed_while_it_waited_is_not_approved(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    made = await plan(desk)
    await move(desk, made["promotion_id"], days=-1)
    late = await decide(desk, made)
    assert (late.status_code, "has passed" in late.json()["detail"]) == (422, True)
    assert (await decide(desk, made, verdict="refused")).status_code == 200


async def test_what_was_lost_again_is_not_sold_and_other_currencies_and_promotions_are_told(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    made = await running(desk, name="Nordic", markets=["Nordics"], budget="100000")
    await move(desk, made, days=-56)
    begin = TODAY - timedelta(weeks=8)
    await history_of(desk, UUID(made), begin)
    before = await lift(desk, made)
    assert (before["other_currencies"], before["overlapping"], len(before["matched"])) == (0, 0, 1)
    for state, currency in (("won", "EUR"), ("lost", "EUR"), ("won", "USD")):
        day = begin + timedelta(days=3)
        await sold(desk, UUID(made), "Nordics", day, Decimal(1000), state=state, currency=currency)
    after = await lift(desk, made)
    assert Decimal(after["actual"]) - Decimal(before["actual"]) == 1000
    assert Decimal(after["attributed"]) - Decimal(before["attributed"]) == 1000
    assert (after["other_currencies"], after["sales_during"]) == (1, before["sales_during"] + 1)
    beside = await running(desk, name="Beside", markets=["DACH"], budget="500")
    await move(desk, beside, days=-20)
    moved = await lift(desk, made)
    assert (moved["method"], moved["overlapping"], moved["matched"]) == ("pre_period", 0, []), "DACH had one of its own"
    over = await running(desk, name="Over", markets=["Nordics"], budget="500")
    await move(desk, over, days=-20)
    assert (await lift(desk, made))["overlapping"] == 1
    await move(desk, over, days=-400)
    await move(desk, beside, days=-400)
    assert (await lift(desk, made))["matched"] == before["matched"], "what ran long before touches nothing"


async def test_what_ran_out_or_is_of_a_deal_that_is_gone_takes_nothing_and_what_was_accepted_is_told_apart(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for, policy=False)
    spring = await running(desk)

    async def standing() -> tuple[float, float]:
        told = (await desk.client.get(f"/v1/promotions/{spring}", headers=SELLER)).json()
        return float(told["used"]), float(told["accepted"])

    made = (await quote(desk, spring)).json()["quote_id"]
    offered = (await quote(desk, spring, quantity="0.5")).json()["quote_id"]
    assert await standing() == (30, 0)
    assert (await desk.client.post(f"/v1/quotes/{made}/accept", headers=SELLER)).status_code == 200
    assert await standing() == (30, 20)
    async with desk.database.transaction() as session:
        past = text("UPDATE quote SET valid_until = current_date - 3 WHERE quote_id = :quote")
        await session.execute(past, {"quote": UUID(offered)})
    assert await expire(desk.database, principal=SYSTEM) == 1
    assert await standing() == (20, 20)
    await handle(desk.database, deal(version=2, minute=1, removed=True))
    assert await standing() == (0, 0)


async def test_only_the_products_it_names_count_as_sold_and_only_what_was_accepted_as_given(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    wanted = {"code": "BESIDE", "name": "Beside", "list_price": "100", "currency": "EUR"}
    other = (await desk.client.post("/v1/products", json=wanted, headers=OPS)).json()["product_id"]
    made = await running(desk, markets=["Nordics"], products=[desk.product], budget="100000")
    await move(desk, made, days=-56)
    begin = TODAY - timedelta(weeks=8)
    await history_of(desk, UUID(made), begin)
    before = await lift(desk, made)
    await sold(desk, UUID(made), "Nordics", begin + timedelta(days=3), Decimal(1000), beside=UUID(other))
    after = await lift(desk, made)
    assert {name: Decimal(after[name]) - Decimal(before[name]) for name in ("actual", "attributed", "given")} == {
        "actual": 1000, "attributed": 1000, "given": 200,
    }  # fmt: skip
    open_deal = new_id()
    await handle(desk.database, deal(open_deal, amount="1", currency="EUR", market="Nordics"))
    body = offer(desk, made) | {"deal_id": str(open_deal), "currency": "EUR"}
    assert (await desk.client.post("/v1/quotes", json=body, headers=CSO)).status_code == 201
    assert (await lift(desk, made))["given"] == after["given"], "an offer gives nothing yet"


async def test_amounts_without_decimals_go_out_as_they_were_given(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    made = await plan(desk, kind="amount", value="10000", budget="1250000", expected="4500000")
    told = (await desk.client.get(f"/v1/promotions/{made['promotion_id']}", headers=SELLER)).json()
    assert [told[name] for name in ("value", "budget", "expected", "left")] == [
        "10000",
        "1250000",
        "4500000",
        "1250000",
    ]
    assert "1250000" in (await desk.client.get("/v1/promotions/export", headers=SELLER)).text
    large = {"code": "ALL", "name": "All of it", "list_price": "1250000", "cost": "430000", "currency": "EUR"}
    product = (await desk.client.post("/v1/products", json=large, headers=OPS)).json()["product_id"]
    listed = (await desk.client.get(f"/v1/products/{product}", headers=OPS)).json()
    assert (listed["list_price"], listed["cost"]) == ("1250000", "430000")
    quoted = await quote(desk, product_id=product, quantity="20000")
    (line,) = (await desk.client.get(f"/v1/quotes/{quoted.json()['quote_id']}", headers=CSO)).json()["lines"]
    assert (line["quantity"], line["list_price"], line["cost"]) == ("20000", "1250000", "430000")


async def test_what_a_revision_no_longer_takes_is_free_again(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    spring = await running(desk)
    made = (await quote(desk, spring)).json()["quote_id"]
    assert await used(desk, spring) == 20
    plain = await desk.client.put(f"/v1/quotes/{made}", json=offer(desk), headers=SELLER)
    assert (plain.status_code, await used(desk, spring)) == (200, Decimal(0))
    assert (await desk.client.get(f"/v1/promotions/{spring}/quotes", headers=SELLER)).json()["items"] == []
    assert str(DEAL) == plain.json()["deal_id"]
