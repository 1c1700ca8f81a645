"""The versions of plans: proposed, approved by somebody else, in force, superseded; and what was approved never changes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from libs.common.ids import unit_id
from tests.integration.forecast.given import at, organisation, told
from tests.integration.forecast.planning import (
    CEO,
    a_plan,
    amounts,
    as_seen,
    child,
    in_force,
    numbered,
    read,
    send,
    step,
)
from tests.integration.forecast.test_projection import NOW
from tests.support.keys import bearer


@pytest.fixture
async def client(api_for: Callable[[str], tuple[Any, Any]]) -> AsyncIterator[Any]:
    client, runtime = api_for("forecast")
    teams = {"north/one": ["ada", "ben"], "north/two": ["cleo"], "south/three": ["dev"]}
    await organisation(runtime.database, teams, at=datetime(2023, 1, 1, tzinfo=UTC))
    with at(NOW):
        yield client, runtime.database


async def test_nobody_approves_their_own_plan_and_nothing_that_they_have_not_seen(client: Any) -> None:
    api, database = client
    plan = await numbered(api, await a_plan(api), "1000")
    empty = await a_plan(api, name="Empty", period="FY2027")
    refused = await step(api, empty, "propose", status=409)
    assert "says no number" in refused["detail"]
    draft = await step(api, plan, "approve", CEO, status=409)
    assert "is draft and cannot be approved; edit it or propose it" in draft["detail"]
    proposed = await step(api, plan, "propose")
    own = await step(api, proposed, "approve", status=403)
    assert "somebody else has to approve it" in own["detail"]
    unseen = await send(api, f"/{plan['plan_id']}/approve", {}, headers=CEO, status=422)
    assert "If-Match" in unseen["detail"]
    await step(api, plan, "approve", CEO, status=412)
    seller = await step(api, proposed, "approve", bearer("seller", subject="user:ada"), status=403)
    assert "needs one of the roles" in seller["detail"]
    edited = await send(api, f"/{plan['plan_id']}/edits", {"cells": []}, headers=as_seen(proposed), status=409)
    assert "is proposed and cannot be edited" in edited["detail"]

    back = await step(api, proposed, "return", CEO)
    changed = await numbered(api, back, "1200")
    again = await step(api, changed, "propose")
    await step(api, proposed, "approve", CEO, status=412)
    approved = await step(api, again, "approve", CEO)
    assert (approved["state"], approved["versions"][0]["approved_by"]) == ("approved", "user:mara")
    active = await step(api, approved, "activate")
    assert active["state"] == "active"
    kinds = ("proposed", "returned", "approved", "activated")
    said = [(kind, [each["amounts"] for each in await told(database, f"forecast.plan.{kind}.v1")]) for kind in kinds]
    assert said == [
        ("proposed", [{"bookings": "1000.00"}, {"bookings": "1200.00"}]),
        ("returned", [{"bookings": "1000.00"}]),
        ("approved", [{"bookings": "1200.00"}]),
        ("activated", [{"bookings": "1200.00"}]),
    ]


async def test_two_who_approve_or_activate_at_once_do_it_once(client: Any) -> None:
    api, database = client
    plan = await step(api, await numbered(api, await a_plan(api), "1000"), "propose")

    async def at_once(name: str, seen: dict[str, Any], *who: str) -> list[int]:
        answers = await asyncio.gather(
            *(
                api.post(
                    f"/v1/plans/{plan['plan_id']}/{name}",
                    json={},
                    headers=as_seen(seen, bearer("ceo", subject=f"user:{each}")),
                )
                for each in who
            )
        )
        return sorted(answer.status_code for answer in answers)

    assert await at_once("approve", plan, "mara", "nora", "olga") == [200, 409, 409]
    approved = await read(api, f"/{plan['plan_id']}")
    assert await at_once("activate", approved, "mara", "nora") == [200, 409]
    assert len(await told(database, "forecast.plan.activated.v1")) == 1


async def test_what_was_approved_cannot_be_changed_by_the_app_at_all(client: Any) -> None:
    api, database = client
    plan = await step(api, await step(api, await numbered(api, await a_plan(api), "1000"), "propose"), "approve", CEO)
    late = {"sequence": 99, "plan": plan["plan_id"]}
    more = """INSERT INTO plan_cell SELECT plan_id, version, :sequence, node_id, measure, period_start, period_end, 1, true
              FROM plan_cell WHERE plan_id = :plan LIMIT 1"""
    back = """INSERT INTO plan_entry SELECT gen_random_uuid(), plan_id, version, :sequence, 'edited', '', NULL, 'x', made_at, ''
              FROM plan_entry WHERE plan_id = :plan LIMIT 1"""
    for statement in (
        more,
        back,
        "UPDATE plan_cell SET amount = :sequence WHERE plan_id = :plan",
        "DELETE FROM plan_cell WHERE plan_id = :plan AND sequence <> :sequence",
        "UPDATE plan_entry SET kind = 'edited' WHERE plan_id = :plan AND sequence <> :sequence",
    ):
        with pytest.raises(DBAPIError):
            async with database.transaction() as session:
                await session.execute(text(statement), late)
    assert await amounts(api, plan) == ["1000.00"]


async def test_one_plan_holds_for_a_unit_and_period_and_the_older_is_superseded(client: Any) -> None:
    api, database = client
    first = await in_force(api, await numbered(api, await a_plan(api), "1000"))
    second = await send(api, f"/{first['plan_id']}/versions", {}, status=201)
    assert (second["version"], second["state"], await amounts(api, second)) == (2, "draft", ["1000.00"])
    waiting = await send(api, f"/{first['plan_id']}/versions", {}, status=409)
    assert "is draft" in waiting["detail"]
    second = await in_force(api, await numbered(api, second, "1500"))
    assert [each["state"] for each in second["versions"]] == ["superseded", "active"]
    changed = await read(api, f"/{first['plan_id']}/differences", since=1, to=2)
    assert [(each["before"], each["after"], each["change"]) for each in changed["changed"]] == [
        ("1000.00", "1500.00", "500.00")
    ]
    other = await in_force(api, await numbered(api, await a_plan(api, name="Another"), "2000"))
    old = await read(api, f"/{first['plan_id']}")
    assert (other["state"], old["state"]) == ("active", "superseded")
    assert [each["version"] for each in await told(database, "forecast.plan.superseded.v1")] == [1, 2]

    quarter = await a_plan(api, name="A quarter", period="2026Q1")
    quarter = await step(api, await step(api, await numbered(api, quarter, "5"), "propose"), "approve", CEO)
    refused = await step(api, quarter, "activate", status=409)
    assert "'Another' of the same unit holds" in refused["detail"]
    of_type = await a_plan(api, name="New business", deal_type="new")
    assert (await in_force(api, await numbered(api, of_type, "7")))["state"] == "active", "of another type of deals"
    assert (await read(api, f"/{other['plan_id']}"))["state"] == "active"
    listed = await read(api, "", period="2026Q2")
    assert [(each["name"], each["state"]) for each in listed["items"]] == [
        ("New business", "active"), ("Another", "active"), ("Growth", "superseded"),
    ]  # fmt: skip


async def test_a_unifying_plan_leaves_no_other_below_it_and_a_federated_one_does(client: Any) -> None:
    api, _ = client
    north = await a_plan(api, name="North", org=str(unit_id("north")))
    north = await in_force(api, await numbered(api, north, "300"))
    federated = await a_plan(api, name="Together", kind="federated")
    federated = await in_force(api, await numbered(api, federated, "1000"))
    assert (await read(api, f"/{north['plan_id']}"))["state"] == "active"
    await in_force(api, await numbered(api, await a_plan(api, name="One"), "1000"))
    assert (await read(api, f"/{north['plan_id']}"))["state"] == "superseded"
    assert (await read(api, f"/{federated['plan_id']}"))["state"] == "superseded"
    again = await send(api, f"/{north['plan_id']}/versions", {}, status=201)
    again = await step(api, await step(api, again, "propose"), "approve", CEO)
    refused = await step(api, again, "activate", status=409)
    assert "'One' of a unit above is unifying" in refused["detail"]


async def test_a_plan_that_says_something_else_than_the_one_above_wants_is_approved_only_with_a_reason(
    client: Any,
) -> None:
    api, _ = client
    together = await a_plan(api, name="Together", kind="federated")
    root = (await read(api, f"/{together['plan_id']}/nodes", levels=0))["nodes"][0]["node_id"]
    together, north_above = await child(api, together, root, "unit", unit_id("north"))
    together = await numbered(api, await numbered(api, together, "1000"), "600", node=north_above)
    north = await numbered(api, await a_plan(api, name="North", org=str(unit_id("north"))), "999999")
    alone = await read(api, f"/{north['plan_id']}/bound")
    assert set(alone.values()) == {None}, "nothing is in force yet"
    await in_force(api, together)

    bound = await read(api, f"/{north['plan_id']}/bound")
    assert {name: bound[name] for name in ("name", "amount", "said", "gap")} == {
        "name": "Together", "amount": "600.00", "said": "999999.00", "gap": "999399.00",
    }  # fmt: skip
    proposed = await step(api, north, "propose")
    seen = as_seen(proposed, CEO)
    refused = await send(api, f"/{north['plan_id']}/approve", {}, headers=seen, status=422)
    assert "'Together' in force wants 600.00 EUR of" in refused["detail"]
    assert "says 999999.00 EUR" in refused["detail"]
    approved = await send(api, f"/{north['plan_id']}/approve", {"note": "The board wants more."}, headers=seen)
    assert approved["state"] == "approved"
    same = await numbered(api, await a_plan(api, name="New", org=str(unit_id("north")), deal_type="new"), "5")
    proposed = await step(api, same, "propose")
    await send(api, f"/{same['plan_id']}/approve", {}, headers=as_seen(proposed, CEO))  # of another type of deals
