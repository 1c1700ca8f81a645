"""Leavers and moves in the forecast: what is open of a leaver is the team's vacant line, and quotas and calls go along."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.common.events.deals import PersonPlaced
from services.forecast.organisation.tree import vacant_line
from tests.integration.forecast.calling import CSO, EMEA, NORTH, NOW, PERIOD, SOUTH, a_region, get, manager, post
from tests.integration.forecast.given import at, handle, named, received
from tests.integration.forecast.test_calls_import import upload

Api = Callable[[str], tuple[Any, Any]]
LEFT = NOW - timedelta(hours=4)


@pytest.fixture(autouse=True)
def in_november() -> Iterator[None]:
    with at(NOW):
        yield


@pytest.fixture
async def client(api_for: Api) -> Any:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    return client, runtime.database


async def leaves(database: Any, name: str) -> None:
    gone = PersonPlaced(person_id=named(name), version=2, valid_from=LEFT, unit_id=NORTH, is_active=False)
    await handle(database, [received(gone, gone.person_id, 2, at=LEFT)])


def money(rows: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """Closed and commit of each row."""
    return {
        row["label"] or row["key"]: (row["lines"]["closed_won"]["amount"], row["lines"]["commit"]["amount"])
        for row in rows
    }


async def test_what_is_open_of_a_leaver_is_the_vacant_line_of_the_team_and_what_is_closed_stays_theirs(
    client: Any,
) -> None:
    api, database = client
    before = await get(api, "rollup", period=PERIOD, by="owner", org=NORTH)
    await leaves(database, "ann")
    for moment in ({}, {"as_of": NOW.isoformat(), "known_at": NOW.isoformat(), "organisation": "was"}):
        owners = await get(api, "rollup", period=PERIOD, by="owner", org=NORTH, **moment)
        assert money(owners["rows"]) == {
            str(named("ann")): ("100.00", "0.00"),
            str(named("bob")): ("0.00", "400.00"),
            "Vacant": ("0.00", "200.00"),
        }
        (line,) = (row for row in owners["rows"] if row["kind"] == "vacant")
        assert (line["key"], line["total"]["count"]) == (str(vacant_line(NORTH)), 2)
        assert owners["totals"]["total"] == before["totals"]["total"]
        tree = (await get(api, "call", period=PERIOD, org=NORTH, **moment))["tree"]
        assert money(tree["children"]) == money(owners["rows"])
        whole = (await get(api, "call", period=PERIOD, org=EMEA, **moment))["tree"]
        assert money(whole["children"]) == {"North": ("100.00", "600.00"), "South": ("0.00", "1000.00")}
    then = {"as_of": (LEFT - timedelta(hours=1)).isoformat(), "known_at": NOW.isoformat(), "organisation": "was"}
    was = await get(api, "rollup", period=PERIOD, by="owner", org=NORTH, **then)
    assert money(was["rows"]) == money(before["rows"])


async def test_the_vacant_line_is_nobodys_attainment_and_no_missing_call(client: Any) -> None:
    api, database = client
    quotas = f"unit,owner,period,amount\n,{named('ann')},{PERIOD},500\nEMEA/North,,{PERIOD},900\n"
    await upload(api, "quotas", quotas)
    await leaves(database, "ann")

    attained = await get(api, "attainment", period=PERIOD, org=NORTH)
    called = await get(api, "calls", period=PERIOD, org=NORTH)

    below = {each["node"]["label"] or each["node"]["id"]: each for each in attained["below"]}
    assert (below["Vacant"]["quota"], below["Vacant"]["attainment"]) == (None, None)
    assert (below[str(named("ann"))]["closed_won"], below[str(named("ann"))]["attainment"]) == ("100.00", "0.2000")
    assert Decimal(attained["node"]["closed_won"]) == sum(Decimal(each["closed_won"]) for each in attained["below"])
    node = called["node"]
    assert (node["children_from_crm"], node["children_of"]) == (2, 2)
    assert Decimal(node["children_amount"]) == 700


async def test_a_supposed_move_takes_quota_and_call_of_both_quarters_along_and_writes_nothing(client: Any) -> None:
    api, _ = client
    quotas = f"unit,owner,period,amount\n,{named('ann')},{PERIOD},500\n,{named('ann')},2025Q1,600\nEMEA/North,,{PERIOD},900\n"
    await upload(api, "quotas", quotas)
    await post(api, "submissions", CSO, owner=str(named("ann")), period=PERIOD, amount="321")
    going = {"person_id": str(named("ann")), "from_unit_id": str(NORTH), "to_unit_id": str(SOUTH)}

    found = await post(api, "organisation/preview", CSO, 200, moves=[going])
    other = await post(api, "organisation/preview", manager(SOUTH), 200, moves=[going])

    assert [each["period"]["key"] for each in found["periods"]] == [PERIOD, "2025Q1"]
    assert [each["quotas"] for each in found["periods"]] == [
        [going | {"amount": "500.00", "currency": "EUR"}],
        [going | {"amount": "600.00", "currency": "EUR"}],
    ]
    assert [each["amount"] for each in found["periods"][0]["calls"]] == ["321.00"]
    assert {each["unit_id"]: each["quota"] for each in found["periods"][0]["units"]} == {
        str(NORTH): "900.00",
        str(SOUTH): None,
    }
    assert all(not each["quotas"] and not each["calls"] for each in other["periods"])
    assert (await post(api, "organisation/preview", CSO, 200, moves=[going])) == found
