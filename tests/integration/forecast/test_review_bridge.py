"""Why a plan's year brought another amount than the plan said, as its review keeps it: whose each driver was, and for good."""

import csv
import io
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from libs.common.db import Database
from libs.common.ids import new_id
from services.forecast.assumptions.measures import MONTH_DAYS
from services.forecast.readings.canonical import canonical, digest
from services.forecast.reviews import repository
from tests.integration.forecast.assuming import BEGAN, NOW, TEAMS, company
from tests.integration.forecast.given import at, handle, organisation, rows
from tests.integration.forecast.planning import CSO, a_plan, as_seen, in_force, money, numbered, read, send
from tests.integration.forecast.reviewing import decide, get, less, opened

ZONE = ZoneInfo("Europe/Berlin")
DAYS = (NOW.date() - date(2025, 1, 1)).days + 1
"""Of the year that are compared, today among them."""


@dataclass(frozen=True)
class Sold:
    """The forecast's API and its database."""

    api: Any
    database: Database


@pytest.fixture
async def sold(api_for: Callable[[str], tuple[Any, Any]]) -> AsyncIterator[Sold]:
    client, runtime = api_for("forecast")
    await organisation(runtime.database, TEAMS, at=BEGAN - timedelta(days=365))
    events = company()
    for start in range(0, len(events), 1000):
        await handle(runtime.database, events[start : start + 1000])
    with at(NOW):
        yield Sold(client, runtime.database)


async def planned(api: Any, *items: dict[str, str], pipeline: str = "") -> dict[str, Any]:
    """A plan of the year in force that assumes something of the company, and may want pipeline."""
    plan = await a_plan(api, period="FY2025", measures=["bookings", "pipeline_created"])
    plan = await numbered(api, plan, "1000000")
    root = (await read(api, f"/{plan['plan_id']}/nodes", levels=0))["nodes"][0]["node_id"]
    if pipeline:
        cell = {"node_id": root, "period": "FY2025", "measure": "pipeline_created", "amount": pipeline}
        plan = await send(api, f"/{plan['plan_id']}/edits", {"cells": [cell]}, headers=as_seen(plan))
    if items:
        body = {"items": [{"node_id": root, "tolerance": "0.2"} | each for each in items]}
        await send(api, f"/{plan['plan_id']}/assumptions", body, headers=as_seen(plan))
    return await in_force(api, await read(api, f"/{plan['plan_id']}"))


