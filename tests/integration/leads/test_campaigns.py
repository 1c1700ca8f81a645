"""Campaigns: cost by day, leads to pipeline to won by first and last touch, in any order of events."""

import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from libs.common import clock
from libs.common.ids import new_id
from tests.integration.leads.given import deal, handle
from tests.integration.leads.teams import ANN, NORTH, OPS, lead, place
from tests.support.days import business_day
from tests.support.keys import bearer

DAY = business_day().isoformat()


async def send(client: Any, method: str, path: str, body: Any = None, status: int = 200, headers: Any = OPS) -> Any:
    answer = await client.request(method, f"/v1/leads/campaigns{path}", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def file(client: Any, content: str, headers: Any = OPS) -> Any:
    answer = await client.post(
        "/v1/leads/campaigns/costs/file", content=content, headers=headers | {"Content-Type": "text/csv"}
    )
    return answer.json()


async def lines(client: Any, touch: str = "first", headers: Any = OPS) -> dict[str | None, Any]:
    found = await send(client, "GET", f"/returns?touch={touch}", headers=headers)
    assert sum(each["leads"] for each in found["lines"]) == found["leads"]
    assert "not lift" in found["caveat"]
    return {each["name"]: each for each in found["lines"]}


async def test_leads_pipeline_and_won_are_told_of_the_first_and_of_the_last_touch(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    costs = "campaign,day,amount,currency,source,channel\n"
    costs += (
        f"Spring fair,{DAY},1000.00,EUR,Fair,event\nSearch ads,{DAY},,EUR,,\nSearch ads,{DAY},500,EUR,Ads,paid search\n"
    )
    taken = await file(client, costs)
    assert taken == {"taken": 2, "refused": [{"row": 3, "field": "amount", "message": "Field required"}]}
    moved, plain, unknown, other = (new_id() for _ in range(4))
    earlier = clock.now() - timedelta(hours=2)
    await handle(
        runtime.database, lead(moved, at=earlier, source="Fair"), lead(plain, source="Web", campaign="spring FAIR")
    )
    await handle(runtime.database, lead(moved, source="ads", created_at=earlier))
    await handle(runtime.database, lead(unknown, source=None), lead(other, source="Referral"))
    await handle(
        runtime.database,
        deal(new_id(), moved, state="won", amount=Decimal("4000.10"), currency="EUR"),
        deal(new_id(), plain, amount=Decimal("1000.05"), currency="EUR", stage_probability=Decimal("0.5")),
        deal(new_id(), plain, amount=Decimal(9), currency="EUR", removed=True),
    )
    first = await lines(client)
    assert list(first) == ["Spring fair", "Search ads", "Referral", None], "what no campaign claims has lines too"
    fair = first["Spring fair"]
    assert (fair["leads"], fair["deals"], fair["won_deals"]) == (2, 2, 1)
    assert fair["pipeline"] == [{"amount": "1000.05", "currency": "EUR"}]
    assert fair["weighted"] == [{"amount": "500.03", "currency": "EUR"}]
    assert (fair["roi"], fair["weighted_roi"], fair["cost_per_lead"]) == ("3.0001", "3.5001", "500.00")
    assert (first["Search ads"]["leads"], first["Search ads"]["cost_per_lead"], first["Search ads"]["roi"]) == (
        0,
        None,
        "-1.0000",
    )
    assert (first[None]["kind"], first[None]["why"]) == ("unknown", "no cost is known")
    last = await lines(client, "last")
    assert (last["Spring fair"]["leads"], last["Search ads"]["leads"], last["Search ads"]["roi"]) == (1, 1, "7.0002")


async def test_any_order_and_repetition_of_deals_gives_the_same_returns(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    given, deal_id = new_id(), new_id()
    await handle(runtime.database, lead(given, source="Fair"))
    told = [
        deal(deal_id, given, 1, amount=Decimal(10), currency="EUR"),
        deal(deal_id, given, 2, amount=Decimal(20), currency="EUR"),
        deal(deal_id, given, 3, amount=Decimal(30), currency="EUR", state="won"),
    ]
    for seed in range(6):
        mixed = random.Random(seed).sample([*told, *told], k=6)  # noqa: S311
        for each in mixed:
            await handle(runtime.database, each)
        found = (await lines(client))["Fair"]
        assert (found["deals"], found["won"], found["pipeline"]) == (1, [{"amount": "30", "currency": "EUR"}], [])


async def test_a_cost_said_again_replaces_it_and_the_same_file_changes_nothing(api_for: Callable[..., Any]) -> None:
    client, _ = api_for("leads")
    made = await send(client, "POST", "", {"name": "Spring fair", "market": "DE"}, 201)
    path = f"/{made['campaign_id']}"
    await send(client, "POST", f"{path}/costs", {"day": DAY, "amount": "10.50", "currency": "EUR"}, 201)
    content = f"campaign,day,amount,currency\nSpring fair,{DAY},12,EUR\n"
    for _ in range(2):
        await file(client, content)
    (cost,) = (await send(client, "GET", f"{path}/costs"))["items"]
    assert (cost["amount"], cost["version"]) == ("12", 2)
    taken = await send(client, "POST", "", {"name": "spring FAIR"}, 409)
    assert taken["type"] == "urn:foretell:problem:campaign-name-taken"
    await send(client, "PUT", path, {"name": "Spring fair", "channel": "event"})
    assert (await send(client, "GET", ""))["items"][0]["channel"] == "event"
    await send(client, "POST", f"{path}/costs", {"day": DAY, "amount": "1.005", "currency": "EUR"}, 422)
    refused = await file(client, "campaign,cost\nSpring fair,1\n")
    assert refused["type"] == "urn:foretell:problem:unreadable-costs"


async def test_who_sees_a_part_of_the_leads_sees_no_cost_against_them(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await place(runtime.database)
    await file(client, f"campaign,day,amount,currency,source\nFair,{DAY},100,EUR,Fair\n")
    await handle(runtime.database, lead(owner_id=ANN, source="Fair"), lead(owner_id=UUID(int=5), source="Fair"))
    part = (await lines(client, headers=bearer("manager", scope=(NORTH,))))["Fair"]
    assert (part["leads"], part["cost"], part["cost_per_lead"]) == (1, [], None)
    assert "you see a part" in part["why"]
    assert (await lines(client))["Fair"]["cost_per_lead"] == "50.00"
    await send(client, "POST", "", {"name": "X"}, 403, bearer("seller"))
