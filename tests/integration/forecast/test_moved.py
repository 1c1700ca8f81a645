"""Why the projection moved, by HTTP: terms to the cent, the deals behind them, and the way from a call to the projection."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any, get_args

import pytest

from libs.common.ids import unit_id
from services.forecast.outlook.reasons import Term
from services.forecast.projection.moving import NEW, TERMS
from tests.integration.forecast.given import at, deal, handle, named, organisation
from tests.integration.forecast.test_projection import NOW, ask, company, money
from tests.support.keys import bearer

THEN = "2025-11-10T12:00:00Z"
SINCE = {"since": THEN, "since_known_at": THEN}
OF_NOW = dict.fromkeys(("watermark", "behind_s", "business_date"))


@pytest.fixture
async def client(api_for: Callable[[str], tuple[Any, Any]]) -> AsyncIterator[Any]:
    client, runtime = api_for("forecast")
    teams = {"north/one": ["ada", "ben"], "north/two": ["cleo"], "south/three": ["dev"]}
    await organisation(runtime.database, teams, at=datetime(2023, 1, 1, tzinfo=UTC))
    events = company()
    for start in range(0, len(events), 1000):
        await handle(runtime.database, events[start : start + 1000])
    with at(NOW):
        yield client, runtime.database


async def test_what_moved_a_projection_adds_up_from_then_to_now(client: Any) -> None:
    api, database = client
    found = await ask(api, "projection/moved", **SINCE)
    assert found["now"] == (await ask(api))["parts"]
    assert found["then"] == (await ask(api, as_of=THEN, known_at=THEN))["parts"]
    assert it_adds_up(found) >= {"won", "created", "lost", "time", "stage", "learnt", "new_time", "new_learnt"}

    amounts = {each["term"]: money(each["amount"]) for each in found["terms"]}
    assert amounts["won"] > 0 > amounts["lost"]
    assert amounts["created"] > 0 > amounts["new_time"], "what was not created yet came, or has less time to"

    for org in ("north", "south"):
        it_adds_up(await ask(api, "projection/moved", org=str(unit_id(org)), **SINCE))
    below = [await ask(api, "projection/moved", org=str(unit_id(org)), **SINCE) for org in ("north", "south")]
    for name, amount in amounts.items():
        of_units = sum(money(each["amount"]) for part in below for each in part["terms"] if each["term"] == name)
        assert of_units == pytest.approx(amount, abs=Decimal("0.05")), f"{name} of units is that of the company"
    it_adds_up(await ask(api, "projection/moved", period="2026Q1", **SINCE))
    over = await ask(api, "projection/moved", since="2025-09-20T00:00:00Z", period="2025Q3")
    it_adds_up(over)
    assert over["now"]["projection"] == over["now"]["closed"] != over["then"]["projection"]
    usual = await ask(api, "projection/moved", as_of="2025-11-20T12:00:00Z")
    assert usual["since"]["as_of"] == "2025-11-13T12:00:00Z"

    await each_deal_says_why_it_moved(api, found)
    await nobody_sees_more_than_their_own(api)
    await what_comes_later_changes_no_answer(api, database)


def it_adds_up(found: dict[str, Any]) -> set[str]:
    """Then + terms = now; the deals listed and the others are the terms of deals. Which terms moved something."""
    then, now = money(found["then"]["projection"]), money(found["now"]["projection"])
    amounts = {each["term"]: money(each["amount"]) for each in found["terms"]}
    assert set(amounts) == {*TERMS, *NEW, "due", "blend"} == set(get_args(Term))
    assert then + sum(amounts.values()) == now
    assert money(found["change"]) == now - then
    assert money(found["residual"]) == 0
    listed = sum(money(each["change"]) for each in found["deals"]) + money(found["others"]["change"])
    assert listed == sum(amounts[name] for name in TERMS)
    for each in found["deals"]:
        a_deal_adds_up(each)
    return {name for name, amount in amounts.items() if amount}


def a_deal_adds_up(deal: dict[str, Any]) -> None:
    then, now = (deal[end] or {"adds": "0", "chance": 0.0} for end in ("then", "now"))
    assert money(then["adds"]) + sum(money(each["amount"]) for each in deal["terms"]) == money(now["adds"])
    assert money(deal["change"]) == money(now["adds"]) - money(then["adds"])
    assert then["chance"] + sum(each["chance"] for each in deal["terms"]) == pytest.approx(now["chance"], abs=1e-5)


async def each_deal_says_why_it_moved(api: Any, found: dict[str, Any]) -> None:
    for each in found["deals"][:3]:
        alone = await ask(api, f"projection/deals/{each['deal_id']}/moved", **SINCE)
        assert alone["deal"] == each
    changes = [abs(money(each["change"])) for each in found["deals"]]
    assert changes == sorted(changes, reverse=True)
    assert len(found["deals"]) == 10
    every = await ask(api, "projection/moved", limit=100, **SINCE)
    assert every["deals"][:10] == found["deals"]
    assert every["others"]["deals"] + len(every["deals"]) == found["others"]["deals"] + 10
    by_term = {each["term"]: each for each in every["deals"]}
    assert by_term["won"]["now"]["chance"] == 1
    assert by_term["won"]["then"]["chance"] < 1


async def nobody_sees_more_than_their_own(api: Any) -> None:
    scope = (unit_id("south"),)
    own = await ask(api, "projection/moved", scope=scope, limit=100, **SINCE)
    assert own["terms"] == (await ask(api, "projection/moved", org=str(unit_id("south")), **SINCE))["terms"]
    theirs = {each["deal_id"] for each in own["deals"]}
    every = (await ask(api, "projection/moved", limit=100, **SINCE))["deals"]
    foreign = next(each["deal_id"] for each in every if each["deal_id"] not in theirs)
    refused = await api.get(
        f"/v1/forecast/projection/deals/{foreign}/moved", params=SINCE, headers=bearer("cso", scope=scope)
    )
    assert refused.status_code == 404
    backward = await api.get(
        "/v1/forecast/projection/moved", params={"since": THEN, "as_of": "2025-11-01T00:00:00Z"}, headers=bearer("cso")
    )
    assert backward.status_code == 422


async def what_comes_later_changes_no_answer(api: Any, database: Any) -> None:
    asked = {**SINCE, "as_of": "2025-11-24T12:00:00Z", "known_at": "2025-11-24T12:00:00Z"}
    before = await ask(api, "projection/moved", **asked)
    late = datetime(2025, 11, 30, tzinfo=UTC)
    await handle(
        database,
        [deal(f"late {n}", recorded_at=late, valid_from=late, amount=Decimal(90_000), owner_id=named("ada"))
         for n in range(5)],
    )  # fmt: skip
    assert before | OF_NOW == await ask(api, "projection/moved", **asked) | OF_NOW
    now = await ask(api, "projection/moved", **SINCE)
    it_adds_up(now)
    assert {each["name"] for each in now["deals"] if each["term"] == "created"} >= {f"late {n}" for n in range(5)}


async def test_a_call_leads_to_the_projection_step_by_step(client: Any) -> None:
    api, _ = client
    body = {"period": "2025Q4", "amount": "3000000", "org": str(unit_id("north"))}
    made = await api.post("/v1/forecast/submissions", json=body, headers=bearer("cso"))
    assert made.status_code == 201, made.text
    for org in (None, str(unit_id("north"))):
        asked = {"period": "2025Q4", "value_basis": "one_off", **({"org": org} if org else {})}
        found = await ask(api, "projection/bridge", target="4000000", **asked)
        levels = {each["level"]: each["amount"] for each in found["levels"]}
        assert levels["projection"] == (await ask(api, **asked))["parts"]["projection"]
        node = (await ask(api, "calls", **asked))["node"]
        assert levels["crm"] == node["steps"]["crm"]
        assert levels["below"] == node["children_amount"]
        assert levels["call"] == (node["call"]["amount"] if node["call"] else None)
        assert (levels["call"] is None) == (org is None)
        said = [(name, money(amount)) for name, amount in levels.items() if amount is not None]
        for (_, before), (name, after) in pairwise(said):
            steps = [money(each["amount"]) for each in found["steps"] if each["to"] == name]
            assert before + sum(steps) == after, name
        assert {each["reason"]: money(each["amount"]) for each in found["steps"]}["closed"] == 0
