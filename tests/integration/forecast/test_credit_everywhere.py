"""A deal that several share in plans, variance, metrics and the scorecard: each has a part, and the whole is as before to the cent."""

from collections.abc import AsyncIterator, Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from libs.common.ids import ROOT_UNIT, unit_id
from tests.integration.forecast import signing
from tests.integration.forecast.crediting import TEAMS, split
from tests.integration.forecast.given import AT, at, deal, handle, named, organisation
from tests.integration.forecast.planning import a_plan, child, in_force, numbered, read
from tests.integration.forecast.test_metrics import get as metric
from tests.integration.forecast.test_readings import ask

NOW = datetime.fromisoformat("2024-11-20T09:00:00+00:00")
BEGAN = AT - timedelta(days=20)
SAID = AT + timedelta(days=2)
"""When somebody told how the deals are shared."""
EMEA, NORTH, SOUTH = (unit_id(path) for path in ("EMEA", "EMEA/North", "EMEA/South"))
BIG: dict[str, Any] = {"ann": "0.5", "bob": "0.1", "cid": "0.4"}


@pytest.fixture
async def company(api_for: Callable[[str], tuple[Any, Any]]) -> AsyncIterator[Any]:
    """November of two teams: one deal of all three won, one of Bob won, one of Ann's and Cid's that slipped into January."""
    client, runtime = api_for("forecast")
    await organisation(runtime.database, TEAMS, at=BEGAN)
    won: dict[str, Any] = {"state": "won", "category": None, "closed_on": date(2024, 11, 4)}
    began: dict[str, Any] = {"valid_from": BEGAN, "recorded_at": BEGAN, "created_at": BEGAN}
    slips: dict[str, Any] = {"owner_id": named("ann"), "amount": Decimal("300.03")}
    await handle(
        runtime.database,
        [
            deal("big", owner_id=named("ann"), amount=Decimal("1000.01"), product="Core", **won),
            deal("own", owner_id=named("bob"), amount=Decimal(50), **won),
            deal("slips", close_date=date(2024, 11, 10), **slips, **began),
            deal("slips", 2, close_date=date(2025, 1, 10), **slips, created_at=BEGAN),
        ],
    )
    with at(NOW):
        yield client, runtime.database


async def share(database: Any) -> None:
    told: dict[str, Any] = {"at": BEGAN, "recorded_at": SAID}
    await handle(database, [split("big", **told, **BIG), split("slips", **told, ann="0.5", cid="0.5")])


async def test_a_node_of_a_plan_has_closed_what_its_people_have_and_the_root_what_it_had(company: Any) -> None:
    api, database = company
    plan = await numbered(api, await a_plan(api, period="2024Q4"), "2000")
    root = (await read(api, f"/{plan['plan_id']}/nodes"))["nodes"][0]["node_id"]
    plan, emea = await child(api, plan, root, "unit", EMEA)
    plan, north = await child(api, plan, emea, "unit", NORTH)
    for person in ("ann", "bob"):
        plan, _ = await child(api, plan, north, "person", named(person))
    plan, _ = await child(api, plan, emea, "unit", SOUTH)

    async def closed(**asked: Any) -> list[str]:
        """Of the company, the region, the north, its two people, and the south."""
        found = await read(api, f"/{plan['plan_id']}/attainment", levels=9, **asked)
        of = {(each["dimension"], each["value"]): each["closed"] for each in found["nodes"]}
        nodes = [("unit", EMEA), ("unit", NORTH), ("person", named("ann")), ("person", named("bob")), ("unit", SOUTH)]
        return [found["nodes"][0]["closed"], *(of[dimension, str(value)] for dimension, value in nodes)]

    assert await closed() == ["1050.01", "1050.01", "1050.01", "1000.01", "50.00", "0.00"]
    await share(database)
    assert await closed() == ["1050.01", "1050.01", "650.01", "500.01", "150.00", "400.00"]
    before = (SAID - timedelta(minutes=1)).isoformat()
    assert (await closed(as_of=NOW.isoformat(), known_at=before))[2:] == ["1050.01", "1000.01", "50.00", "0.00"]


