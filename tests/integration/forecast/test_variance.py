"""Why a quarter brought another amount than a year ago: drivers counted deal by deal, terms to the cent, scope and rates apart."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from libs.common.events.deals import PersonPlaced
from libs.common.ids import unit_id
from tests.integration.forecast.given import at, deal, handle, named, organisation, received
from tests.integration.forecast.test_projection import NOW, ask, company, money
from tests.support.keys import bearer

ZONE = ZoneInfo("Europe/Berlin")
NORTH, SOUTH = unit_id("north"), unit_id("south")
MOVED_AT = datetime(2025, 6, 1, tzinfo=UTC)
QUARTERS = {2024: (date(2024, 10, 1), date(2024, 12, 2)), 2025: (date(2025, 10, 1), date(2025, 12, 2))}
"""Up to the day of NOW, and as many days a year before."""


@pytest.fixture
async def api(api_for: Callable[[str], tuple[Any, Any]]) -> AsyncIterator[Any]:
    client, runtime = api_for("forecast")
    teams = {"north/one": ["ada", "ben"], "north/two": ["cleo"], "south/three": ["dev"]}
    await organisation(runtime.database, teams, at=datetime(2023, 1, 1, tzinfo=UTC))
    events = company()
    for start in range(0, len(events), 1000):
        await handle(runtime.database, events[start : start + 1000])
    with at(NOW):
        yield client, runtime.database


def counted(start: date, until: date, owners: set[str]) -> dict[str, tuple[int, int, int, Decimal]]:
    """By kind: how many deals, decided, won, and what these brought; deal by deal from what was told."""
    told: dict[Any, list[Any]] = defaultdict(list)
    for each in company():
        told[each.data.deal_id].append(each.data)
    began = datetime.combine(start, datetime.min.time(), ZONE)
    found = {kind: [0, 0, 0, Decimal()] for kind in ("opening", "created")}
    for entries in told.values():
        last = entries[-1]
        if last.owner_id not in {named(owner) for owner in owners}:
            continue
        before = [entry for entry in entries if entry.valid_from < began]
        born = last.created_at.astimezone(ZONE).date()
        if before and before[-1].state == "open":
            kind = "opening"
        elif start <= born < until:
            kind = "created"
        else:
            continue
        ended = last.state != "open" and start <= last.closed_on < until
        is_won = ended and last.state == "won"
        sums = found[kind]
        sums[0] += 1
        sums[1] += ended
        sums[2] += is_won
        sums[3] += last.amount if is_won else 0
    return {kind: tuple(sums) for kind, sums in found.items()}  # type: ignore[misc]


def adds_up(found: dict[str, Any]) -> None:
    terms = sum(money(each["amount"]) for each in found["terms"])
    assert money(found["before"]["booked"]) + terms == money(found["after"]["booked"])
    assert money(found["residual"]) == 0
    assert money(found["change"]) == terms


async def test_every_driver_is_counted_deal_by_deal_and_the_terms_lead_from_year_to_year(api: Any) -> None:
    client, _ = api
    found = await ask(client, "variance", period="2025Q4")
    adds_up(found)
    assert (found["before"]["period"]["key"], found["after"]["until"]) == ("2024Q4", "2025-12-02")
    everybody = {"ada", "ben", "cleo", "dev"}
    for year, side in ((2024, found["before"]), (2025, found["after"])):
        expected = counted(*QUARTERS[year], everybody)
        for kind in ("opening", "created"):
            told = side[kind]
            assert (told["there"], told["decided"], told["won"], money(told["amount"])) == expected[kind]
        whole = sum((sums[3] for sums in expected.values()), Decimal()) + money(side["other"])
        assert money(side["booked"]) == whole > 0
    now = await ask(client, "rollup", period="2025Q4")
    assert money(found["after"]["booked"]) == money(now["totals"]["lines"]["closed_won"]["amount"])
    terms = {each["term"]: money(each["amount"]) for each in found["terms"]}
    assert terms["scope"] == terms["fx"] == 0
    assert all(terms[name] for name in ("opening", "creation", "win_rate", "timing", "size"))


async def test_a_period_that_is_over_is_compared_in_full_with_the_one_before_it(api: Any) -> None:
    client, _ = api
    found = await ask(client, "variance", period="2025Q3", against="prior_period")
    adds_up(found)
    assert (found["before"]["period"]["key"], found["before"]["until"], found["after"]["until"]) == (
        *("2025Q2", "2025-07-01"),
        "2025-10-01",
    )
    for side in (found["before"], found["after"]):
        call = await ask(client, "rollup", period=side["period"]["key"])
        assert money(side["booked"]) == money(call["totals"]["lines"]["closed_won"]["amount"])


async def test_what_somebody_took_along_to_another_team_is_scope(api: Any) -> None:
    client, database = api
    before = await ask(client, "variance", period="2025Q4", org=str(SOUTH))
    placed = PersonPlaced(person_id=named("ben"), version=2, valid_from=MOVED_AT, unit_id=unit_id("south/three"))
    await handle(database, [received(placed, placed.person_id, 2, at=MOVED_AT)])
    south = await ask(client, "variance", period="2025Q4", org=str(SOUTH))
    north = await ask(client, "variance", period="2025Q4", org=str(NORTH))
    whole = await ask(client, "variance", period="2025Q4")
    for each in (south, north, whole):
        adds_up(each)
    scope = {
        name: {each["term"]: money(each["amount"]) for each in found["terms"]}["scope"]
        for name, found in (("south", south), ("north", north), ("whole", whole))
    }
    bens = counted(*QUARTERS[2024], {"ben"})
    assert scope == {"south": (moved := sum(sums[3] for sums in bens.values())), "north": -moved, "whole": 0}
    assert moved > 0
    assert south["before"]["booked"] == before["before"]["booked"], "what the team brought then stays what it brought"
    assert south["before"]["opening"]["there"] > before["before"]["opening"]["there"], (
        "drivers are those of today's team"
    )
    theirs = await ask(client, "variance", period="2025Q4", scope=(SOUTH,))
    assert theirs["after"] == south["after"]


async def test_a_rate_that_changed_between_the_years_is_fx_and_no_driver(api: Any) -> None:
    client, database = api
    then, now = datetime(2024, 11, 5, 9, tzinfo=UTC), datetime(2025, 11, 5, 9, tzinfo=UTC)
    about = {"owner_id": named("ada"), "currency": "USD", "amount": Decimal(1000), "stage": "Propose"}
    for name, when in (("then", then), ("now", now)):
        born = when - timedelta(days=9)
        about |= {"created_at": born, "stage_entered_at": born}
        await handle(database, [deal(name, recorded_at=born, valid_from=born, **about)])
        won = {"state": "won", "closed_on": when.date(), "close_date": when.date()}
        await handle(database, [deal(name, 2, recorded_at=when, valid_from=when, **(about | won))])
    headers = bearer("finance")
    for year, rate in ((2024, "0.5"), (2025, "0.8")):
        body = {"fiscal_year": year, "rates": {"EUR": "1", "USD": rate}}
        answer = await client.put("/v1/forecast/rates", json=body, headers=headers)
        assert answer.is_success, answer.text
    found = await ask(client, "variance", period="2025Q4")
    adds_up(found)
    fx = {each["term"]: money(each["amount"]) for each in found["terms"]}["fx"]
    assert fx == Decimal(300), "1,000 dollars of a year ago are worth 300 more at this year's rate"
