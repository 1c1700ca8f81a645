"""Plans by HTTP: drafted from the year before, typed, divided, taken from a file, within scope."""

import csv
import io
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from libs.common.ids import ROOT_UNIT, unit_id
from tests.integration.forecast.given import at, handle, named, organisation
from tests.integration.forecast.planning import (
    CSO,
    a_plan,
    amounts,
    as_seen,
    cell,
    child,
    in_force,
    money,
    numbered,
    read,
    send,
    upload,
)
from tests.integration.forecast.test_projection import NOW, company
from tests.support.keys import bearer

YEAR = "FY2026"


@pytest.fixture
async def client(api_for: Callable[[str], tuple[Any, Any]]) -> AsyncIterator[Any]:
    client, runtime = api_for("forecast")
    teams = {"north/one": ["ada", "ben"], "north/two": ["cleo"], "south/three": ["dev"]}
    await organisation(runtime.database, teams, at=datetime(2023, 1, 1, tzinfo=UTC))
    with at(NOW):
        yield client, runtime.database


@pytest.fixture
async def sold(client: Any) -> Any:
    api, database = client
    events = company()
    for start in range(0, len(events), 1000):
        await handle(database, events[start : start + 1000])
    return api, database


async def test_a_plan_is_drafted_from_last_year_in_one_step_and_its_parts_make_the_whole(sold: Any) -> None:
    api, _ = sold
    plan = await a_plan(api)
    assert (plan["state"], plan["version"], plan["currency"], plan["rate_set"]) == ("draft", 1, "EUR", "default")
    drafted = await send(
        api,
        f"/{plan['plan_id']}/draft",
        {"growth": "0.10", "dimensions": ["unit", "segment"]},
        headers=as_seen(plan),
    )
    tree = await read(api, f"/{plan['plan_id']}/nodes", levels=20)
    last_year = await api.get("/v1/forecast/rollup", params={"period": "FY2025", "by": "category"}, headers=CSO)
    closed = money(last_year.json()["totals"]["lines"]["closed_won"]["amount"])
    root = tree["nodes"][0]
    whole = money(cell(root, YEAR)["amount"])
    assert whole == (closed * Decimal("1.1")).quantize(Decimal("0.01"))
    assert {each["dimension"] for each in tree["nodes"]} == {"unit", "segment"}
    await parts_and_unallocated_make_the_whole(tree)
    months = [each["key"] for each in tree["periods"] if each["kind"] == "month"]
    assert sum(money(cell(root, month)["amount"]) for month in months) == whole
    assert money(cell(root, YEAR)["unallocated"]) == 0
    again = await send(
        api,
        f"/{plan['plan_id']}/draft",
        {"growth": "0.20", "dimensions": ["segment"]},
        headers=as_seen(drafted),
    )
    tree = await read(api, f"/{plan['plan_id']}/nodes", levels=20)
    assert {each["dimension"] for each in tree["nodes"][1:]} == {"segment"}, "drafting again puts another tree in place"
    assert "+20.0 %" in again["versions"][-1]["entries"][-1]["what"]
    await it_is_cut_by_a_dimension_it_has(api, plan)
    await what_was_ever_done_is_told(api, plan)


async def parts_and_unallocated_make_the_whole(tree: dict[str, Any]) -> None:
    below: dict[str, dict[str, Decimal]] = {}
    for node in tree["nodes"]:
        for each in node["cells"]:
            if node["parent_id"] and each["amount"] is not None:
                of = below.setdefault(node["parent_id"], {})
                of[each["period"]] = of.get(each["period"], Decimal()) + money(each["amount"])
    for node in tree["nodes"]:
        for each in node["cells"]:
            if node["has_children"] and each["amount"] is not None:
                parts = below.get(node["node_id"], {}).get(each["period"], Decimal())
                assert parts + money(each["unallocated"]) == money(each["amount"])


async def it_is_cut_by_a_dimension_it_has(api: Any, plan: dict[str, Any]) -> None:
    cut = await read(api, f"/{plan['plan_id']}/views", dimension="segment")
    assert sum(money(part["amount"]) for part in cut["parts"]) + money(cut["unallocated"]) == money(cut["amount"])
    other = await read(api, f"/{plan['plan_id']}/views", dimension="market")
    assert (other["parts"], other["unallocated"]) == ([], other["amount"])


async def what_was_ever_done_is_told(api: Any, plan: dict[str, Any]) -> None:
    found = (await read(api, f"/{plan['plan_id']}/capacity"))["items"][0]
    assert (found["best_period"], found["periods"]) == ("FY2024", 1), "FY2025 is not over"
    assert money(found["needs"]) == (money(found["wanted"]) / money(found["best"])).quantize(Decimal("0.0001"))


