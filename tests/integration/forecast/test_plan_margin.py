"""A plan of margin: what is left of the bookings whose cost is known, of how much of them that is, and nothing guessed of the rest."""

import csv
import io
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from libs.common.ids import ROOT_UNIT, unit_id
from tests.integration.forecast.calling import NOW
from tests.integration.forecast.given import at, deal, handle, named, organisation, rows
from tests.integration.forecast.planning import CSO, a_plan, as_seen, child, in_force, money, numbered, read, send
from tests.integration.forecast.quotes import quote_of, weighed
from tests.integration.forecast.reviewing import get, opened, post
from tests.support.keys import bearer

Api = Callable[[str], tuple[Any, Any]]
SALES = {
    "known": ("ann", 1000, date(2024, 10, 5)),
    "at a loss": ("ann", 100, date(2024, 11, 4)),
    "without a cost": ("bob", 400, date(2024, 10, 9)),
    "without a quote": ("cyd", 2500, date(2024, 10, 20)),
    "the year before": ("ann", 800, date(2023, 11, 1)),
}


@pytest.fixture
async def sold(api_for: Api) -> AsyncIterator[Any]:
    """Two teams: North sold with and without known costs, South without any; a year ago everything had its cost."""
    api, runtime = api_for("forecast")
    with at(NOW):
        teams = {"EMEA/North": ["ann", "bob"], "EMEA/South": ["cyd"]}
        await organisation(runtime.database, teams, at=datetime(2023, 1, 1, tzinfo=UTC))
        won = {"state": "won", "category": None}
        await handle(
            runtime.database,
            [
                deal(
                    name,
                    owner_id=named(owner),
                    amount=Decimal(amount),
                    closed_on=day,
                    quote_id=None if name == "without a quote" else quote_of(name),
                    **won,
                )
                for name, (owner, amount, day) in SALES.items()
            ],
        )
        costs = {"known": ("950", "600"), "at a loss": ("90", "120"), "the year before": ("800", "500")}
        quotes = [weighed(name, str(SALES[name][1]), pocket_amount=p, cost_amount=c) for name, (p, c) in costs.items()]
        await handle(runtime.database, [*quotes, weighed("without a cost", "400", pocket_amount="380"), *quotes])
        yield api, runtime.database


async def margin_of_teams(api: Any, **more: Any) -> dict[str, Any]:
    """A plan of the quarter in bookings and margin, by team."""
    plan = await a_plan(api, period="2024Q4", measures=["bookings", "margin"], **more)
    root = (await read(api, f"/{plan['plan_id']}/nodes"))["nodes"][0]["node_id"]
    cell = {"node_id": root, "measure": "margin", "period": "2024Q4", "amount": "1000"}
    plan = await send(api, f"/{plan['plan_id']}/edits", {"cells": [cell]}, headers=as_seen(plan))
    plan, emea = await child(api, plan, root, "unit", unit_id("EMEA"))
    plan, _ = await child(api, plan, emea, "unit", unit_id("EMEA/North"))
    plan, _ = await child(api, plan, emea, "unit", unit_id("EMEA/South"))
    return plan


def by_label(found: dict[str, Any]) -> dict[str, Any]:
    return {each["label"]: each for each in found["nodes"]}


async def test_margin_counts_the_deals_whose_cost_is_known_and_says_of_how_much_of_the_bookings(sold: Any) -> None:
    api, _ = sold
    plan = await margin_of_teams(api)
    found = await read(api, f"/{plan['plan_id']}/attainment", measure="margin", levels=9)
    nodes = by_label(found)
    told = {label: (each["closed"], each["bookings_costed"], each["bookings"]) for label, each in nodes.items()}
    assert told == {
        "Company": ("320.00", "1100.00", "4000.00"),
        "EMEA": ("320.00", "1100.00", "4000.00"),
        "North": ("320.00", "1100.00", "1500.00"),
        "South": (None, "0.00", "2500.00"),
    }, "350 of the one, 30 lost on the other, and nothing is known of the rest"
    whole, south = nodes["Company"], nodes["South"]
    assert (whole["attainment"], whole["gap"]) == ("0.3200", "680.00")
    assert {south[name] for name in ("attainment", "gap", "pace", "closed_elsewhere")} == {None}
    assert nodes["EMEA"]["closed_elsewhere"] == "0.00"
    months = {each["period"]: each["closed"] for each in nodes["North"]["months"]}
    assert months == {"2024-10": "350.00", "2024-11": "-30.00", "2024-12": "0.00"}, "who sells nothing has no margin"
    assert {each["closed"] for each in south["months"]} == {None, "0.00"}
    assert (found["unit_of_measure"], found["why_no_projection"]) == ("EUR", "Only bookings are projected.")
    booked = by_label(await read(api, f"/{plan['plan_id']}/attainment", levels=9))["South"]
    assert (booked["closed"], booked["bookings"], booked["bookings_costed"]) == ("2500.00", None, None)


async def test_margin_is_a_file_too_and_unknown_is_empty_there(sold: Any) -> None:
    api, _ = sold
    plan = await margin_of_teams(api)
    asked = {"measure": "margin", "levels": 9, "format": "csv"}
    answer = await api.get(f"/v1/plans/{plan['plan_id']}/attainment", params=asked, headers=CSO)
    lines = {row["label"]: row for row in csv.DictReader(io.StringIO(answer.text))}
    assert [lines["North"][name] for name in ("closed", "bookings_costed", "bookings")] == [
        "320.00",
        "1100.00",
        "1500.00",
    ]
    assert (lines["South"]["closed"], lines["South"]["bookings"]) == ("", "2500.00")


