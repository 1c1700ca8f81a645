"""Why a quarter brought another amount than the plan's own drivers make: which of them are the plan's, and to the cent."""

import csv
import io
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import pytest

from libs.common.ids import ROOT_UNIT, unit_id
from services.forecast.assumptions.measures import MONTH_DAYS
from tests.integration.forecast.assuming import NOW, TEAMS, company
from tests.integration.forecast.given import at, handle, organisation
from tests.integration.forecast.planning import a_plan, as_seen, child, in_force, numbered, read, send
from tests.integration.forecast.test_assumptions import BEGAN
from tests.support.keys import bearer


@pytest.fixture
async def client(api_for: Callable[[str], tuple[Any, Any]]) -> AsyncIterator[Any]:
    client, runtime = api_for("forecast")
    await organisation(runtime.database, TEAMS, at=BEGAN)
    events = company()
    for start in range(0, len(events), 1000):
        await handle(runtime.database, events[start : start + 1000])
    with at(NOW):
        plan = await numbered(client, await a_plan(client, period="FY2025"), "1000000")
        root = (await read(client, f"/{plan['plan_id']}/nodes", levels=0))["nodes"][0]["node_id"]
        plan, north = await child(client, plan, root, "unit", unit_id("north"))
        items = [
            {"node_id": root, "metric": "win_rate", "expected": "0.5", "tolerance": "0.1"},
            {"node_id": root, "metric": "creation", "expected": "100", "tolerance": "0.2"},
            {"node_id": root, "metric": "cycle", "expected": "30", "tolerance": "0.2"},
            {"node_id": north, "metric": "size", "expected": "2000", "tolerance": "0.2"},
        ]
        await send(client, f"/{plan['plan_id']}/assumptions", {"items": items}, headers=as_seen(plan))
        await in_force(client, await read(client, f"/{plan['plan_id']}"))
        yield client


async def ask(client: Any, *, status: int = 200, scope: Any = ROOT_UNIT, **asked: Any) -> dict[str, Any]:
    answer = await client.get("/v1/forecast/variance", params=asked, headers=bearer("manager", scope=(scope,)))
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def adds_up(found: dict[str, Any]) -> dict[str, Decimal]:
    terms = {each["term"]: Decimal(each["amount"]) for each in found["terms"]}
    assert Decimal(found["before"]["booked"]) + sum(terms.values()) == Decimal(found["after"]["booked"])
    assert Decimal(found["residual"]) == 0
    return terms


async def test_the_drivers_of_the_plan_take_the_place_of_last_years_and_it_is_said_which(client: Any) -> None:
    found = await ask(client, period="2025Q3", against="plan")
    year = await ask(client, period="2025Q3")
    terms = adds_up(found)
    adds_up(year)
    assert found["plan"]["name"] == "Growth"
    assert {each["driver"]: each["source"] for each in found["drivers"]} == {
        **dict.fromkeys(("opening", "timing", "size"), "prior_year"),
        **dict.fromkeys(("creation", "win_rate"), "plan"),
    }
    before = found["before"]
    assert before["period"] == year["before"]["period"]
    assert before["opening"]["there"] == year["before"]["opening"]["there"]
    assert before["opening"]["win_rate"] == before["created"]["win_rate"] == 0.5
    assert before["created"]["there"] == round(100 * 92 / MONTH_DAYS), "a hundred a month, of ninety-two days"
    assert before["opening"]["mean_size"] == year["before"]["opening"]["mean_size"]
    assert found["after"] == year["after"]
    assert terms["win_rate"] < 0
    assert terms["creation"] < 0, "a hundred a month were assumed, some sixty came"
    assert terms["scope"] == 0
    assert year["plan"] is None
    assert {each["source"] for each in year["drivers"]} == {"prior_year"}


async def test_of_a_unit_below_its_own_drivers_are_taken_by_whoever_leads_it(client: Any) -> None:
    north = await ask(client, period="2025Q3", against="plan", scope=unit_id("north"))
    adds_up(north)
    assert [each["driver"] for each in north["drivers"] if each["source"] == "plan"] == ["size"]
    assert Decimal(north["before"]["opening"]["mean_size"]) == 2000
    refused = await ask(client, period="2025Q3", against="plan", scope=unit_id("south"), status=409)
    assert "no plan in force assumes" in refused["detail"]
    await ask(client, period="2025Q3", against="plan", scope=unit_id("south"), org=str(unit_id("north")), status=403)


async def test_a_part_takes_rates_and_sizes_of_the_nearest_unit_above_that_states_them_but_no_counts(
    client: Any,
) -> None:
    for team, size_of in (("north", "north"), ("south", None)):
        found = await ask(client, period="2025Q3", against="plan", org=str(unit_id(team)))
        year = await ask(client, period="2025Q3", org=str(unit_id(team)))
        adds_up(found)
        said = {each["driver"]: each for each in found["drivers"]}
        assert (said["win_rate"]["source"], said["win_rate"]["of"]) == ("plan", "Company")
        assert found["before"]["created"]["win_rate"] == 0.5
        assert (said["size"]["of"], said["size"]["source"]) == (size_of, "plan" if size_of else "prior_year")
        assert said["creation"] == next(each for each in year["drivers"] if each["driver"] == "creation")
        assert Decimal(said["creation"]["value"]) == year["before"]["created"]["there"]


async def test_the_file_says_of_each_driver_what_the_page_does(client: Any) -> None:
    found = await ask(client, period="2025Q3", against="plan")
    asked = {"period": "2025Q3", "against": "plan", "format": "csv"}
    answer = await client.get("/v1/forecast/variance", params=asked, headers=bearer("manager", scope=(ROOT_UNIT,)))
    lines = {each["term"]: each for each in csv.DictReader(io.StringIO(answer.text))}
    assert list(lines) == ["before", *(each["term"] for each in found["terms"]), "after"]
    assert Decimal(lines["before"]["amount"]) == Decimal(found["before"]["booked"])
    for driver in found["drivers"]:
        for name in ("source", "value", "stated", "by", "of", "assumption_id"):
            assert lines[driver["driver"]][name] == (driver[name] or ""), (driver["driver"], name)
    assert lines["scope"]["source"] == ""


async def test_nothing_is_taken_from_a_plan_that_does_not_hold_for_all_of_the_period(client: Any) -> None:
    await ask(client, period="2024Q3", against="plan", status=409)
    refused = await ask(client, period="2025Q3", against="plan", market="DACH", status=409)
    assert "by market" in refused["detail"]
