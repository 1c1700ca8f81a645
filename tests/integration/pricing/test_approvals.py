"""Approvals by HTTP against a real database: who is asked, what they saw, and one outcome whatever happens at once."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import text

from libs.common import clock
from libs.common.db import Database
from libs.common.events.deals import PersonPlaced, UnitChanged
from libs.common.ids import ROOT_UNIT, new_id, unit_id
from libs.common.web.auth import Principal
from services.pricing.approvals import keeping
from tests.integration.pricing.given import AT, DEAL, deal, handle, published, received
from tests.support.keys import bearer

TEAM, REGION = unit_id("Team"), unit_id("Region")
SELLER = bearer("seller", subject="user:seller", scope=(TEAM,))
MANAGER = bearer("manager", subject="user:manager", scope=(TEAM,))
VP = bearer("manager", subject="user:vp", scope=(REGION,))
CSO = bearer("cso", subject="user:cso")
FINANCE = bearer("finance", subject="user:finance")
OPS = bearer("sales_ops", subject="user:ops")
SYSTEM = Principal.system("pricing")

DOCUMENT: dict[str, Any] = {
    "rules": [
        {
            "measure": "discount",
            "scope": "line",
            "limits": [{"beyond": "0.1", "level": 1}, {"beyond": "0.2", "level": 2}, {"beyond": "0.3", "level": 3}],
        },
        {"measure": "payment_days", "scope": "quote", "limits": [{"beyond": "60", "level": 3}]},
    ],
    "minima": [{"share": "0.6"}],
    "budgets": [{"year": 2026, "reason": "new_logo", "currency": "EUR", "amount": "100"}],
    "planned_margins": [{"share": "0.4"}],
}


class Desk:
    """The pricing service with a deal of a seller in a team of a region, and one product at 100 that costs 55."""

    def __init__(self, client: httpx.AsyncClient, database: Database, product: str) -> None:
        self.client, self.database, self.product = client, database, product

    async def quote(self, *, discount: str = "0", days: int | None = None, who: dict[str, str] = SELLER) -> str:
        made = await self.client.post(
            "/v1/quotes", json=self.body(discount, days) | {"deal_id": str(DEAL), "currency": "EUR"}, headers=who
        )
        assert made.status_code == 201, made.text
        found: str = made.json()["quote_id"]
        return found

    def body(self, discount: str, days: int | None = None, quantity: str = "1") -> dict[str, Any]:
        return {
            "payment_days": days,
            "lines": [{"product_id": self.product, "quantity": quantity, "discount": discount}],
        }

    async def revise(self, quote: str, *, discount: str, days: int | None = None, who: dict[str, str] = SELLER) -> None:
        told = await self.client.put(f"/v1/quotes/{quote}", json=self.body(discount, days), headers=who)
        assert told.status_code == 200, told.text

    async def submit(self, quote: str, *, reason: str | None = None, who: dict[str, str] = SELLER) -> httpx.Response:
        return await self.client.post(f"/v1/quotes/{quote}/submit", json={"reason": reason}, headers=who)

    async def decide(
        self,
        request: dict[str, Any],
        who: dict[str, str],
        *,
        authority: str,
        verdict: str = "approved",
        seen: str | None = None,
    ) -> httpx.Response:
        number = next(step["number"] for step in request["steps"] if step["authority"] == authority)
        return await self.client.post(
            f"/v1/approvals/{request['request_id']}/steps/{number}",
            json={"verdict": verdict, "seen": seen or request["seen"]},
            headers=who,
        )

    async def status(self, quote: str) -> str:
        found: str = (await self.client.get(f"/v1/quotes/{quote}", headers=CSO)).json()["status"]
        return found

    async def publish(self, **changes: Any) -> httpx.Response:
        told = await self.client.post(
            "/v1/price-policies", json={"document": DOCUMENT | changes, "note": "for tests"}, headers=OPS
        )
        assert told.status_code == 201, told.text
        return told


async def open_desk(api_for: Callable[..., Any], *, policy: bool = True) -> Desk:
    client, runtime = api_for("pricing")
    units = [
        UnitChanged(unit_id=unit, parent_id=parent, name=name, kind="team", version=1, valid_from=AT)
        for unit, parent, name in ((REGION, ROOT_UNIT, "Region"), (TEAM, REGION, "Team"))
    ]
    await handle(runtime.database, *(received(unit, unit.unit_id) for unit in units))
    owner = new_id()
    placed = PersonPlaced(person_id=owner, unit_id=TEAM, version=1, valid_from=AT)
    await handle(runtime.database, received(placed, owner))
    await handle(runtime.database, deal(owner_id=owner, amount="120", currency="EUR", name="Fjord"))
    made = await client.post(
        "/v1/products",
        json={"code": "CORE", "name": "Core", "line": "Suite", "list_price": "100", "cost": "55", "currency": "EUR"},
        headers=OPS,
    )
    desk = Desk(client, runtime.database, made.json()["product_id"])
    if policy:
        await desk.publish()
    return desk


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
    assert (
        told[-7:] == ["submitted", "decided", "decided", "decided", "decided", "approved", "accepted"]
        or told.count("decided") == 4
    )


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


async def test_of_two_who_decide_at_once_one_decides_and_the_other_is_told(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    request = (await desk.submit(await desk.quote(discount="0.12"))).json()
    answers = await asyncio.gather(
        *(
            desk.decide(request, who, authority="manager", verdict=verdict)
            for who, verdict in ((MANAGER, "approved"), (VP, "rejected"))
        ),
        *(desk.decide(request, MANAGER, authority="manager") for _ in range(3)),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    async with desk.database.reading() as session:
        kept = (await session.execute(text("SELECT verdict FROM approval_decision"))).scalars().all()
    assert len(kept) == 1
    assert await desk.status(request["quote_id"]) == kept[0]


async def test_a_quote_that_is_edited_while_it_waits_is_not_approved_as_it_was_seen(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    quote = await desk.quote(discount="0.12")
    request = (await desk.submit(quote)).json()
    await desk.revise(quote, discount="0.35")
    refused = await desk.decide(request, MANAGER, authority="manager")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:foretell:problem:quote-changed-meanwhile")
    again = (await desk.submit(quote)).json()
    unseen = await desk.decide(again, MANAGER, authority="manager", seen=request["seen"])
    assert (unseen.status_code, unseen.json()["type"]) == (409, "urn:foretell:problem:quote-changed-meanwhile")
    assert (await desk.decide(again, MANAGER, authority="manager")).status_code == 200


async def test_an_edit_and_an_approval_at_once_leave_one_outcome(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    for _ in range(5):
        quote = await desk.quote(discount="0.12")
        request = (await desk.submit(quote)).json()
        decided, _ = await asyncio.gather(
            desk.decide(request, MANAGER, authority="manager"), desk.revise(quote, discount="0.35")
        )
        assert decided.status_code in (200, 409)
        assert await desk.status(quote) == "draft"
        assert (await desk.client.post(f"/v1/quotes/{quote}/accept", headers=SELLER)).status_code == 409


async def test_a_policy_that_changes_in_flight_asks_anew_and_carries_over_what_is_no_worse(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    quote = await desk.quote(discount="0.25")
    request = (await desk.submit(quote)).json()
    assert (await desk.decide(request, MANAGER, authority="manager")).status_code == 200
    strict = {"measure": "discount", "scope": "line", "limits": [{"beyond": "0.2", "level": 3}]}
    await desk.publish(rules=[strict])
    refused = await desk.decide(request, VP, authority="vp")
    assert (refused.status_code, "policy changed" in refused.json()["detail"]) == (409, True)
    assert await keeping.ask_anew(desk.database, principal=SYSTEM) == 1
    asked = (await desk.client.get(f"/v1/quotes/{quote}/approvals", headers=CSO)).json()["requests"][0]
    assert (asked["policy_version"], asked["level"]) == (2, 3)
    assert {s["authority"]: s["state"] for s in asked["steps"]} == {
        "manager": "carried", "vp": "asked", "cso": "waiting", "finance": "waiting",
    }  # fmt: skip
    assert await keeping.ask_anew(desk.database, principal=SYSTEM) == 0


async def test_who_lost_the_role_decides_nothing_any_more(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    request = (await desk.submit(await desk.quote(discount="0.12"))).json()
    demoted = bearer("viewer", subject="user:manager", scope=(TEAM,))
    moved = bearer("manager", subject="user:manager", scope=(unit_id("Elsewhere"),))
    assert (await desk.decide(request, demoted, authority="manager")).status_code == 403
    assert (await desk.decide(request, moved, authority="manager")).status_code == 404
    assert await desk.status(request["quote_id"]) == "submitted"


async def test_cso_and_finance_are_two_people(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    both = bearer("cso", "finance", "manager", subject="user:both")
    request = (await desk.submit(await desk.quote(discount="0.35"))).json()
    for authority, status in (("manager", 200), ("vp", 200), ("cso", 200), ("finance", 403)):
        assert (await desk.decide(request, both, authority=authority)).status_code == status


async def test_a_step_that_waits_too_long_is_opened_to_the_next_rank(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    request = (await desk.submit(await desk.quote(discount="0.12"))).json()
    assert (await desk.decide(request, CSO, authority="manager")).status_code == 403
    assert await keeping.escalate(desk.database, principal=SYSTEM) == 0
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE approval_step SET due_at = due_at - interval '25 hours'"))
    assert await keeping.escalate(desk.database, principal=SYSTEM) == 1
    assert await keeping.escalate(desk.database, principal=SYSTEM) == 0
    assert (await desk.decide(request, CSO, authority="manager")).status_code == 200


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
    (budget,) = (await desk.client.get("/v1/approvals/budgets?year=2026", headers=CSO)).json()["items"]
    assert {name: float(budget[name]) for name in ("amount", "used", "asked", "left")} == {
        "amount": 100, "used": 5, "asked": 0, "left": 95,
    }  # fmt: skip
    async with desk.database.reading() as session:
        kept = (await session.execute(text("SELECT reason FROM price_exception"))).scalars().all()
    assert kept == ["new_logo"]
    await desk.client.post(f"/v1/quotes/{quote}/withdraw", headers=SELLER)
    (budget,) = (await desk.client.get("/v1/approvals/budgets?year=2026", headers=CSO)).json()["items"]
    assert float(budget["left"]) == 100


async def test_over_the_exception_budget_the_highest_level_is_asked(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    await desk.publish(
        rules=[], budgets=[{"year": 2026, "reason": "displacement", "currency": "EUR", "amount": "4.99"}]
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


async def test_a_quote_whose_last_day_has_passed_is_not_accepted_and_expires(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    quote = await desk.quote()
    await desk.submit(quote)
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE quote SET valid_until = current_date - 3"))
    refused = await desk.client.post(f"/v1/quotes/{quote}/accept", headers=SELLER)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:foretell:problem:quote-has-expired")
    assert await keeping.expire(desk.database, principal=SYSTEM) == 1
    assert await keeping.expire(desk.database, principal=SYSTEM) == 0
    assert await desk.status(quote) == "expired"
    assert (await published(desk.database))[-1][0] == "expired"


async def test_an_accepted_quote_stays_and_what_was_offered_before_can_still_be_read(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    quote = await desk.quote(discount="0.01")
    await desk.revise(quote, discount="0.02")
    assert (await desk.client.post(f"/v1/quotes/{quote}/accept", headers=SELLER)).status_code == 200
    told = await desk.client.put(f"/v1/quotes/{quote}", json=desk.body("0.5"), headers=SELLER)
    assert (told.status_code, told.json()["type"]) == (409, "urn:foretell:problem:quote-not-open")
    history = (await desk.client.get(f"/v1/quotes/{quote}/history", headers=SELLER)).json()
    assert [(row["revision"], row["net_amount"]) for row in history["revisions"]] == [(2, "98.00"), (1, "99.00")]
    assert [row["status"] for row in history["states"]] == ["accepted", "draft", "draft"]


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
    assert (await desk.client.get("/v1/price-policies", headers=OPS)).json()["items"] == []
    assert (await desk.client.get("/v1/price-policies/load", headers=OPS)).json() is None


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
