"""Calls by HTTP on a real database: what people say of a period, and what it makes up the organisation."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.common import clock
from tests.integration.forecast.calling import CSO, EMEA, NORTH, NOW, PERIOD, a_region, get, manager, post, seller
from tests.integration.forecast.given import at, deal, handle, named, rows, told

Api = Callable[[str], tuple[Any, Any]]


@pytest.fixture(autouse=True)
def in_november() -> Iterator[None]:
    with at(NOW):
        yield


async def test_a_call_is_told_and_superseded_but_never_edited(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    first = await post(client, "submissions", seller("ann"), period=PERIOD, amount="250", notes="two are close")
    assert first["node"] == {"kind": "person", "id": str(named("ann")), "label": None, "unit_kind": None}
    assert first["base"] == {"closed_won": "100.00", "commit": "200.00", "weighted": "125.00"}
    assert first["to_go"] == "150.00"
    assert first["staleness"]["reasons"] == []
    second = await post(client, "submissions", seller("ann"), period=PERIOD, amount="260", best="300", worst="200")
    current = await get(client, "submissions", seller("ann"), period=PERIOD)
    assert [each["submission_id"] for each in current["items"]] == [second["submission_id"]]
    every = await get(client, "submissions", seller("ann"), period=PERIOD, current="false")
    assert [(each["amount"], each["is_current"]) for each in every["items"]] == [("260.00", True), ("250.00", False)]
    events = await told(runtime.database, "forecast.submission.made.v1")
    assert [event["amount"] for event in events] == ["250.00", "260.00"]
    assert {event["person"] for event in events} == {f"user:{named('ann')}"}


async def test_a_repetition_gives_the_same_call_and_another_body_is_refused(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    once = await post(client, "submissions", seller("ann"), period=PERIOD, amount="250", key="k1")
    again = await post(client, "submissions", seller("ann"), period=PERIOD, amount="250", key="k1")
    assert once["submission_id"] == again["submission_id"]
    await post(client, "submissions", seller("ann"), 409, period=PERIOD, amount="251", key="k1")
    assert len(await told(runtime.database, "forecast.submission.made.v1")) == 1


async def test_the_same_request_twice_at_once_makes_one_call_and_one_event(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    body = {"period": PERIOD, "amount": "250", "key": "k1"}
    made = await asyncio.gather(*(post(client, "submissions", seller("ann"), **body) for _ in range(4)))
    assert len({each["submission_id"] for each in made}) == 1
    assert len(await told(runtime.database, "forecast.submission.made.v1")) == 1


async def test_a_missing_call_stands_at_closed_and_commit_and_is_counted(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    await post(client, "submissions", seller("ann"), period=PERIOD, amount="350")
    call = await get(client, "calls", period=PERIOD)
    assert (call["node"]["from_crm"], call["node"]["of"]) == (2, 3)
    assert call["node"]["steps"] == {
        "closed_won": "100.00",
        "crm": "1700.00",
        "reps": "1750.00",
        "managers": "1750.00",
        "adjusted": "1750.00",
    }
    emea = await get(client, "calls", period=PERIOD, org=str(EMEA))
    assert {child["node"]["label"]: child["steps"]["managers"] for child in emea["children"]} == {
        "North": "750.00",
        "South": "1000.00",
    }
    following = await get(client, "calls", period="2025Q1")
    assert following["node"]["steps"]["managers"] == "0.00"
    assert following["node"]["call"] is None


async def test_a_managers_roll_up_and_own_number_show_their_plug(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    await post(client, "submissions", seller("ann"), period=PERIOD, amount="350")
    rolled = await post(client, "submissions", manager(), period=PERIOD, mode="rollup")
    assert rolled["amount"] == "750.00"
    assert rolled["composition"] == {
        "parts": "children",
        "parts_amount": "750.00",
        "plug": "0.00",
        "from_crm": 1,
        "of": 2,
    }
    own = await post(client, "submissions", manager(), period=PERIOD, amount="700")
    assert own["composition"]["plug"] == "-50.00"
    await post(client, "submissions", seller("bob"), period=PERIOD, amount="500")
    north = (await get(client, "calls", period=PERIOD, org=str(NORTH)))["node"]
    assert (north["steps"]["managers"], north["children_amount"], north["plug"]) == ("700.00", "850.00", "-150.00")
    assert (north["from_crm"], north["of"]) == (0, 1)
    whole = (await get(client, "calls", period=PERIOD))["node"]
    assert whole["steps"]["managers"] == "1700.00"
    assert (whole["from_crm"], whole["of"]) == (1, 2)


async def test_a_superiors_number_stands_only_where_the_node_has_none_of_its_own(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    await post(client, "submissions", CSO, period=PERIOD, org=str(NORTH), amount="600")
    north = (await get(client, "calls", period=PERIOD, org=str(NORTH)))["node"]
    assert (north["call"]["amount"], north["call"]["from_above"]) == ("600.00", True)
    await post(client, "submissions", manager(), period=PERIOD, amount="650")
    await post(client, "submissions", CSO, period=PERIOD, org=str(NORTH), amount="610")
    north = (await get(client, "calls", period=PERIOD, org=str(NORTH)))["node"]
    assert north["call"]["amount"] == "650.00"
    assert [each["amount"] for each in north["other_calls"]] == ["610.00"]


async def test_calls_of_one_type_or_basis_are_never_mixed_with_those_of_another(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    await handle(runtime.database, [deal("ann arr", owner_id=named("ann"), amount=Decimal(7), value_basis="arr")])
    await post(client, "submissions", seller("ann"), period=PERIOD, amount="350")
    arr = await get(client, "calls", period=PERIOD, value_basis="arr")
    assert arr["node"]["steps"]["managers"] == "7.00"
    assert (arr["node"]["from_crm"], arr["node"]["of"]) == (1, 1)
    new = await get(client, "calls", period=PERIOD, deal_type="new")
    assert new["node"]["call"] is None
    assert new["node"]["of"] == 0
    await post(client, "submissions", seller("ann"), 422, period=PERIOD, amount="350", currency="USD")


async def test_changing_period_type_or_view_loses_no_call(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    await post(client, "submissions", seller("ann"), period=PERIOD, amount="350")
    await post(client, "submissions", seller("ann"), period="2024-12", amount="150")
    await post(client, "submissions", seller("ann"), period="FY2024", amount="900")
    await post(
        client,
        "adjustments",
        CSO,
        owner=str(named("ann")),
        period=PERIOD,
        delta="-10",
        reason="r",
        expires_at="2024-12-01T00:00:00Z",
    )
    for _ in range(2):
        for period, amount in ((PERIOD, "350"), ("2024-12", "150"), ("FY2024", "900")):
            north = await get(client, "calls", period=period, org=str(NORTH))
            (ann,) = [child for child in north["children"] if child["node"]["id"] == str(named("ann"))]
            assert ann["call"]["amount"] == f"{amount}.00"
    assert len(await rows(runtime.database, "SELECT 1 FROM submission")) == 3
    assert len(await rows(runtime.database, "SELECT 1 FROM adjustment_entry")) == 1


async def test_a_call_grows_stale_by_age_and_by_what_it_stood_on(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    await post(client, "submissions", seller("ann"), period=PERIOD, amount="350")
    await post(client, "submissions", seller("bob"), period=PERIOD, amount="350")
    later = [deal("bob commit", 2, owner_id=named("bob"), amount=Decimal(421), valid_from=NOW)]
    await handle(runtime.database, later)
    listed = {each["node"]["id"]: each["staleness"] for each in (await get(client, "submissions"))["items"]}
    assert listed[str(named("ann"))]["reasons"] == []
    assert listed[str(named("bob"))]["reasons"] == ["base_moved"]
    assert listed[str(named("bob"))]["base_moved_by"] == "0.0525"
    clock.set_offset(clock.offset().total_seconds() + timedelta(days=8).total_seconds())
    listed = {each["node"]["id"]: each["staleness"] for each in (await get(client, "submissions"))["items"]}
    assert listed[str(named("ann"))]["reasons"] == ["older_than_7_days"]
    assert listed[str(named("bob"))]["reasons"] == ["older_than_7_days", "base_moved"]


async def test_deals_that_a_manager_judges_make_their_call_and_leave_the_crm_alone(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    boss = manager()
    before = await get(client, "rollup", boss, period=PERIOD)
    await post(client, "judgements", boss, deal_id=str(named("ann pipeline")), verdict="in", amount="40", note="signed")
    await post(client, "judgements", boss, deal_id=str(named("bob commit")), verdict="out")
    await post(client, "judgements", boss, deal_id=str(named("ann commit")), verdict="upside")
    await post(client, "judgements", boss, deal_id=str(named("bob commit")), verdict="in", close_date="2024-12-20")
    call = await post(client, "submissions", boss, period=PERIOD, amount="600")
    assert call["composition"] == {
        "parts": "judged",
        "parts_amount": "540.00",
        "plug": "60.00",
        "from_crm": None,
        "of": None,
    }
    judged = (await get(client, "judgements", boss, period=PERIOD, org=str(NORTH), mine="true"))["items"]
    assert {each["deal_name"]: (each["verdict"], each["counts"]) for each in judged} == {
        "ann pipeline": ("in", True),
        "bob commit": ("in", True),
        "ann commit": ("upside", False),
    }
    assert (await get(client, "rollup", boss, period=PERIOD))["totals"] == before["totals"]
    assert await rows(runtime.database, "SELECT count(*) AS n FROM judgement") == [{"n": 4}]
    await post(client, "judgements", boss, 409, deal_id=str(named("ann won")), verdict="in")


async def test_an_ended_period_is_not_called_and_an_own_number_needs_an_amount(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    over = await post(client, "submissions", seller("ann"), 409, period="2024Q3", amount="1")
    assert over["type"] == "urn:foretell:problem:period-over"
    await post(client, "submissions", seller("ann"), 422, period=PERIOD)
    await post(client, "submissions", seller("ann"), 422, period=PERIOD, amount="1.001")
    await post(client, "submissions", seller("ann"), 422, period=PERIOD, amount="10", best="9")
