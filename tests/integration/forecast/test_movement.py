"""Movement by HTTP: from the number down to the delivery that moved it."""

import csv
import io
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from libs.common.ids import ROOT_UNIT, unit_id
from tests.integration.forecast.given import AT, deal, handle, named, organisation
from tests.support.keys import bearer

pytestmark = pytest.mark.asyncio
Api = Callable[[str], tuple[Any, Any]]
WEEK = timedelta(days=7)


async def get(client: Any, path: str, scope: tuple[UUID, ...] = (ROOT_UNIT,), **asked: Any) -> Any:
    span = {"period": "2024Q4", "since": AT.isoformat(), "as_of": (AT + WEEK).isoformat()}
    answer = await client.get(f"/v1/forecast/{path}", params=span | asked, headers=bearer("cso", scope=scope))
    assert answer.status_code == 200, answer.text
    return answer


def terms(identity: dict[str, Any]) -> dict[str, str]:
    return {each["term"]: each["amount"] for each in identity["terms"] if each["steps"]}


async def a_week(database: Any) -> dict[str, Any]:
    """Five deals of two teams; returns the events by the name of what happened."""
    await organisation(database, {"EMEA/North": ["ann"], "EMEA/South": ["cid"]})
    ann, cid = {"owner_id": named("ann")}, {"owner_id": named("cid")}
    later = AT + timedelta(days=2)

    def then(name: str, version: int, hours: int = 0, **fields: Any) -> Any:
        at = later + timedelta(hours=hours)
        return deal(name, version, valid_from=at, recorded_at=at, **fields)

    happened = {
        "pushed": then("slips", 2, close_date=date(2025, 1, 20), **ann),
        "raised": then("grows", 2, amount=Decimal("1250.40"), **cid),
        "won": then("wins", 2, state="won", category=None, closed_on=date(2024, 11, 4), amount=Decimal(900), **ann),
        "trimmed": then(
            "wins", 3, 5, state="won", category=None, closed_on=date(2024, 11, 4), amount=Decimal(880), **ann
        ),
        "created": then("new", 1, amount=Decimal("70.01"), **cid),
    }
    first = [deal(name, **owner) for name, owner in (("slips", ann), ("grows", cid), ("wins", ann), ("stays", cid))]
    await handle(database, [*first, *happened.values()])
    return happened


async def test_a_week_is_explained_to_the_cent(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_week(runtime.database)
    found = (await get(client, "movement")).json()
    assert (found["open"]["opening"], found["open"]["closing"], found["open"]["residual"]) == (
        "4000.00",
        "2320.41",
        "0.00",
    )
    assert terms(found["open"]) == {
        "created": "70.01",
        "increased": "250.40",
        "pushed_out": "-1000.00",
        "won": "-900.00",
        "won_repriced": "-100.00",
    }
    assert terms(found["closed"]) == {"won": "900.00", "down": "-20.00"}
    assert (found["closed"]["opening"], found["closed"]["closing"]) == ("0.00", "880.00")
    for at, ends in ((AT, "opening"), (AT + WEEK, "closing")):
        call = (await get(client, "call", as_of=at.isoformat(), since=None)).json()
        open_lines = [call["lines"][line]["amount"] for line in ("commit", "most_likely", "best_case", "pipeline")]
        assert str(sum(map(Decimal, open_lines))) == found["open"][ends]
        assert call["lines"]["closed_won"]["amount"] == found["closed"][ends]


async def test_every_term_opens_its_deals_and_each_the_delivery_that_caused_it(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    happened = await a_week(runtime.database)
    found = (await get(client, "movement/steps", term="pushed_out")).json()
    (step,) = found["items"]
    assert (found["total"], step["amount"], step["name"]) == ("-1000.00", "-1000.00", "slips")
    assert (step["before"]["close_date"], step["after"]["close_date"]) == ("2024-12-10", "2025-01-20")
    assert step["after"]["cause_delivery"] == str(happened["pushed"].cause.delivery)
    gross = (await get(client, "movement/steps", mode="gross", side="closed")).json()
    assert [(each["term"], each["amount"], each["after"]["cause_delivery"]) for each in gross["items"]] == [
        ("won", "900.00", str(happened["won"].cause.delivery)),
        ("down", "-20.00", str(happened["trimmed"].cause.delivery)),
    ]
    every = (await get(client, "movement/steps")).json()
    moved = sum(Decimal(each["amount"]) for each in every["items"])
    assert moved == Decimal(every["open"]["closing"]) - Decimal(every["open"]["opening"])


async def test_a_team_moves_by_its_own_deals_only(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_week(runtime.database)
    north = unit_id("EMEA/North")
    for asked in ({"org": str(north)}, {}):
        found = (await get(client, "movement/steps", (north,) if not asked else (ROOT_UNIT,), **asked)).json()
        assert {each["name"] for each in found["items"]} == {"slips", "wins"}
        assert found["open"]["opening"] == "2000.00"
    beyond = await client.get(
        "/v1/forecast/movement", params={"org": str(unit_id("EMEA/South"))}, headers=bearer("cso", scope=(north,))
    )
    assert beyond.status_code == 403


async def test_movement_leaves_as_csv_and_says_what_it_cannot_answer(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_week(runtime.database)
    lines = list(csv.DictReader(io.StringIO((await get(client, "movement", format="csv")).text)))
    assert [line["amount"] for line in lines if (line["side"], line["term"]) == ("open", "closing")] == ["2320.41"]
    steps = list(csv.DictReader(io.StringIO((await get(client, "movement/steps", format="csv", term="won")).text)))
    assert [(line["name"], line["moved"], line["after_line"]) for line in steps] == [("wins", "-900.00", "closed_won")]
    answer = await client.get("/v1/forecast/movement/steps", params={"term": "gone"}, headers=bearer("cso"))
    assert answer.status_code == 422
    assert "pushed_out" in answer.json()["detail"]
    backwards = {"since": (AT + WEEK).isoformat(), "as_of": AT.isoformat()}
    answer = await client.get("/v1/forecast/movement", params=backwards, headers=bearer("cso"))
    assert answer.status_code == 422
    assert "later than" in answer.json()["detail"]


async def test_a_start_before_history_was_imported_is_as_known_when_it_was(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    imported = AT + timedelta(days=3)
    await handle(runtime.database, [deal("old", reconstructed=True, recorded_at=imported)])
    since = (AT + timedelta(days=1)).isoformat()
    found = (await get(client, "movement", since=since)).json()
    assert (found["open"]["opening"], found["open"]["change"], terms(found["open"])) == ("1000.00", "0.00", {})
    assert found["since"]["known_at"] == found["imported_at"] == imported.isoformat().replace("+00:00", "Z")
    then = (await get(client, "movement", since=since, since_known_at=since)).json()
    assert (then["open"]["opening"], terms(then["open"])) == ("0.00", {"created": "1000.00"})