async def test_a_variance_is_of_what_those_have_who_are_asked_for_and_its_terms_lead_to_it(company: Any) -> None:
    api, database = company

    async def booked(org: UUID, **asked: Any) -> tuple[Decimal, Decimal, int]:
        """What the quarter brought, of it created in the quarter, and by how many deals."""
        found = await ask(api, "variance", period="2024Q4", org=str(org), **asked)
        terms = sum((Decimal(each["amount"]) for each in found["terms"]), Decimal())
        after = found["after"]
        assert (Decimal(found["residual"]), Decimal(found["change"])) == (Decimal(), terms)
        assert Decimal(found["before"]["booked"]) + terms == Decimal(after["booked"])
        return Decimal(after["booked"]), Decimal(after["created"]["amount"]), after["created"]["won"]

    alone = {org: await booked(org) for org in (ROOT_UNIT, NORTH, SOUTH)}
    assert alone[NORTH] == alone[ROOT_UNIT] == (Decimal("1050.01"), Decimal("1050.01"), 2)
    await share(database)
    assert await booked(ROOT_UNIT) == alone[ROOT_UNIT]
    assert await booked(NORTH) == (Decimal("650.01"), Decimal("650.01"), 2)
    assert await booked(SOUTH) == (Decimal("400.00"), Decimal("400.00"), 1), "the same deal, once in each team"
    known: dict[str, Any] = {"as_of": NOW.isoformat(), "known_at": (SAID - timedelta(minutes=1)).isoformat()}
    assert (await booked(SOUTH, **known))[0] == 0


async def test_amounts_of_metrics_are_those_of_who_is_asked_for_now_and_as_the_period_began(company: Any) -> None:
    api, database = company

    async def slipped(org: UUID) -> tuple[Decimal, Decimal]:
        """What slipped out of November, of what was due in it."""
        of = (await metric(api, "/slippage", period="2024-11", org=str(org))).json()["total"]
        return Decimal(str(of["numerator"])), Decimal(str(of["denominator"]))

    async def created(**asked: Any) -> Decimal:
        found = (await metric(api, "/created_amount", period="2024Q4", **asked)).json()
        return Decimal(str(found["total"]["numerator"]))

    assert (await slipped(NORTH))[0] == (await slipped(ROOT_UNIT))[0] == Decimal("300.03")
    assert await created() == Decimal("1350.04")
    await share(database)
    assert await slipped(ROOT_UNIT) == (Decimal("300.03"), Decimal("300.03"))
    north, south = await slipped(NORTH), await slipped(SOUTH)
    assert {north[0], south[0]} == {Decimal("150.02"), Decimal("150.01")}
    assert north[0] + south[0] == north[1] + south[1] == Decimal("300.03")
    assert await created() == Decimal("1350.04")
    people = {who: await created(owner=str(named(who))) for who in ("ann", "bob", "cid")}
    assert people["bob"] == Decimal("150.00")
    assert sum(people.values()) == Decimal("1350.04")
    teams = [await created(org=str(team)) for team in (NORTH, SOUTH)]
    assert teams == [people["ann"] + people["bob"], people["cid"]]
    known: dict[str, Any] = {"as_of": NOW.isoformat(), "known_at": (SAID - timedelta(minutes=1)).isoformat()}
    assert await created(owner=str(named("ann")), **known) == Decimal("1300.04")


async def test_a_scorecard_adds_as_before_and_credits_a_plan_with_what_its_people_have(
    api_for: Callable[[str], tuple[Any, Any]],
) -> None:
    client, runtime = api_for("forecast")
    with at(signing.NOW):
        await signing.a_company(client, runtime.database)
        plan = await numbered(client, await a_plan(client, period="2024Q4"), "6000")
        root = (await read(client, f"/{plan['plan_id']}/nodes"))["nodes"][0]["node_id"]
        plan, ann = await child(client, plan, root, "person", named("ann"))
        plan, dach = await child(client, plan, ann, "market", "DACH")
        for node in (ann, dach):
            plan = await numbered(client, plan, "1000", node=node, period="2024-10")
        await in_force(client, plan)
        await signing.close(client)
        before = (await signing.draft(client))["contents"]
        told: dict[str, Any] = {"at": signing.KNOWN - timedelta(days=9), "recorded_at": signing.KNOWN}
        await handle(runtime.database, [split("acme", **told, ann="0.6", bob="0.4")])
        after = (await signing.draft(client))["contents"]
        later: dict[str, Any] = {"at": signing.KNOWN, "recorded_at": signing.NOW + timedelta(days=2)}
        await handle(runtime.database, [split("acme", 2, **later, bob="1")])
        assert (await signing.draft(client))["contents"]["cuts"] == after["cuts"], "what is told later moves nothing"

    def dach_of(contents: Any) -> tuple[str, str, str]:
        (market,) = [
            part
            for cut in contents["cuts"]
            if cut["by"] == "market"
            for part in cut["parts"]
            if part["label"] == "DACH"
        ]
        return market["closed"], market["target"], market["credited"]

    assert dach_of(before) == ("800.10", "1000.00", "800.10")
    assert dach_of(after) == ("800.10", "1000.00", "480.06"), "of the deal Ann has six tenths"
    assert [each["closed"] for each in after["bookings"]] == [each["closed"] for each in before["bookings"]]
    assert (after["wins"], after["concentration"]) == (before["wins"], before["concentration"])