async def test_a_number_is_divided_and_what_a_person_said_is_kept(sold: Any) -> None:
    api, _ = sold
    plan = await numbered(api, await a_plan(api), "1000000.01")
    root = (await read(api, f"/{plan['plan_id']}/nodes"))["nodes"][0]["node_id"]
    plan, north = await child(api, plan, root, "unit", unit_id("north"))
    plan, south = await child(api, plan, root, "unit", unit_id("south"))
    tree = await read(api, f"/{plan['plan_id']}/nodes")
    assert [cell(each, YEAR)["state"] for each in tree["nodes"]] == ["set", "unassigned", "unassigned"]
    assert cell(tree["nodes"][0], YEAR)["unallocated"] == "1000000.01"

    divide = {"node_id": root, "period": YEAR, "method": "even"}
    plan = await send(api, f"/{plan['plan_id']}/allocations", divide, headers=as_seen(plan))
    assert await amounts(api, plan) == ["1000000.01", "500000.01", "500000.00"]
    plan = await numbered(api, plan, "300000", node=south)
    for method, weights in (("even", {}), ("prior_year", {}), ("trailing_12_months", {}), ("custom", {north: "2"})):
        body = divide | {"method": method, "weights": weights}
        plan = await send(api, f"/{plan['plan_id']}/allocations", body, headers=as_seen(plan))
        assert await amounts(api, plan) == ["1000000.01", "700000.01", "300000.00"], "south was said by a person"
    plan = await numbered(api, plan, "1100000.01", node=south)
    plan = await send(api, f"/{plan['plan_id']}/allocations", divide, headers=as_seen(plan))
    whole = cell((await read(api, f"/{plan['plan_id']}/nodes"))["nodes"][0], YEAR)
    assert (whole["unallocated"], whole["over_assigned"]) == ("-100000.00", "0.1000")

    body = divide | {"node_id": south, "over": "months", "method": "seasonality"}
    plan = await send(api, f"/{plan['plan_id']}/allocations", body, headers=as_seen(plan))
    found = (await read(api, f"/{plan['plan_id']}/nodes", node=south, levels=0))["nodes"][0]
    parts = [money(each["amount"]) for each in found["cells"] if each["period"][4] == "-"]
    assert (len(parts), sum(parts)) == (12, Decimal("1100000.01"))
    assert len(set(parts)) > 2, "as the months of last year, not evenly"


async def test_nobody_sees_or_plans_more_than_their_scope(client: Any) -> None:
    api, _ = client
    plan = await numbered(api, await a_plan(api), "1000")
    of_north = bearer("manager", scope=(unit_id("north"),), subject="user:nils")
    for path in ("", "/nodes", "/capacity", "/texts", "/views"):
        await read(api, f"/{plan['plan_id']}{path}", headers=of_north, status=404, dimension="market")
    assert (await read(api, "", headers=of_north))["items"] == []
    for other in (ROOT_UNIT, unit_id("south")):
        await a_plan(api, org=str(other), headers=of_north, status=403)
    for what in ("edits", "allocations", "draft", "propose", "approve", "activate", "return"):
        bodies: dict[str, dict[str, Any]] = {
            "allocations": {"node_id": str(ROOT_UNIT), "period": YEAR},
            "draft": {"growth": "0", "dimensions": ["market"]},
        }
        body = bodies.get(what, {})
        await send(api, f"/{plan['plan_id']}/{what}", body, headers=as_seen(plan, of_north), status=404)
    north = await a_plan(api, name="North", org=str(unit_id("north")), headers=of_north)
    root = (await read(api, f"/{north['plan_id']}/nodes", headers=of_north))["nodes"][0]["node_id"]
    for dimension, value in (("unit", unit_id("south")), ("person", named("dev"))):
        body = {"nodes": [{"parent_id": root, "dimension": dimension, "value": str(value)}]}
        refused = await send(api, f"/{north['plan_id']}/edits", body, headers=of_north, status=422)
        assert "nodes.0.value" in refused["detail"]
        assert "within north" in refused["detail"]
    seller = bearer("seller", scope=(ROOT_UNIT,), subject="user:ada")
    await a_plan(api, headers=seller, status=403)


