"""A draft made anew leaves nothing of the earlier one, keeps what was typed, and takes nothing of another measure."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from libs.common.ids import unit_id
from tests.integration.forecast.given import at, handle, organisation
from tests.integration.forecast.planning import a_plan, as_seen, cell, money, numbered, read, send
from tests.integration.forecast.test_projection import NOW, company

YEAR = "FY2026"


@pytest.fixture
async def api(api_for: Callable[[str], tuple[Any, Any]]) -> AsyncIterator[Any]:
    client, runtime = api_for("forecast")
    teams = {"north/one": ["ada", "ben"], "north/two": ["cleo"], "south/three": ["dev"]}
    await organisation(runtime.database, teams, at=datetime(2023, 1, 1, tzinfo=UTC))
    with at(NOW):
        events = company()
        for start in range(0, len(events), 1000):
            await handle(runtime.database, events[start : start + 1000])
        yield client


async def drafted(api: Any, plan: dict[str, Any], growth: str, *dimensions: str, **more: Any) -> dict[str, Any]:
    body = {"growth": growth, "dimensions": list(dimensions)} | more
    return await send(api, f"/{plan['plan_id']}/draft", body, headers=as_seen(plan))


async def nodes(api: Any, plan: dict[str, Any], **asked: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await read(api, f"/{plan['plan_id']}/nodes", levels=20, **asked))["nodes"]
    return found


def by_month(node: dict[str, Any]) -> Decimal:
    return sum((money(each["amount"]) for each in node["cells"] if each["period"][4] == "-"), Decimal())


def months_make_the_year(found: list[dict[str, Any]]) -> None:
    """Of every part: its months are its year, less what of the year no part below has."""
    for node in found:
        year = cell(node, YEAR)
        rest = money(year["unallocated"]) if year["parts"] is not None else Decimal()
        assert by_month(node) == money(year["amount"]) - rest, node["path"]


async def test_a_draft_made_anew_leaves_no_number_of_the_earlier_one(api: Any) -> None:
    plan = await drafted(api, await a_plan(api), "0.10", "unit")
    first = await nodes(api, plan)
    months_make_the_year(first)
    plan = await drafted(api, plan, "1", "unit", "segment")
    second = await nodes(api, plan)
    assert len(second) > len(first)
    months_make_the_year(second)
    plan = await drafted(api, plan, "0.10", "unit")
    assert await nodes(api, plan) == first, "and there and back is as it was"


async def test_what_a_person_typed_stays_where_its_part_does_and_the_draft_says_how_much(api: Any) -> None:
    plan = await drafted(api, await a_plan(api), "0.10", "unit", "segment")
    found = await nodes(api, plan)
    north = next(each for each in found if each["value"] == str(unit_id("north")))
    leaf = next(each for each in found if not each["has_children"] and money(cell(each, YEAR)["amount"]))
    plan = await numbered(api, plan, "777777", node=north["node_id"])
    plan = await numbered(api, plan, "12345.67", node=leaf["node_id"], period="2026-05")
    plan = await numbered(api, plan, "1", node=found[0]["node_id"])
    plan = await drafted(api, plan, "0.20", "unit")
    found = await nodes(api, plan)
    again = {each["node_id"]: each for each in found}
    assert leaf["node_id"] not in again
    assert (cell(again[north["node_id"]], YEAR)["amount"], cell(again[north["node_id"]], YEAR)["manual"]) == (
        "777777.00", True,
    )  # fmt: skip
    assert money(cell(found[0], YEAR)["amount"]) > 1, "the whole is what the draft was asked for"
    months_make_the_year(found)
    assert "of the typed numbers 1 kept, 2 taken back" in plan["versions"][-1]["entries"][-1]["what"]


async def test_drafting_one_measure_takes_nothing_of_another(api: Any) -> None:
    plan = await a_plan(api, measures=["bookings", "pipeline_created"])
    plan = await drafted(api, plan, "0.10", "unit", "segment")
    before = await nodes(api, plan)
    plan = await drafted(api, plan, "0", "unit", measure="pipeline_created")
    assert await nodes(api, plan) == before
    created = await nodes(api, plan, measure="pipeline_created")
    months_make_the_year([each for each in created if cell(each, YEAR)["amount"] is not None])
    body = {"growth": "0", "dimensions": ["segment"], "measure": "pipeline_created"}
    refused = await send(api, f"/{plan['plan_id']}/draft", body, headers=as_seen(plan), status=422)
    assert "other measures have numbers" in refused["detail"]
    assert await nodes(api, plan) == before


async def test_an_edit_that_says_two_things_of_one_is_refused_by_name_and_nothing_is_taken(api: Any) -> None:
    plan = await drafted(api, await a_plan(api), "0.10", "unit")
    before = await nodes(api, plan)
    north = next(each for each in before if each["value"] == str(unit_id("north")))
    one = next(each for each in before if each["parent_id"] == north["node_id"])
    changed = {name: one[name] for name in ("node_id", "parent_id", "dimension", "value")} | {"label": "First"}
    number = {"node_id": one["node_id"], "period": YEAR, "amount": "1"}
    words = {"market": "DACH", "text": "Win it"}
    for body, where in (
        ({"nodes": [changed], "remove": [north["node_id"]]}, "nodes.0"),
        ({"nodes": [changed | {"node_id": None, "value": str(unit_id("south"))}], "remove": [north["node_id"]]}, "nodes.0"),
        ({"nodes": [changed, changed | {"label": "Other"}]}, "nodes.1"),
        ({"cells": [number, number | {"amount": "2"}]}, "cells.1"),
        ({"texts": [words, words | {"text": "Leave it"}]}, "texts.1"),
    ):  # fmt: skip
        refused = await send(api, f"/{plan['plan_id']}/edits", body, headers=as_seen(plan), status=422)
        assert refused["detail"].startswith(where), refused
    assert await nodes(api, plan) == before
    twice = {"remove": [one["node_id"], north["node_id"]]}
    plan = await send(api, f"/{plan['plan_id']}/edits", twice, headers=as_seen(plan))
    assert str(unit_id("north")) not in {each["value"] for each in await nodes(api, plan)}


async def test_a_part_that_was_taken_away_and_comes_again_has_none_of_its_old_numbers(api: Any) -> None:
    plan = await a_plan(api, measures=["bookings", "pipeline_created"])
    plan = await drafted(api, plan, "0.10", "unit")
    north = next(each for each in await nodes(api, plan) if each["value"] == str(unit_id("north")))
    plan = await send(api, f"/{plan['plan_id']}/edits", {"remove": [north["node_id"]]}, headers=as_seen(plan))
    plan = await drafted(api, plan, "0", "unit", measure="pipeline_created")
    again = next(each for each in await nodes(api, plan) if each["value"] == str(unit_id("north")))
    assert {each["state"] for each in again["cells"]} <= {"unassigned", "blank"}