def drivers(bridge: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The drivers with which a bridge that adds up begins."""
    terms = sum(money(each["amount"]) for each in bridge["terms"])
    assert money(bridge["before"]["booked"]) + terms == money(bridge["after"]["booked"])
    return {each["driver"]: each for each in bridge["drivers_from"]}


async def variance(api: Any, **asked: Any) -> dict[str, Any]:
    answer = await api.get("/v1/forecast/variance", params={"period": "FY2025"} | asked, headers=CSO)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def created_from(start: date, days: int) -> list[Decimal]:
    """The amounts of the deals that were created in so many days."""
    first = {each.data.deal_id: each.data for each in reversed(company())}
    born = {deal: each.created_at.astimezone(ZONE).date() for deal, each in first.items()}
    return [each.amount for deal, each in first.items() if start <= born[deal] < start + timedelta(days=days)]


async def test_a_review_holds_the_year_against_what_its_plan_states_and_says_of_each_driver_whose_it_is(
    sold: Sold,
) -> None:
    api = sold.api
    plan = await planned(api, {"metric": "win_rate", "expected": "0.5"}, {"metric": "creation", "expected": "100"})
    review = await opened(api, plan)
    bridge = review["evidence"]["bridge"]
    found = drivers(bridge)
    shown = await variance(api, against="plan", value_basis=plan["value_basis"])
    assert bridge["terms"] == shown["terms"]
    assert list(found.values()) == shown["drivers"]
    assert (review["evidence"]["format"], bridge["drivers"]) == ("review-3", "plan")
    assumed = (await read(api, f"/{plan['plan_id']}/assumptions"))["items"]
    by_metric = {each["metric"]: each["assumption_id"] for each in assumed}
    for name in ("win_rate", "creation"):
        assert (found[name]["source"], found[name]["of"]) == ("plan", "Company"), name
        assert found[name]["assumption_id"] == by_metric[name]
    assert Decimal(found["win_rate"]["value"]) == Decimal("0.5")
    assert Decimal(found["creation"]["stated"]) == 100
    assert float(found["creation"]["value"]) == pytest.approx(100 * DAYS / MONTH_DAYS, abs=0.01)
    last = await variance(api, against="prior_year", value_basis=plan["value_basis"])
    for name in ("opening", "timing", "size"):
        assert (found[name]["source"], found[name]["of"]) == ("prior_year", None), name
        assert found[name] == next(each for each in last["drivers"] if each["driver"] == name)


async def test_what_a_review_kept_of_its_drivers_is_the_same_on_every_way_and_after_the_plan_says_otherwise(
    sold: Sold,
) -> None:
    api = sold.api
    plan = await planned(api, {"metric": "win_rate", "expected": "0.5"})
    review = await opened(api, plan)
    path = f"/{review['review']['review_id']}"
    bridge = await get(api, f"{path}/bridge")
    assert bridge == review["evidence"]["bridge"]
    answer = await api.get(f"/v1/reviews{path}/bridge", params={"format": "csv"}, headers=CSO)
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert [each["term"] for each in lines] == ["before", *(each["term"] for each in bridge["terms"]), "after"]
    assert sum(money(each["amount"]) for each in lines[:-1]) == money(lines[-1]["amount"])
    found = drivers(bridge)
    for line in lines:
        said = found.get(line["term"], {})
        for name in ("source", "value", "stated", "by", "of", "assumption_id"):
            assert line[name] == str(said.get(name) or ""), (line["term"], name)
    answer = await api.post(f"/v1/plans/{plan['plan_id']}/versions", headers=CSO)
    draft = answer.json()
    root = (await read(api, f"/{plan['plan_id']}/nodes", levels=0))["nodes"][0]["node_id"]
    item = {"node_id": root, "metric": "win_rate", "expected": "0.2", "tolerance": "0.2"}
    await send(api, f"/{plan['plan_id']}/assumptions", {"items": [item]}, headers=as_seen(draft))
    await in_force(api, await read(api, f"/{plan['plan_id']}"))
    assert await get(api, f"{path}/bridge") == bridge
    now = {each["driver"]: each for each in (await variance(api, against="plan"))["drivers"]}
    assert (now["win_rate"]["value"], found["win_rate"]["value"]) == ("0.200000", "0.500000")


async def test_creation_is_as_many_deals_as_make_the_pipeline_that_the_plan_wants(sold: Sold) -> None:
    api = sold.api
    plan = await planned(api, pipeline="3650000")
    review = await opened(api, plan)
    found = drivers(review["evidence"]["bridge"])
    assert {name for name, each in found.items() if each["source"] == "plan"} == {"creation"}
    creation = found["creation"]
    assert (creation["by"], creation["of"], creation["assumption_id"]) == ("pipeline_created", "Company", None)
    assert money(creation["stated"]) == 10_000 * DAYS, "of 365 days, each as much as the others"
    shown, last = [await variance(api, against=against, value_basis="one_off") for against in ("plan", "prior_year")]
    new = created_from(date(2024, 1, 1), DAYS)
    assert last["before"]["created"]["there"] == len(new)
    assert float(creation["value"]) == pytest.approx(float(10_000 * DAYS * len(new) / sum(new)), abs=0.01)
    assert shown["before"]["created"]["there"] == round(Decimal(creation["value"]))


async def test_a_plan_that_states_no_driver_is_held_against_the_year_before(sold: Sold) -> None:
    review = await opened(sold.api, await planned(sold.api, {"metric": "cycle", "expected": "30"}))
    bridge = review["evidence"]["bridge"]
    assert bridge["drivers"] == "prior_year"
    assert {each["source"] for each in drivers(bridge).values()} == {"prior_year"}
    assert bridge["terms"] == (await variance(sold.api, value_basis="one_off"))["terms"]


FORMATS = {"review-1": {"drivers_from", "price"}, "review-2": {"price"}}
"""Which parts of a bridge an older format does not have."""


@pytest.mark.parametrize("kept", FORMATS)
async def test_a_review_of_an_older_format_is_read_weighed_and_decided_as_it_was_stored(sold: Sold, kept: str) -> None:
    api = sold.api
    plan = await planned(api, {"metric": "win_rate", "expected": "0.5"})
    await opened(api, plan)
    (stored,) = await rows(sold.database, "SELECT * FROM review")
    old = orjson.loads(stored["evidence"])
    bridge = {name: value for name, value in old["bridge"].items() if name not in FORMATS[kept]}
    text = canonical(old | {"format": kept, "bridge": bridge | {"drivers": "prior_year"}})
    since = stored["since"] - timedelta(days=30)
    identifier = new_id()
    async with sold.database.transaction() as session:
        await repository.append(
            session,
            "review",
            stored | {"review_id": identifier, "since": since, "evidence": text, "digest": digest(text)},
        )
    path = f"/{identifier}"
    review = await get(api, path)
    assert (review["is_whole"], review["evidence"]["format"]) == (True, kept)
    assert await get(api, f"{path}/bridge") == review["evidence"]["bridge"]
    answer = await api.get(f"/v1/reviews{path}/bridge", params={"format": "csv"}, headers=CSO)
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert ({each["source"] for each in lines} == {""}) == (kept == "review-1")
    assert {each["of_which_price"] for each in lines} == {""}
    weighed = await less(api, review)
    decided = await decide(api, weighed)
    assert decided["decision"]["format"] == "review-1"
    text_of = await api.get(f"/v1/reviews{path}/evidence", headers=CSO)
    assert text_of.text == text, "nothing of what was stored is written anew"
