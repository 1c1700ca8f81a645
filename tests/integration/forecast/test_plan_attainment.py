"""How far the nodes of a plan are reached: every deal credited once, beside the same numbers as everywhere else."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from libs.common.events.deals import PersonPlaced
from libs.common.ids import ROOT_UNIT, unit_id
from tests.integration.forecast.calling import NOW as NOVEMBER
from tests.integration.forecast.calling import a_region
from tests.integration.forecast.given import at, deal, handle, named, organisation, received
from tests.integration.forecast.planning import (
    CEO,
    CSO,
    a_plan,
    as_seen,
    child,
    in_force,
    money,
    numbered,
    read,
    send,
)
from tests.integration.forecast.test_calls_import import upload as take
from tests.integration.forecast.test_projection import NOW, company
from tests.support.keys import bearer

Api = Callable[[str], tuple[Any, Any]]


@pytest.fixture
async def sold(api_for: Api) -> AsyncIterator[Any]:
    client, runtime = api_for("forecast")
    teams = {"north/one": ["ada", "ben"], "north/two": ["cleo"], "south/three": ["dev"]}
    await organisation(runtime.database, teams, at=datetime(2023, 1, 1, tzinfo=UTC))
    events = company()
    for start in range(0, len(events), 1000):
        await handle(runtime.database, events[start : start + 1000])
    with at(NOW):
        yield client, runtime.database


@pytest.fixture
async def november(api_for: Api) -> AsyncIterator[Any]:
    client, runtime = api_for("forecast")
    with at(NOVEMBER):
        await a_region(runtime.database)
        yield client, runtime.database


async def forecast(api: Any, what: str, headers: dict[str, str] = CSO, **asked: Any) -> dict[str, Any]:
    answer = await api.get(f"/v1/forecast/{what}", params=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def drafted(api: Any, *dimensions: str, period: str = "FY2025", **more: Any) -> dict[str, Any]:
    plan = await a_plan(api, period=period, **more)
    body = {"growth": "0.1", "dimensions": list(dimensions)}
    return await send(api, f"/{plan['plan_id']}/draft", body, headers=as_seen(plan))


async def test_every_node_has_what_its_deals_closed_and_what_they_will(sold: Any) -> None:
    api, _ = sold
    plan = await drafted(api, "unit", "segment", value_basis="one_off")
    found = await read(api, f"/{plan['plan_id']}/attainment", levels=20)
    nodes = found["nodes"]
    root = nodes[0]
    alone = await forecast(api, "projection", period="FY2025", value_basis="one_off", target=root["target"])
    assert root["closed"] == alone["parts"]["closed"]
    assert abs(money(root["projection"]) - money(alone["parts"]["projection"])) <= Decimal("0.02")
    assert root["chance"] == pytest.approx(alone["target"]["probability"], abs=1e-6)
    assert money(root["low"]) <= money(root["projection"]) <= money(root["high"])
    for node in nodes:
        below = [each for each in nodes if each["parent_id"] == node["node_id"]]
        if below:
            assert sum(money(each["closed"]) for each in below) + money(node["closed_elsewhere"]) == money(
                node["closed"]
            )
            assert sum(money(each["target"]) for each in below) + money(node["unallocated"]) == money(node["target"])
            if money(node["closed_elsewhere"]) == 0:
                parts = sum(money(each["projection"]) for each in below)
                assert abs(parts - money(node["projection"])) < Decimal("0.5"), "means add"
        assert sum(money(each["closed"]) for each in node["months"]) == money(node["closed"])
        assert money(node["gap"]) == money(node["target"]) - money(node["closed"])
    north = next(each for each in nodes if each["label"] == "north")
    of_north = await forecast(
        api, "projection", period="FY2025", org=str(unit_id("north")), value_basis="one_off", target=north["target"]
    )
    assert north["closed"] == of_north["parts"]["closed"]
    assert north["chance"] == pytest.approx(of_north["target"]["probability"], abs=0.02)
    assert money(root["required_open"]) >= 0
    december = root["months"][-1]
    assert (december["closed"], money(december["variance"])) == ("0.00", -money(december["target"]))
    await what_is_over_has_no_projection(api)


async def what_is_over_has_no_projection(api: Any) -> None:
    plan = await numbered(api, await a_plan(api, name="Before", period="FY2024"), "100")
    found = await read(api, f"/{plan['plan_id']}/attainment")
    assert (found["is_over"], found["why_no_projection"]) == (True, "The period is over.")
    assert (found["nodes"][0]["chance"], found["nodes"][0]["projection"]) == (None, None)
    assert money(found["nodes"][0]["closed"]) > 0


async def test_a_deal_of_a_product_is_credited_to_its_group_and_to_nobody_twice(november: Any) -> None:
    api, database = november
    won: dict[str, Any] = {"state": "won", "category": None, "closed_on": date(2024, 11, 4), "owner_id": named("ann")}
    sold = {"Platform": 10, "Core": 20, "Edge": 40, "Other": 80}
    await handle(
        database,
        [deal(name, amount=Decimal(units), product=name, market="DACH", **won) for name, units in sold.items()],
    )
    plan = await numbered(api, await a_plan(api, period="2024Q4", measures=["bookings", "new_customers"]), "1000")
    root = (await read(api, f"/{plan['plan_id']}/nodes"))["nodes"][0]["node_id"]
    plan, platform = await child(api, plan, root, "product", "Platform")
    plan, core = await child(api, plan, platform, "product", "Core")
    plan, _ = await child(api, plan, platform, "product", "Edge")
    plan, dach = await child(api, plan, core, "market", "DACH")
    plan, _ = await child(api, plan, root, "product", "")
    found = await read(api, f"/{plan['plan_id']}/attainment", levels=9)
    closed = {each["label"]: (each["closed"], each["closed_elsewhere"]) for each in found["nodes"]}
    assert closed == {
        "Company": ("250.00", "80.00"), "Platform": ("70.00", "10.00"), "Core": ("20.00", "0.00"),
        "DACH": ("20.00", None), "Edge": ("40.00", None), "no product": ("100.00", None),
    }  # fmt: skip
    states = {each["label"]: (each["state"], each["attainment"], each["chance"]) for each in found["nodes"]}
    assert states["Core"] == ("unassigned", None, None), "without a target nothing is attained, and nothing is likely"
    plan = await numbered(api, plan, "0", node=dach)
    found = await read(api, f"/{plan['plan_id']}/attainment", levels=9)
    zero = next(each for each in found["nodes"] if each["label"] == "DACH")
    assert (zero["state"], zero["target"], zero["attainment"], zero["gap"]) == ("zero", "0.00", None, "-20.00")
    await a_month_without_sales_lacks_all_of_its_target(api, plan)
    counted = await read(api, f"/{plan['plan_id']}/attainment", measure="new_customers")
    assert (counted["unit_of_measure"], counted["why_no_projection"]) == (None, "Only bookings are projected.")


async def a_month_without_sales_lacks_all_of_its_target(api: Any, plan: dict[str, Any]) -> None:
    root = (await read(api, f"/{plan['plan_id']}/nodes"))["nodes"][0]["node_id"]
    body = {"node_id": root, "period": "2024Q4", "over": "months", "method": "even"}
    plan = await send(api, f"/{plan['plan_id']}/allocations", body, headers=as_seen(plan))
    months = (await read(api, f"/{plan['plan_id']}/attainment"))["nodes"][0]["months"]
    assert [(each["period"], each["target"], each["closed"], each["variance"]) for each in months] == [
        ("2024-10", "333.34", "100.00", "-233.34"),
        ("2024-11", "333.33", "150.00", "-183.33"),
        ("2024-12", "333.33", "0.00", "-333.33"),
    ]


QUOTAS = """unit,period,amount
EMEA,2024Q4,900
EMEA/North,2024Q4,400
EMEA/North,2024-11,150
"""


async def test_what_the_plan_says_of_a_team_is_its_target_everywhere_and_the_quota_set_by_hand_waits(
    november: Any,
) -> None:
    api, _ = november
    assert (await take(api, "quotas", QUOTAS))["accepted"] == 3
    before = await forecast(api, "attainment", period="2024Q4", below="all")
    plan = await numbered(api, await a_plan(api, period="2024Q4"), "1000")
    root = (await read(api, f"/{plan['plan_id']}/nodes"))["nodes"][0]["node_id"]
    plan, emea = await child(api, plan, root, "unit", unit_id("EMEA"))
    plan, north = await child(api, plan, emea, "unit", unit_id("EMEA/North"))
    plan = await numbered(api, plan, "700", node=north)
    assert await quotas(api) == {"Company": ("900.00", None), "EMEA": ("900.00", "hand"), "North": ("400.00", "hand")}
    assert before == await forecast(api, "attainment", period="2024Q4", below="all") | changing(before)

    active = await in_force(api, plan)
    now = {"Company": ("1000.00", "plan"), "EMEA": ("900.00", "hand"), "North": ("700.00", "plan")}
    assert await quotas(api) == now
    told = await forecast(api, "attainment", period="2024Q4")
    assert [(each["name"], each["version"]) for each in told["plans"]] == [("Growth", 1)]
    month = await forecast(api, "attainment", period="2024-11", org=str(unit_id("EMEA/North")))
    assert (month["node"]["quota"], month["node"]["state"]) == (None, "blank"), "never two truths of one node"
    calls = await forecast(api, "calls", period="2024Q4", org=str(unit_id("EMEA/North")))
    assert calls["node"]["quota"] == "700.00"
    of_north = bearer("manager", scope=(unit_id("EMEA/North"),), subject="user:boss")
    seen = await forecast(api, "attainment", of_north, period="2024Q4")
    assert (seen["node"]["quota"], seen["plans"]) == ("700.00", told["plans"])
    chance = (await read(api, f"/{active['plan_id']}/attainment", node=north))["nodes"][0]["chance"]
    assert seen["node"]["chance"] == pytest.approx(chance, abs=1e-6)
    earlier = await forecast(api, "attainment", period="2024Q4", below="all", as_of="2024-11-19T00:00:00Z")
    assert earlier["plans"] == [], "it did not hold then"
    other = await numbered(api, await a_plan(api, name="Another", period="2024Q4"), "1200")
    await in_force(api, other)
    assert await quotas(api) == {
        "Company": ("1200.00", "plan"),
        "EMEA": ("900.00", "hand"),
        "North": ("400.00", "hand"),
    }
    assert (await read(api, f"/{active['plan_id']}/nodes", version=1, levels=9))["of"] == 3, "nothing is deleted"


async def quotas(api: Any) -> dict[str, Any]:
    found = await forecast(api, "attainment", period="2024Q4", below="all")
    nodes = [found["node"], *found["below"]]
    return {
        each["node"]["label"]: (each["quota"], each["said_by"])
        for each in nodes
        if each["node"]["label"] in ("Company", "EMEA", "North")
    }


def changing(reading: dict[str, Any]) -> dict[str, Any]:
    return {name: reading[name] for name in ("as_of", "known_at", "behind_s", "watermark", "business_date", "needed")}


async def test_moving_a_person_leaves_what_a_team_had_closed_as_it_was(november: Any) -> None:
    api, database = november
    plan = await numbered(api, await a_plan(api, period="2024Q4"), "1000")
    root = (await read(api, f"/{plan['plan_id']}/nodes"))["nodes"][0]["node_id"]
    plan, emea = await child(api, plan, root, "unit", unit_id("EMEA"))
    plan, _ = await child(api, plan, emea, "unit", unit_id("EMEA/North"))
    plan, _ = await child(api, plan, emea, "unit", unit_id("EMEA/South"))
    moved_at = datetime(2024, 11, 15, 9, tzinfo=UTC)
    moved = PersonPlaced(person_id=named("ann"), version=2, valid_from=moved_at, unit_id=unit_id("EMEA/South"))
    await handle(database, [received(moved, named("ann"), 2, at=moved_at)])
    asked: dict[str, Any] = {"levels": 9, "as_of": "2024-11-10T09:00:00Z"}
    for basis, closed in (("was", ("100.00", "0.00")), ("is", ("0.00", "100.00"))):
        found = await read(api, f"/{plan['plan_id']}/attainment", org=basis, **asked)
        nodes = {each["label"]: each["closed"] for each in found["nodes"]}
        assert (nodes["North"], nodes["South"]) == closed
        assert found["organisation"] == basis


async def test_attainment_of_a_plan_is_a_file_too(november: Any) -> None:
    api, _ = november
    plan = await numbered(api, await a_plan(api, period="2024Q4"), "1000")
    answer = await api.get(f"/v1/plans/{plan['plan_id']}/attainment", params={"format": "csv"}, headers=CEO)
    header, line = answer.text.strip().splitlines()
    assert header.startswith("plan,version,measure,period,path,node_id")
    assert line.startswith("Growth,1,bookings,2024Q4,Company,")
    other = bearer("manager", scope=(unit_id("EMEA"),), subject="user:boss")
    await read(api, f"/{plan['plan_id']}/attainment", headers=other, status=404)
    assert str(ROOT_UNIT) in answer.text
