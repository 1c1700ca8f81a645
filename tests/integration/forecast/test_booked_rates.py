"""Closed won at the rates of the days it was booked on, beside the constant ones; the difference is the FX bar."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.common import clock
from libs.common.ids import unit_id
from tests.integration.forecast.given import TODAY, at, deal, handle, named, organisation
from tests.integration.forecast.test_late_wins import closed
from tests.support.keys import bearer

Api = Callable[[str], tuple[Any, Any]]
SET, SET_AGAIN = datetime(2024, 10, 1, 9, tzinfo=UTC), datetime(2024, 11, 15, 9, tzinfo=UTC)


async def set_rates(client: Any, when: datetime, **rates: str) -> None:
    with at(when):
        answer = await client.put(
            "/v1/forecast/rates", json={"rates": {"EUR": "1", **rates}}, headers=bearer("finance")
        )
    assert answer.status_code == 200, answer.text


def won(name: str, day: date, amount: str, currency: str = "USD", owner: str = "ann", **fields: Any) -> Any:
    given = {"state": "won", "category": None, "closed_on": day, "amount": Decimal(amount), "currency": currency}
    return deal(name, **(given | {"owner_id": named(owner)} | fields))


async def a_quarter(client: Any, database: Any) -> None:
    """A dollar was worth 0.90 from the first of October and 0.80 from the fifteenth of November."""
    await organisation(database, {"EMEA/North": ["ann"], "EMEA/South": ["bob"]})
    await set_rates(client, SET, USD="0.9", JPY="0.0061")
    await set_rates(client, SET_AGAIN, USD="0.8", JPY="0.0061")
    await handle(
        database,
        [
            won("october", date(2024, 10, 10), "1000.33"),
            won("the day before", date(2024, 11, 14), "0.05", owner="bob"),
            won("that day", date(2024, 11, 15), "500"),
            won("euros", date(2024, 10, 10), "70.07", "EUR"),
            won("yen", date(2024, 10, 10), "1000", "JPY"),
            won("gold", date(2024, 10, 10), "3", "XAU"),
            won("quarter before", date(2024, 9, 10), "1000"),
            deal("open", amount=Decimal(100), currency="USD", owner_id=named("ann")),
        ],
    )


async def ask(client: Any, what: str, headers: dict[str, str] | None = None, **more: str) -> Any:
    params = {"date": TODAY, "period": "2024Q4", **more}
    answer = await client.get(f"/v1/forecast/{what}", params=params, headers=headers or bearer("cso"))
    assert answer.status_code == 200, answer.text
    return answer.json() if more.get("format") != "csv" else list(csv.DictReader(io.StringIO(answer.text)))


CONSTANT = Decimal("800.26") + Decimal("0.04") + Decimal("400.00") + Decimal("70.07") + Decimal("6.10")
BOOKED = Decimal("900.30") + Decimal("0.05") + Decimal("400.00") + Decimal("70.07") + Decimal("6.10")


@pytest.mark.parametrize("is_past", [False, True], ids=["now", "as of"])
async def test_the_difference_between_booked_and_constant_rate_is_the_fx_of_closed_won(
    api_for: Api, is_past: bool
) -> None:
    client, runtime = api_for("forecast")
    await a_quarter(client, runtime.database)
    past = {"as_of": clock.now().isoformat(), "known_at": clock.now().isoformat()} if is_past else {}
    constant, booked = await ask(client, "call", **past), await ask(client, "call", rate="booked", **past)
    assert (constant["rate"], booked["rate"]) == ("constant", "booked")
    assert Decimal(constant["lines"]["closed_won"]["amount"]) == CONSTANT
    assert Decimal(booked["lines"]["closed_won"]["amount"]) == BOOKED
    assert Decimal(constant["fx"]) == Decimal(booked["fx"]) == BOOKED - CONSTANT == Decimal("100.05")
    assert booked["lines"]["commit"] == constant["lines"]["commit"]
    assert booked["lines"]["closed_won"]["unpriced_count"] == constant["lines"]["closed_won"]["unpriced_count"] == 1
    south = await ask(client, "call", org=str(unit_id("EMEA/South")), **past)
    assert south["fx"] == "0.01"
    theirs = await ask(client, "call", bearer("manager", scope=(unit_id("EMEA/South"),)), **past)
    assert theirs["fx"] == "0.01"


async def test_at_booked_rates_every_cut_and_the_deals_behind_it_agree(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_quarter(client, runtime.database)
    for by in ("category", "month", "owner", "unit", "region"):
        reading = await ask(client, "rollup", by=by, rate="booked")
        assert sum(Decimal(row["lines"]["closed_won"]["amount"]) for row in reading["rows"]) == BOOKED
    listed = await ask(client, "deals", line="closed_won", rate="booked")
    assert {item["name"]: item["amount_base"] for item in listed["items"]} == {
        "october": "900.30",
        "that day": "400.00",
        "euros": "70.07",
        "yen": "6.10",
        "the day before": "0.05",
        "gold": None,
    }
    assert Decimal(listed["total"]["amount"]) == BOOKED
    exported = await ask(client, "deals", line="closed_won", rate="booked", format="csv")
    assert sum(Decimal(line["amount_base"] or 0) for line in exported) == BOOKED
    metric = await ask(client, "metrics/linearity", rate="booked")
    assert metric["total"]["factors"][-1]["value"] == str(BOOKED)
    refused = await client.get("/v1/forecast/call", params={"rate": "spot"}, headers=bearer("cso"))
    assert refused.status_code == 422


@pytest.mark.parametrize("mode", ["ends", "gross"])
async def test_a_movement_adds_up_at_either_rate_and_the_two_differ_by_the_fx_bar(api_for: Api, mode: str) -> None:
    client, runtime = api_for("forecast")
    await a_quarter(client, runtime.database)
    dollars = {"currency": "USD", "owner_id": named("ann")}
    began = datetime(2024, 11, 20, 9, tzinfo=UTC)
    await handle(runtime.database, [deal("closes", valid_from=SET, recorded_at=SET, **dollars)])
    closes = {"state": "won", "category": None, "closed_on": date(2024, 10, 30), "amount": Decimal(1100)}
    later = began + timedelta(days=1)
    await handle(runtime.database, [deal("closes", 2, valid_from=later, recorded_at=later, **dollars, **closes)])
    span = {"since": began.isoformat(), "mode": mode}
    constant = await ask(client, "movement", **span)
    booked = await ask(client, "movement", rate="booked", **span)
    assert (constant["rate"], booked["rate"]) == ("constant", "booked")
    assert {found[side]["residual"] for found in (constant, booked) for side in ("open", "closed")} == {"0.00"}
    assert constant["fx"] == booked["fx"] == {"opening": "100.05", "closing": "210.05"}
    for end in ("opening", "closing"):
        assert booked["open"][end] == constant["open"][end]
        assert Decimal(booked["closed"][end]) - Decimal(constant["closed"][end]) == Decimal(constant["fx"][end])
        at = constant["since" if end == "opening" else "until"]
        call = await ask(client, "call", as_of=at["as_of"], known_at=at["known_at"])
        assert call["fx"] == constant["fx"][end]
    moved = {
        found["rate"]: {each["term"]: each["amount"] for each in found["open"]["terms"]} for found in (constant, booked)
    }
    assert (moved["constant"]["won"], moved["constant"]["fx"]) == ("-880.00", "0.00")
    assert (moved["booked"]["won"], moved["booked"]["fx"]) == ("-990.00", "110.00")
    assert moved["constant"]["won_repriced"] == moved["booked"]["won_repriced"] == "80.00"
    for found in (constant, booked):
        lines = await ask(client, "movement", rate=found["rate"], format="csv", as_of=found["until"]["as_of"], **span)
        told = {(line["side"], line["term"]): line["amount"] for line in lines}
        assert {line["rate"] for line in lines if line["side"] != "fx"} == {found["rate"]}
        for side in ("open", "closed"):
            assert told[side, "closing"] == found[side]["closing"]
            assert {term: told[side, term] for term in ("won", "fx")} == {
                each["term"]: each["amount"] for each in found[side]["terms"] if each["term"] in ("won", "fx")
            }
        assert (told["fx", "opening"], told["fx", "closing"]) == ("100.05", "210.05")
        listed = await ask(client, "movement/steps", rate=found["rate"], term="won", side="closed", **span)
        assert listed["total"] == {"constant": "880.00", "booked": "990.00"}[found["rate"]]


async def test_before_anybody_had_set_a_rate_there_is_no_difference(api_for: Api) -> None:
    """The shipped rates are placeholders: nothing was ever booked at them."""
    client, runtime = api_for("forecast")
    await a_quarter(client, runtime.database)
    before = await ask(client, "call", period="2024Q3")
    assert (before["lines"]["closed_won"]["amount"], before["fx"]) == ("800.00", "0.00")
    # As known before the second change there was one rate only.
    known = {"as_of": clock.now().isoformat(), "known_at": (SET_AGAIN - timedelta(days=1)).isoformat()}
    early = await ask(client, "call", **known)
    assert (early["lines"]["closed_won"]["amount"], early["fx"]) == ("1426.52", "0.00")


async def test_a_win_that_counts_elsewhere_keeps_the_rate_of_its_booking_day(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_quarter(client, runtime.database)
    await closed(runtime.database)
    known = datetime(2025, 1, 9, 9, tzinfo=UTC)
    await handle(runtime.database, [won("late", date(2024, 11, 4), "10", recorded_at=known)])
    for asked in ({}, {"as_of": clock.now().isoformat()}):
        call = await ask(client, "call", period="2025Q1", date="2025-01-20", **asked)
        assert (call["lines"]["closed_won"]["amount"], call["fx"]) == ("8.00", "1.00")
        booked = await ask(client, "call", period="2025Q1", date="2025-01-20", rate="booked", **asked)
        assert booked["lines"]["closed_won"]["amount"] == "9.00"
