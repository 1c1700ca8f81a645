"""How likely a quota is reached, and what it needs: the projection's and the metric's own answers, node by node."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from libs.common.ids import ROOT_UNIT, unit_id
from tests.integration.forecast.given import at, handle, named, organisation
from tests.integration.forecast.test_calls_import import upload
from tests.integration.forecast.test_projection import NOW, ask, company, money

NORTH, SOUTH = unit_id("north"), unit_id("south")
ONE = {"period": "2025Q4", "value_basis": "one_off"}


@pytest.fixture
async def api(api_for: Callable[[str], tuple[Any, Any]]) -> AsyncIterator[Any]:
    client, runtime = api_for("forecast")
    teams = {"north/one": ["ada", "ben"], "north/two": ["cleo"], "south/three": ["dev"]}
    await organisation(runtime.database, teams, at=datetime(2023, 1, 1, tzinfo=UTC))
    events = company()
    for start in range(0, len(events), 1000):
        await handle(runtime.database, events[start : start + 1000])
    with at(NOW):
        yield client


async def test_each_chance_is_the_projections_and_what_it_needs_is_the_metrics(api: Any) -> None:
    whole = await ask(api, **ONE)
    middle = {each["share"]: each["amount"] for each in whole["quantiles"]}[0.5]
    rows = [
        f"company,,2025Q4,{middle}",
        f"north,,2025Q4,{money(middle) * 2 // 3}",
        f"north/one,,2025Q4,{money(middle) / 2:.2f}",
        f",{named('ada')},2025Q4,{money(middle) / 4:.2f}",
        ",".join(["", str(named("ben")), "2025Q4", "0"]),
    ]
    done = await upload(api, "quotas", "\n".join(["unit,owner,period,amount", *rows]) + "\n")
    assert (done["accepted"], done["refused"]) == (5, [])
    found = await ask(api, "attainment", below="all", **ONE)
    assert found["node"]["chance"] == pytest.approx(0.5, abs=0.02)
    chances = {each["node"]["id"]: each for each in (found["node"], *found["below"])}
    for unit in (ROOT_UNIT, NORTH, unit_id("north/one")):
        node = chances[str(unit)]
        alone = await ask(api, org=str(unit), target=node["quota"], **ONE)
        assert node["chance"] == pytest.approx(alone["target"]["probability"], abs=1e-6)
        assert 0 < node["chance"] < 1
    person = chances[str(named("ada"))]
    alone = await ask(api, owner=str(named("ada")), target=person["quota"], **ONE)
    assert person["chance"] == pytest.approx(alone["target"]["probability"], abs=1e-6)
    without = [each for each in chances.values() if each["quota"] is None or not money(each["quota"])]
    assert len(without) > 3
    assert {each["chance"] for each in without} == {None}

    metric = await ask(api, "metrics/required_open", renewals="true", target=found["node"]["quota"], **ONE)
    assert found["needed"]["required_open"] == metric["total"]["value"]
    factors = {each["name"]: each["value"] for each in metric["total"]["factors"]}
    assert found["needed"]["coverage"] == factors["coverage"]
    assert money(factors["gap"]) == money(found["node"]["gap"]), "one population: renewals count for a quota too"

    await the_bridge_ends_with_the_quota(api, found)
    await somebody_who_sees_a_part_gets_its_chance(api, chances[str(NORTH)])


async def the_bridge_ends_with_the_quota(api: Any, found: dict[str, Any]) -> None:
    bridge = await ask(api, "projection/bridge", **ONE)
    levels = [(each["level"], money(each["amount"])) for each in bridge["levels"] if each["amount"] is not None]
    assert (bridge["target_is"], levels[-1]) == ("quota", ("target", money(found["node"]["quota"])))
    for (_, before), (name, after) in pairwise(levels):
        assert before + sum(money(each["amount"]) for each in bridge["steps"] if each["to"] == name) == after
    typed = await ask(api, "projection/bridge", target="5", **ONE)
    assert (typed["target_is"], typed["levels"][-1]["amount"]) == ("typed", "5")
    south = await ask(api, "projection/bridge", org=str(SOUTH), **ONE)
    assert (south["target_is"], south["levels"][-1]["amount"]) == (None, None)


async def somebody_who_sees_a_part_gets_its_chance(api: Any, north: dict[str, Any]) -> None:
    theirs = (await ask(api, "attainment", scope=(NORTH,), **ONE))["node"]
    assert (theirs["quota"], theirs["chance"]) == (north["quota"], pytest.approx(north["chance"], abs=1e-6))
