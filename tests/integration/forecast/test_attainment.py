"""Quotas as what is wanted of each node and month: beside what is closed, in every view, and never divided by."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.common import clock
from libs.common.events.deals import PersonPlaced
from libs.common.ids import ROOT_UNIT, unit_id
from tests.integration.forecast.calling import (
    CSO,
    EMEA,
    NORTH,
    NOW,
    PERIOD,
    SOUTH,
    a_region,
    get,
    manager,
    post,
    seller,
)
from tests.integration.forecast.given import AT, at, deal, handle, named, received, rows
from tests.integration.forecast.test_booked_rates import set_rates
from tests.integration.forecast.test_calls_import import upload
from tests.support.keys import bearer

Api = Callable[[str], tuple[Any, Any]]

QUOTAS = f"""unit,owner,period,amount
company,,2024Q4,1000
EMEA,,2024Q4,900
EMEA/North,,2024Q4,400
,{named("ann")},2024Q4,250.50
,{named("bob")},2024Q4,0
"""
CHOSEN = {
    "node": ["quota", "state", "source", "parts", "unallocated", "over_assigned", "closed_won", "attainment", "gap"]
}


@pytest.fixture(autouse=True)
def in_november() -> Iterator[None]:
    with at(NOW):
        yield


@pytest.fixture
async def client(api_for: Api) -> Any:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    return client, runtime.database


async def attained(api: Any, headers: dict[str, str] = CSO, **asked: Any) -> dict[str, Any]:
    return await get(api, "attainment", headers, **({"period": PERIOD} | asked))


def told(node: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(node[name] for name in CHOSEN["node"])


def every(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["node"]["id"]: each for each in (found["node"], *found["below"])}


async def test_each_node_has_its_quota_its_parts_and_what_is_unallocated(client: Any) -> None:
    api, _ = client
    assert (await upload(api, "quotas", QUOTAS))["accepted"] == 5
    found = await attained(api, below="all")
    nodes = every(found)
    assert told(found["node"]) == (
        "1000.00", "set", "own", "900.00", "100.00", "-0.1000", "100.00", "0.1000", "900.00",
    )  # fmt: skip
    assert told(nodes[str(NORTH)]) == (
        "400.00", "set", "own", "250.50", "149.50", "-0.3737", "100.00", "0.2500", "300.00",
    )  # fmt: skip
    assert told(nodes[str(SOUTH)]) == (None, "unassigned", None, None, None, None, "0.00", None, None)
    assert told(nodes[str(named("ann"))]) == (
        "250.50", "set", "own", None, None, None, "100.00", "0.3992", "150.50",
    )  # fmt: skip
    assert told(nodes[str(named("bob"))]) == ("0.00", "zero", "own", None, None, None, "0.00", None, "0.00")
    assert nodes[str(named("cyd"))]["state"] == "unassigned"
    for node in nodes.values():
        children = [each for each in nodes.values() if each["parent_id"] == node["node"]["id"]]
        if node["node"]["kind"] == "unit" and node["quota"] is not None:
            parts = sum(Decimal(each["quota"]) for each in children if each["quota"] is not None)
            assert parts + Decimal(node["unallocated"]) == Decimal(node["quota"])
            assert sum(Decimal(each["closed_won"]) for each in children) == Decimal(node["closed_won"])
    seen = {None, found["node"]["parent_id"]}
    for node in nodes.values():
        assert node["parent_id"] in seen, "a node comes after the one above it"
        seen.add(node["node"]["id"])
    call = await get(api, "call", period=PERIOD, value_basis="one_off")
    assert found["node"]["closed_won"] == call["lines"]["closed_won"]["amount"]
    right_below = await attained(api)
    assert [each["node"]["id"] for each in right_below["below"]] == [
        each["node"]["id"] for each in found["below"] if each["depth"] == 1
    ]


async def test_without_a_quota_there_is_no_attainment_and_no_chance(client: Any) -> None:
    api, _ = client
    found = await attained(api)
    assert told(found["node"]) == (None, "blank", None, None, None, None, "100.00", None, None)
    assert (found["node"]["chance"], found["needed"], found["months_unallocated"]) == (None, None, None)
    assert [(each["quota"], each["source"], each["variance"]) for each in found["months"]] == [(None, None, None)] * 3
    bridge = await get(api, "projection/bridge", period=PERIOD)
    assert (bridge["levels"][-1], bridge["target_is"]) == ({"level": "target", "amount": None}, None)
    await upload(api, "quotas", "unit,period,amount\ncompany,2024Q4,0\n")
    zero = await attained(api)
    assert told(zero["node"]) == ("0.00", "zero", "own", None, "0.00", None, "100.00", None, "-100.00")
    assert (zero["node"]["chance"], zero["needed"]) == (None, None)


async def test_a_month_without_sales_shows_its_full_negative_variance(client: Any) -> None:
    """October brought 100, November nothing so far; December is to come."""
    api, _ = client
    await upload(api, "quotas", "unit,period,amount\ncompany,2024Q4,100\n")
    even = await attained(api)
    assert [(each["quota"], each["source"], each["variance"], each["is_over"]) for each in even["months"]] == [
        ("33.34", "even", "66.66", True),
        ("33.33", "even", "-33.33", False),
        ("33.33", "even", "-33.33", False),
    ]
    assert [each["variance_to_date"] for each in even["months"]] == ["66.66", "33.33", "0.00"]
    assert even["months_unallocated"] == "0.00"
    await upload(
        api, "quotas", "unit,period,amount\ncompany,2024-10,70\nEMEA/North,2024-11,20\nEMEA/South,2024-11,5.05\n"
    )
    own = await attained(api)
    assert [(each["quota"], each["source"], each["variance"]) for each in own["months"]] == [
        ("70.00", "own", "30.00"),
        ("25.05", "own", "-25.05"),
        (None, None, None),
    ]
    assert own["months_unallocated"] == "4.95"
    month = await attained(api, period="2024-11")
    assert told(month["node"])[:2] == ("25.05", "set")
    assert [each["variance"] for each in month["months"]] == ["-25.05"]


async def test_a_quarter_is_made_of_its_months_and_a_year_of_its_quarters(client: Any) -> None:
    api, _ = client
    months = "".join(f"EMEA/North,2024-{month},{month}\n" for month in (10, 11, 12))
    await upload(api, "quotas", "unit,period,amount\n" + months)
    found = await attained(api)
    assert (found["node"]["quota"], found["node"]["source"]) == ("33.00", "below")
    assert every(await attained(api, org=str(EMEA)))[str(NORTH)]["source"] == "periods"
    assert (await attained(api, period="FY2024"))["node"]["state"] == "blank", "three quarters have none"
    await upload(api, "quotas", "unit,period,amount\n" + "".join(f"EMEA/North,2024Q{n},10\n" for n in (1, 2, 3)))
    year = await attained(api, period="FY2024")
    assert year["node"]["quota"] == "63.00"
    assert [each["quota"] for each in year["months"]][:3] == ["3.34", "3.33", "3.33"]
    assert year["months_unallocated"] == "0.00"


async def test_changing_period_type_view_or_organisation_deletes_no_quota(client: Any) -> None:
    api, database = client
    await upload(api, "quotas", QUOTAS)
    before, kept = await attained(api, below="all"), await rows(database, "SELECT * FROM quota ORDER BY quota_id")
    for asked in ({"period": "2024-11"}, {"period": "FY2024"}, {"deal_type": "new"}, {"value_basis": "arr"}):
        other = await attained(api, **asked)
        assert other["node"]["quota"] is None, "what is said of one period, type and basis says nothing of another"
    for asked in ({"org": str(NORTH)}, {"organisation": "was"}, {"currency": "USD"}, {"rate": "booked"}):
        assert (await attained(api, **asked))["node"]["quota"] is not None
    moved = PersonPlaced(person_id=named("ann"), version=2, valid_from=AT + timedelta(days=5), unit_id=SOUTH)
    await handle(database, [received(moved, named("ann"), 2, at=AT + timedelta(days=5))])
    today = every(await attained(api, below="all"))
    assert today[str(named("ann"))]["parent_id"] == str(SOUTH), "a person's target moves with them"
    assert (today[str(SOUTH)]["quota"], today[str(NORTH)]["unallocated"]) == ("250.50", "400.00")
    was = every(await attained(api, below="all", as_of=AT.isoformat(), known_at=clock.now().isoformat()))
    assert was[str(named("ann"))]["parent_id"] == str(NORTH)
    assert await rows(database, "SELECT * FROM quota ORDER BY quota_id") == kept
    assert before["node"]["quota"] == today[str(ROOT_UNIT)]["quota"] == "1000.00"


async def test_changing_the_model_deletes_no_quota_call_or_adjustment(client: Any) -> None:
    api, database = client
    await upload(api, "quotas", QUOTAS)
    await post(api, "submissions", seller("ann"), period=PERIOD, amount="350")
    await post(
        api,
        "adjustments",
        CSO,
        owner=str(named("ann")),
        period=PERIOD,
        delta="-10",
        reason="r",
        expires_at="2024-12-01T00:00:00Z",
    )
    tables = ("quota", "submission", "adjustment_entry")
    kept = [await rows(database, f"SELECT * FROM {table} ORDER BY 1") for table in tables]  # noqa: S608
    assert [len(each) for each in kept] == [5, 1, 1]
    before = every(await attained(api, below="all"))
    for method in ("engine", "blended"):
        headers = CSO | {"Idempotency-Key": method}
        chosen = await api.post("/v1/forecast/champion", json={"method": method, "reason": "a try"}, headers=headers)
        assert chosen.status_code == 201, chosen.text
        assert [await rows(database, f"SELECT * FROM {table} ORDER BY 1") for table in tables] == kept  # noqa: S608
        now = every(await attained(api, below="all"))
        assert {node: told(each) for node, each in now.items()} == {node: told(each) for node, each in before.items()}
        north = await get(api, "calls", period=PERIOD, org=str(NORTH))
        (ann,) = [child for child in north["children"] if child["node"]["id"] == str(named("ann"))]
        assert ann["call"]["amount"] == "350.00"


async def test_a_quota_is_known_from_when_it_was_said_and_the_newest_holds(client: Any) -> None:
    api, _ = client
    header = "unit,period,amount,made_at\n"
    await upload(api, "quotas", f"{header}company,2024Q4,500,2024-10-01T08:00:00Z\n")
    await upload(api, "quotas", f"{header}company,2024Q4,800,2024-11-10T08:00:00Z\n")
    assert (await attained(api))["node"]["quota"] == "800.00"
    known = clock.now().isoformat()
    then = {"as_of": "2024-11-05T08:00:00Z", "known_at": known}
    assert (await attained(api, **then))["node"]["quota"] == "500.00"
    assert (await attained(api, **then, organisation="is"))["node"]["quota"] == "500.00"
    early = {"as_of": "2024-11-05T08:00:00Z", "known_at": "2024-11-05T08:00:00Z"}
    assert (await attained(api, **early))["node"]["state"] == "blank", "nobody here knew of it"


async def test_in_another_currency_quota_and_closed_are_at_the_same_rate_set(client: Any) -> None:
    api, _ = client
    await set_rates(api, datetime.fromisoformat("2024-10-01T09:00:00Z"), USD="0.5")
    await upload(api, "quotas", QUOTAS)
    euros, dollars = every(await attained(api, below="all")), await attained(api, below="all", currency="USD")
    assert dollars["currency"] == "USD"
    for key, node in every(dollars).items():
        for name in ("quota", "parts", "unallocated", "closed_won", "gap"):
            expected = euros[key][name]
            assert (node[name] and Decimal(node[name])) == (expected and 2 * Decimal(expected)), name
        assert node["attainment"] == euros[key]["attainment"]


async def test_scope_is_the_callers_own(client: Any) -> None:
    api, _ = client
    await upload(api, "quotas", QUOTAS)
    theirs = await attained(api, manager())
    assert (theirs["node"]["node"]["id"], theirs["node"]["quota"]) == (str(NORTH), "400.00")
    assert {each["node"]["id"] for each in theirs["below"]} == {str(named("ann")), str(named("bob"))}
    assert (await attained(api, seller("ann")))["node"]["node"]["id"] == str(NORTH)
    beyond = await api.get("/v1/forecast/attainment", params={"period": PERIOD, "org": str(SOUTH)}, headers=manager())
    assert beyond.status_code == 403
    above = await attained(api, manager(), org=str(EMEA), below="all")
    assert (above["node"]["quota"], above["node"]["source"]) == ("400.00", "below"), "not what stands above them"
    assert str(SOUTH) not in every(above)


async def test_a_file_carries_the_numbers_of_the_reading(client: Any) -> None:
    api, _ = client
    await upload(api, "quotas", QUOTAS)
    found = await attained(api, below="all")
    for table, wanted in (("nodes", [found["node"], *found["below"]]), ("months", found["months"])):
        asked = {"period": PERIOD, "below": "all", "table": table, "format": "csv"}
        answer = await api.get("/v1/forecast/attainment", params=asked, headers=CSO)
        assert answer.status_code == 200
        lines = list(csv.DictReader(io.StringIO(answer.text)))
        assert len(lines) == len(wanted)
        for line, each in zip(lines, wanted, strict=True):
            for name in ("quota", "closed_won", "unallocated", "gap", "attainment", "variance_to_date"):
                if name in each:
                    assert line[name] == (each[name] or ""), name
    parquet = await api.get("/v1/forecast/attainment", params={"period": PERIOD, "format": "parquet"}, headers=CSO)
    assert parquet.content[:4] == b"PAR1"


async def test_what_cannot_be_read_says_what_to_do(client: Any) -> None:
    api, _ = client
    for asked, kind in (
        ({"period": "Q4 2024"}, "unreadable-period"),
        ({"currency": "XXQ"}, "unreadable-currency"),
        ({"org": str(unit_id("nowhere"))}, "unknown-unit"),
    ):
        answer = await api.get("/v1/forecast/attainment", params={"period": PERIOD} | asked, headers=CSO)
        assert answer.json()["type"].endswith(kind)
    assert (await api.get("/v1/forecast/attainment", headers=bearer("cso"))).status_code == 422


async def test_of_a_period_that_is_over_nothing_is_likely_any_more(client: Any) -> None:
    api, database = client
    won = {"state": "won", "category": None, "closed_on": date(2024, 8, 5), "owner_id": named("ann")}
    await handle(database, [deal("in august", amount=Decimal(60), **won)])
    await upload(api, "quotas", "unit,period,amount\ncompany,2024Q3,40\n")
    found = await attained(api, period="2024Q3")
    assert (found["is_over"], found["node"]["attainment"], found["node"]["gap"]) == (True, "1.5000", "-20.00")
    assert (found["node"]["chance"], found["needed"]) == (None, None)