async def test_what_a_plan_cannot_have_is_refused_by_name_and_nothing_of_it_is_taken(client: Any) -> None:
    api, _ = client
    plan = await numbered(api, await a_plan(api, deal_type="new"), "1000")
    root = (await read(api, f"/{plan['plan_id']}/nodes"))["nodes"][0]["node_id"]
    good = {"node_id": root, "period": YEAR, "amount": "5"}
    node = {"parent_id": root, "dimension": "market", "value": "DACH"}
    for body, where, why in (
        ({"cells": [good, good | {"measure": "margin"}]}, "cells.1.measure", "measures are never mixed"),
        ({"cells": [good | {"period": "FY2025"}]}, "cells.0.period", "the plan has FY2026"),
        ({"cells": [good | {"amount": "5.001"}]}, "cells.0.amount", "2 decimals"),
        ({"cells": [good | {"node_id": str(ROOT_UNIT)}]}, "cells.0.node_id", "no node"),
        ({"nodes": [node, node], "cells": [good]}, "nodes", "are the same market"),
        (
            {"nodes": [node | {"dimension": "deal_type", "value": "renewal"}]},
            "nodes.0.dimension",
            "types are never mixed",
        ),
        ({"nodes": [node | {"dimension": "unit", "value": "north"}]}, "nodes.0.value", "is not the id"),
        ({"remove": [root]}, "remove.0", "its root"),
    ):
        refused = await send(api, f"/{plan['plan_id']}/edits", body, headers=as_seen(plan), status=422)
        assert refused["detail"].startswith(where), refused
        assert why in refused["detail"], refused
    for body in ({"cells": [good | {"amount": "-1"}]}, {"cells": [good | {"basis": "acv"}]}):
        await send(api, f"/{plan['plan_id']}/edits", body, headers=as_seen(plan), status=422)
    assert await amounts(api, plan) == ["1000.00"]
    assert (await read(api, f"/{plan['plan_id']}"))["sequence"] == plan["sequence"]
    wrong = await read(api, f"/{plan['plan_id']}/nodes", measure="margin", status=422)
    assert "is of bookings, not of margin" in wrong["detail"]


async def test_a_plan_comes_back_from_its_own_file_and_bad_lines_are_named(client: Any) -> None:
    api, _ = client
    plan = await numbered(api, await a_plan(api), "1000")
    file = """path,dimension,value,period,amount,measure
Company / DACH,market,,FY2026,600,
Company / DACH,,,2026Q1,100.50,
Company / Nordics / Deep,market,,FY2026,1,
Company / UK,market,,FY2026,-5,
Company / UK,market,,FY1999,5,
Company / UK,market,,FY2026,5,margin
Company / UK,sector,,FY2026,5,
Company / UK,market,United Kingdom,FY2026,0,
"""
    tried = await upload(api, plan, file, dry_run=True)
    assert (tried["accepted"], tried["new_nodes"], len(tried["refused"])) == (3, 2, 5)
    assert await amounts(api, plan) == ["1000.00"], "it was only tried"
    taken = await upload(api, plan, file)
    assert taken["refused"] == tried["refused"]
    assert [(each["line"], each["column"]) for each in taken["refused"]] == [
        (4, "path"), (5, "amount"), (6, "period"), (7, "measure"), (8, "dimension"),
    ]  # fmt: skip
    tree = await read(api, f"/{plan['plan_id']}/nodes")
    assert [(each["label"], cell(each, YEAR)["amount"], cell(each, YEAR)["state"]) for each in tree["nodes"]] == [
        ("Company", "1000.00", "set"), ("DACH", "600.00", "set"), ("UK", "0.00", "zero"),
    ]  # fmt: skip
    export = await api.get(f"/v1/plans/{plan['plan_id']}/nodes", params={"format": "csv"}, headers=CSO)
    lines = list(csv.DictReader(io.StringIO(export.text)))
    assert (lines[0]["path"], lines[0]["amount"], lines[0]["unallocated"]) == ("Company", "1000.00", "400.00")
    other = await a_plan(api, name="Copy")
    copied = await upload(api, other, "\n".join(without_ids(export.text)))
    assert copied["refused"] == []
    again = await api.get(f"/v1/plans/{other['plan_id']}/nodes", params={"format": "csv"}, headers=CSO)
    assert without_ids(again.text) == without_ids(export.text)


def without_ids(text_of_file: str) -> list[str]:
    rows = list(csv.reader(io.StringIO(text_of_file)))
    return [",".join(row[:-1]) for row in rows]


async def test_the_same_request_twice_makes_one_plan(client: Any) -> None:
    api, _ = client
    headers = CSO | {"Idempotency-Key": "k1"}
    one = await a_plan(api, headers=headers)
    assert await a_plan(api, headers=headers) == one
    reused = await a_plan(api, headers=headers, name="Other", status=409)
    assert "came before with another body" in reused["detail"]


async def test_what_is_to_be_done_in_a_market_is_kept_with_the_version(client: Any) -> None:
    api, _ = client
    plan = await numbered(api, await a_plan(api), "1000")
    words = {
        "market": "DACH",
        "text": "Win the mid-market",
        "campaigns": [str(named("fair"))],
        "promotions": ["Spring"],
    }
    plan = await in_force(api, await send(api, f"/{plan['plan_id']}/edits", {"texts": [words]}, headers=as_seen(plan)))
    second = await send(api, f"/{plan['plan_id']}/versions", {}, status=201)
    changed = words | {"text": "Hold the mid-market"}
    await send(api, f"/{plan['plan_id']}/edits", {"texts": [changed]}, headers=as_seen(second))
    for version, said in ((1, words), (2, changed)):
        assert (await read(api, f"/{plan['plan_id']}/texts", version=version))["items"] == [said]
    assert (await read(api, f"/{plan['plan_id']}/differences", since=1, to=2))["texts"] == ["DACH"]
