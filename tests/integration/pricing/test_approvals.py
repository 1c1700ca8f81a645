"""Approvals by HTTP against a real database: who is asked, what they see, what is recorded."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from libs.common import clock
from libs.common.ids import unit_id
from tests.integration.pricing.desk import (
    CSO,
    DOCUMENT,
    FINANCE,
    MANAGER,
    OPS,
    SELLER,
    TEAM,
    VP,
    YEAR,
    open_desk,
)
from tests.integration.pricing.given import published
from tests.support.keys import bearer


async def test_what_the_policy_leaves_to_the_seller_is_approved_at_once_and_accepted_without_asking(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    quote = await desk.quote(discount="0.1")
    told = await desk.submit(quote)
    assert (told.status_code, told.json()["state"], told.json()["steps"]) == (201, "approved", [])
    other = await desk.quote(discount="0.05")
    assert (await desk.client.post(f"/v1/quotes/{other}/accept", headers=SELLER)).status_code == 200


async def test_a_quote_beyond_a_limit_is_not_accepted_before_manager_vp_cso_and_finance_agreed_in_turn(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    quote = await desk.quote(discount="0.35")
    refused = await desk.client.post(f"/v1/quotes/{quote}/accept", headers=SELLER)
    assert (refused.status_code, refused.json()["type"], refused.json()["level"]) == (
        409,
        "urn:foretell:problem:approval-needed",
        3,
    )
    request = (await desk.submit(quote)).json()
    assert [(s["authority"], s["state"]) for s in request["steps"]] == [
        ("manager", "asked"), ("vp", "waiting"), ("cso", "waiting"), ("finance", "waiting"),
    ]  # fmt: skip
    assert (await desk.decide(request, CSO, authority="cso")).json()["type"] == "urn:foretell:problem:step-decided"
    assert (await desk.decide(request, MANAGER, authority="manager")).status_code == 200
    assert (await desk.decide(request, MANAGER, authority="vp")).status_code == 403
    assert (await desk.decide(request, VP, authority="vp")).status_code == 200
    assert (await desk.decide(request, FINANCE, authority="finance")).status_code == 200
    assert await desk.status(quote) == "submitted"
    assert (await desk.client.post(f"/v1/quotes/{quote}/accept", headers=SELLER)).status_code == 409
    assert (await desk.decide(request, CSO, authority="cso")).json()["state"] == "approved"
    assert await desk.status(quote) == "approved"
    assert (await desk.client.post(f"/v1/quotes/{quote}/accept", headers=SELLER)).status_code == 200
    told = [verb for verb, _ in await published(desk.database)]
    assert told[-3:] == ["approved", "weighed", "accepted"]
    assert told.count("decided") == 4


async def test_re_approval_asks_again_only_the_steps_whose_inputs_worsened_and_shows_the_difference(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    quote = await desk.quote(discount="0.12", days=90)
    request = (await desk.submit(quote)).json()
    for who, authority in ((MANAGER, "manager"), (VP, "vp"), (CSO, "cso"), (FINANCE, "finance")):
        assert (await desk.decide(request, who, authority=authority)).status_code == 200
    await desk.revise(quote, discount="0.15", days=90)
    assert await desk.status(quote) == "draft"
    again = (await desk.submit(quote)).json()
    assert {s["authority"]: s["state"] for s in again["steps"]} == {
        "manager": "asked", "vp": "carried", "cso": "carried", "finance": "carried",
    }  # fmt: skip
    assert [(d["authority"], d["input"]) for d in again["differences"]] == [("manager", "discount of 1: CORE")]
    assert (float(again["differences"][0]["before"]), float(again["differences"][0]["after"])) == (0.12, 0.15)
    assert (await desk.decide(again, MANAGER, authority="manager")).json()["state"] == "approved"
    await desk.revise(quote, discount="0.14", days=61)
    better = (await desk.submit(quote)).json()
    assert (better["state"], {s["state"] for s in better["steps"]}) == ("approved", {"carried"})


async def test_nobody_approves_their_own_quote_nor_one_that_they_changed_nor_through_a_delegation(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    own = await desk.quote(discount="0.12", who=MANAGER)
    request = (await desk.submit(own, who=MANAGER)).json()
    refused = await desk.decide(request, MANAGER, authority="manager")
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:foretell:problem:may-not-decide")
    deputy = bearer("seller", subject="user:deputy", scope=(TEAM,))
    wanted = {"to": "user:deputy", "ends_at": (clock.now() + timedelta(days=5)).isoformat()}
    assert (await desk.client.post("/v1/approval-delegations", json=wanted, headers=MANAGER)).status_code == 201
    assert (await desk.decide(request, deputy, authority="manager")).status_code == 403
    key = bearer("manager", subject="key:nightly", scope=(TEAM,))
    by_key = await desk.decide(request, key, authority="manager")
    assert (by_key.status_code, by_key.json()["type"]) == (403, "urn:foretell:problem:not-a-person")
    assert (await desk.decide(request, VP, authority="manager")).status_code == 200

    changed = await desk.quote(discount="0.12")
    await desk.revise(changed, discount="0.13", who=MANAGER)
    request = (await desk.submit(changed)).json()
    assert (await desk.decide(request, MANAGER, authority="manager")).status_code == 403
    assert (await desk.decide(request, deputy, authority="manager")).status_code == 403

    fresh = await desk.quote(discount="0.12")
    request = (await desk.submit(fresh)).json()
    waiting = (await desk.client.get("/v1/approvals", headers=deputy)).json()["items"]
    assert [(item["request"]["quote_id"], item["mine"], item["deal"]) for item in waiting] == [(fresh, [1], "Fjord")]
    assert (await desk.decide(request, deputy, authority="manager")).status_code == 200
    decided = (await desk.client.get(f"/v1/quotes/{fresh}/approvals", headers=VP)).json()["decisions"][0]
    assert (decided["subject"], decided["on_behalf_of"]) == ("user:deputy", "user:manager")


async def test_a_delegation_ends_when_it_is_taken_back(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    deputy = bearer("seller", subject="user:deputy", scope=(TEAM,))
    wanted = {"to": "user:deputy", "ends_at": (clock.now() + timedelta(days=5)).isoformat()}
    made = await desk.client.post("/v1/approval-delegations", json=wanted, headers=MANAGER)
    request = (await desk.submit(await desk.quote(discount="0.12"))).json()
    ended = await desk.client.delete(f"/v1/approval-delegations/{made.json()['delegation_id']}", headers=MANAGER)
    assert ended.status_code == 204
    assert (await desk.decide(request, deputy, authority="manager")).status_code == 403


async def test_cso_and_finance_are_two_people(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    both = bearer("cso", "finance", "manager", subject="user:both")
    request = (await desk.submit(await desk.quote(discount="0.35"))).json()
    for authority, status in (("manager", 200), ("vp", 200), ("cso", 200), ("finance", 403)):
        assert (await desk.decide(request, both, authority=authority)).status_code == status


async def test_below_the_floor_a_reason_is_named_the_exception_is_recorded_and_the_budget_used(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    quote = await desk.quote(discount="0.45")
    unnamed = await desk.submit(quote)
    assert (unnamed.status_code, unnamed.json()["shortfall"]) == (422, "5.00")
    request = (await desk.submit(quote, reason="new_logo")).json()
    assert "below_minimum" in {finding["measure"] for finding in request["findings"]}
    for who, authority in ((MANAGER, "manager"), (VP, "vp"), (CSO, "cso"), (FINANCE, "finance")):
        assert (await desk.decide(request, who, authority=authority)).status_code == 200
    (budget,) = (await desk.client.get("/v1/approvals/budgets", headers=CSO)).json()["items"]
    assert {name: float(budget[name]) for name in ("amount", "used", "asked", "left")} == {
        "amount": 100, "used": 5, "asked": 0, "left": 95,
    }  # fmt: skip
    async with desk.database.reading() as session:
        kept = (await session.execute(text("SELECT reason FROM price_exception"))).scalars().all()
    assert kept == ["new_logo"]
    await desk.client.post(f"/v1/quotes/{quote}/withdraw", headers=SELLER)
    (budget,) = (await desk.client.get("/v1/approvals/budgets", headers=CSO)).json()["items"]
    assert float(budget["left"]) == 100


async def test_over_the_exception_budget_the_highest_level_is_asked(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    await desk.publish(
        rules=[], budgets=[{"year": YEAR, "reason": "displacement", "currency": "EUR", "amount": "4.99"}]
    )
    request = (await desk.submit(await desk.quote(discount="0.45"), reason="displacement")).json()
    assert "over_budget" in {finding["measure"] for finding in request["findings"]}
    assert request["level"] == 3


async def test_the_approver_sees_margin_beside_plan_the_deals_amount_and_precedents(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    first = await desk.quote(discount="0.12")
    request = (await desk.submit(first)).json()
    await desk.decide(request, MANAGER, authority="manager")
    quote = await desk.quote(discount="0.15")
    request = (await desk.submit(quote)).json()
    told = (await desk.client.get(f"/v1/quotes/{quote}/approvals", headers=MANAGER)).json()
    shown = told["consequence"]
    assert told["mine"] == [1]
    assert (float(shown["planned_margin"]), round(float(shown["margin_share"]), 4)) == (0.4, 0.3529)
    assert (float(shown["amount_before"]), float(shown["amount_after"]), float(shown["amount_change"])) == (
        120,
        85,
        -35,
    )
    assert [each["quote_id"] for each in shown["precedents"]] == [first]
    hidden = (await desk.client.get(f"/v1/quotes/{quote}/approvals", headers=SELLER)).json()["consequence"]
    assert (hidden["margin_share"], hidden["planned_margin"]) == (None, None)
    await desk.decide(request, MANAGER, authority="manager")
    kept = (await desk.client.get(f"/v1/quotes/{quote}/approvals", headers=MANAGER)).json()["decisions"][0]
    assert (kept["seen"], kept["consequence"]["margin_share"]) == (request["seen"], shown["margin_share"])


async def test_the_dry_run_of_a_policy_counts_the_approvals_it_would_have_asked(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for, policy=False)
    for discount in ("0", "0.05", "0.12", "0.25", "0.35"):
        await desk.quote(discount=discount)
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE quote SET revised_at = revised_at - interval '3 months'"))
    told = await desk.client.post("/v1/price-policies/dry-run", json={"document": DOCUMENT}, headers=OPS)
    assert told.status_code == 200, told.text
    load = told.json()
    assert (load["quotes"], load["approvals"]) == (5, 3)
    assert load["by_level"] == {"0": 2, "1": 1, "2": 1, "3": 1}
    assert load["by_authority"] == {"manager": 3, "vp": 2, "cso": 1, "finance": 1}
    assert (await desk.client.get("/v1/price-policies", headers=OPS)).json()["items"][0]["is_starting"]


async def test_a_floor_is_never_below_the_policys_minimum(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    line = {"product_id": desk.product, "unit_price": "59.99"}
    told = await desk.client.post("/v1/price-checks", json={"currency": "EUR", "lines": [line]}, headers=SELLER)
    assert (told.json()["standing"], told.json()["lines"][0]["guidance"]["minimum"]) == ("below_policy", "0.6")


async def test_a_seller_publishes_no_policy_and_sees_no_request_of_another_team(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    told = await desk.client.post("/v1/price-policies", json={"document": DOCUMENT, "note": "mine"}, headers=SELLER)
    assert told.status_code == 403
    request = (await desk.submit(await desk.quote(discount="0.12"))).json()
    other = bearer("manager", subject="user:other", scope=(unit_id("Elsewhere"),))
    assert (await desk.client.get("/v1/approvals", headers=other)).json()["items"] == []
    assert (await desk.decide(request, other, authority="manager")).status_code == 404