async def test_who_is_shown_no_costs_is_told_no_margin(sold: Any) -> None:
    api, _ = sold
    plan = await margin_of_teams(api)
    seller = bearer("seller", scope=(ROOT_UNIT,), subject="user:sam")
    found = await read(api, f"/{plan['plan_id']}/attainment", measure="margin", levels=9, headers=seller)
    nodes = by_label(found)
    assert {each["closed"] for each in nodes.values()} == {None}
    assert {each["bookings_costed"] for each in nodes.values()} == {"0.00"}


async def test_what_is_told_of_costs_later_changes_nothing_of_what_was_known_then(sold: Any) -> None:
    api, database = sold
    plan = await margin_of_teams(api)
    later = datetime(2024, 11, 21, 9, tzinfo=UTC)
    with at(datetime(2024, 11, 22, 9, tzinfo=UTC)):
        told = weighed("without a cost", "400", revision=2, known=later, pocket_amount="380", cost_amount="180")
        await handle(database, [told])
        asked: dict[str, Any] = {"measure": "margin", "as_of": NOW.isoformat()}
        then = await read(api, f"/{plan['plan_id']}/attainment", known_at=NOW.isoformat(), **asked)
        now = await read(api, f"/{plan['plan_id']}/attainment", **asked)
    assert then["nodes"][0]["closed"] == "320.00"
    assert (now["nodes"][0]["closed"], now["nodes"][0]["bookings_costed"]) == ("520.00", "1500.00")


async def test_margin_is_drafted_and_divided_by_what_came_only_where_all_of_it_is_known(sold: Any) -> None:
    api, database = sold
    plan = await a_plan(api, period="2024Q4", measures=["margin"], org=str(unit_id("EMEA")))
    body = {"growth": "0.1", "dimensions": ["unit"], "measure": "margin"}
    plan = await send(api, f"/{plan['plan_id']}/draft", body, headers=as_seen(plan))
    nodes = by_label(await read(api, f"/{plan['plan_id']}/attainment", measure="margin", levels=9))
    assert (nodes["EMEA"]["target"], nodes["North"]["target"]) == ("330.00", "330.00"), "300 a year ago, and a tenth"
    late = deal(
        "late", owner_id=named("cyd"), amount=Decimal(50), state="won", category=None, closed_on=date(2023, 12, 1)
    )
    await handle(database, [late])
    refused = await send(api, f"/{plan['plan_id']}/draft", body, headers=as_seen(plan), status=409)
    assert "whose cost is known" in refused["detail"]
    root = nodes["EMEA"]["node_id"]
    dividing = {"node_id": root, "measure": "margin", "period": "2024Q4", "method": "prior_year"}
    await send(api, f"/{plan['plan_id']}/allocations", dividing, headers=as_seen(plan), status=409)
    plan = await send(api, f"/{plan['plan_id']}/allocations", dividing | {"method": "even"}, headers=as_seen(plan))
    found = await read(api, f"/{plan['plan_id']}/attainment", measure="margin", levels=9)
    assert [each["target"] for each in found["nodes"] if each["depth"] == 1] == ["165.00", "165.00"]


async def test_a_review_tells_no_margin_to_who_is_shown_no_costs(sold: Any) -> None:
    api, _ = sold
    plan = await in_force(api, await numbered(api, await margin_of_teams(api), "5000"))
    review = await opened(api, plan)
    path = f"/{review['review']['review_id']}"
    seller = bearer("seller", subject="user:ann")
    told = await get(api, path, headers=seller)
    assert [each["measure"] for each in review["evidence"]["beside"]] == ["margin"]
    assert told["evidence"] == review["evidence"] | {"beside": []}
    assert (told["review"]["digest"], told["is_whole"]) == (review["review"]["digest"], True)
    assert "margin" in (await get(api, f"{path}/evidence", headers=seller, status=403))["detail"]
    assert await get(api, f"{path}/bridge", headers=seller) == await get(api, f"{path}/bridge")
    assert await get(api, f"{path}/evidence") == review["evidence"]


async def test_a_plan_of_margin_is_no_target_of_bookings(sold: Any) -> None:
    api, _ = sold
    plan = await numbered(api, await margin_of_teams(api), "5000")
    nodes = by_label(await read(api, f"/{plan['plan_id']}/attainment"))
    assert money(nodes["Company"]["target"]) == Decimal(5000), "measures are never mixed"


async def test_a_review_keeps_margin_only_where_all_of_it_is_known_and_is_of_no_plan_without_bookings(
    sold: Any,
) -> None:
    api, database = sold
    plan = await in_force(api, await numbered(api, await margin_of_teams(api), "5000"))
    (before,) = (await opened(api, plan))["evidence"]["beside"]
    assert (before["measure"], before["target"], before["done"]) == ("margin", "1000.00", None), (
        "of a part it was known"
    )
    alone = await a_plan(api, name="Margin alone", period="2025Q1", measures=["margin"])
    refused = await post(api, f"/policies/{alone['plan_id']}", {"day_of_month": 5}, status=422)
    assert "is of margin, not of bookings" in refused["detail"]
    assert (await rows(database, "SELECT count(*) AS n FROM review_policy"))[0]["n"] == 0
