"""The pipeline by HTTP: what is open by stage, line and close month, and what of it needs care."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.common import clock
from libs.common.ids import ROOT_UNIT, unit_id
from tests.integration.forecast.given import AT, TODAY, deal, handle, named, organisation
from tests.support.keys import bearer

Api = Callable[[str], tuple[Any, Any]]
SUMMED = ("count", "amount", "weighted", "unpriced_count", "unweighted_count")


async def ask(client: Any, what: str, scope: tuple[Any, ...] = (ROOT_UNIT,), **parameters: Any) -> dict[str, Any]:
    asked = {"date": TODAY} | {name: value for name, value in parameters.items() if value is not None}
    answer = await client.get(f"/v1/forecast/{what}", params=asked, headers=bearer("cso", scope=scope))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def a_pipeline(database: Any) -> None:
    """Open deals of two teams in three stages, and others that stand in no open line."""
    await organisation(database, {"EMEA/North": ["ann"], "EMEA/South": ["cid"]})
    ann, cid = {"owner_id": named("ann")}, {"owner_id": named("cid")}
    propose = {"stage": "Propose", "stage_probability": Decimal("0.5")}
    negotiate = {"stage": "Negotiate", "stage_probability": Decimal("0.8")}
    await handle(
        database,
        [
            deal("a", amount=Decimal("100.01"), stage_entered_at=AT - timedelta(days=40), **propose, **ann),
            deal("b", amount=Decimal("200.02"), category="best_case", region="EMEA", pushes=3, **propose, **cid),
            deal("c", amount=None, region="EMEA", stage_entered_at=AT - timedelta(days=9), **propose, **cid),
            deal("d", amount=Decimal("400.04"), close_date=date(2024, 11, 5), pushes=5, **negotiate, **ann),
            deal("next", amount=Decimal("55.55"), close_date=date(2025, 2, 1), pushes=9, **negotiate, **ann),
            deal("unstaged", amount=Decimal("7.00"), category=None, stage_probability=None, **ann),
            deal("carried", amount=Decimal("1000.00"), close_date=date(2024, 9, 1), pushes=4, **negotiate, **ann),
            deal("undated", close_date=None, **propose, **ann),
            deal("held", gate="waiting", **propose, **ann),
            deal("won", state="won", category=None, closed_on=date(2024, 11, 5), stage="Won", **ann),
        ],
    )


async def test_stages_lines_and_months_add_up_to_what_the_call_says_is_open(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_pipeline(runtime.database)
    found = await ask(client, "pipeline")
    assert [(row["stage"], row["total"]["count"], row["total"]["amount"]) for row in found["stages"]] == [
        ("Propose", 3, "300.03"),
        ("Negotiate", 1, "400.04"),
        (None, 1, "7.00"),
    ]
    call = await ask(client, "call")
    for line in ("commit", "most_likely", "best_case", "pipeline"):
        assert found["lines"][line] == call["lines"][line]
        assert added(row["lines"][line] for row in found["stages"]) == summed(call["lines"][line])
    assert added(row["total"] for row in found["stages"]) == summed(found["total"])
    inside = [month for month in found["months"] if month["in_period"]]
    assert added(month["total"] for month in inside) == summed(found["total"])
    assert [month["month"] for month in found["months"]][:2] == ["2024-10", "2024-11"]
    assert {month["month"]: month["total"]["amount"] for month in found["months"]}["2025-02"] == "55.55"
    assert len(found["months"]) == 12
    cut = {row["key"]: row["total"] for row in (await ask(client, "rollup", by="stage"))["rows"]}
    assert cut["Propose"]["amount"] == "300.03"
    assert cut["Won"]["count"] == 1


async def test_age_in_a_stage_counts_local_days_from_its_entry(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_pipeline(runtime.database)
    propose = (await ask(client, "pipeline"))["stages"][0]
    assert (propose["median_days"], propose["longest_days"]) == (27, 58)
    ages = {each["name"]: each["days_in_stage"] for each in (await ask(client, "deals", stage="Propose"))["items"]}
    assert ages == {"a": 58, "b": 18, "c": 27}


async def test_what_needs_care_opens_its_deals(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_pipeline(runtime.database)
    care = (await ask(client, "pipeline"))["care"]
    behind = {
        "overdue": {"d"},
        "unpriced": {"c"},
        "pushed": {"b", "d"},
        "carried_over": {"carried"},
        "held_back": {"held"},
    }
    for line, names in behind.items():
        deals = await ask(client, "deals", line=line)
        assert {each["name"] for each in deals["items"]} == names, line
        assert deals["total"] == care[line], line
    assert (care["pushed"]["amount"], care["many_pushes"]) == ("600.06", 3)
    assert (care["unpriced"]["count"], care["unpriced"]["unpriced_count"]) == (1, 1)
    everything = await ask(client, "deals", line="open")
    assert {each["name"] for each in everything["items"]} == {"a", "b", "c", "d", "unstaged"}
    cell = await ask(client, "deals", line="commit", stage="Propose")
    assert {each["name"] for each in cell["items"]} == {"a", "c"}
    assert cell["total"]["amount"] == "100.01"


@pytest.mark.parametrize(
    "asked", [{}, {"region": "EMEA"}, {"stage": "Propose"}, {"period": "2025Q1"}, {"org": "North"}]
)
async def test_the_past_cuts_as_the_present_does(api_for: Api, asked: dict[str, str]) -> None:
    client, runtime = api_for("forecast")
    await a_pipeline(runtime.database)
    if "org" in asked:
        asked = {"org": str(unit_id(f"EMEA/{asked['org']}"))}
    now = clock.now().isoformat()
    present, past = [await ask(client, "pipeline", as_of=at, known_at=at, **asked) for at in (None, now)]
    assert present["stages"], asked
    for part in ("total", "lines", "stages", "months", "care"):
        assert present[part] == past[part], part
    for line in ("open", "pushed", "unpriced", "overdue"):
        first, second = [await ask(client, "deals", line=line, as_of=at, known_at=at, **asked) for at in (None, now)]
        assert (first["total"], first["items"]) == (second["total"], second["items"]), line


async def test_a_team_sees_its_own_pipeline_only_and_it_leaves_as_csv(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_pipeline(runtime.database)
    own = await ask(client, "pipeline", (unit_id("EMEA/South"),))
    assert [(row["stage"], row["total"]["count"]) for row in own["stages"]] == [("Propose", 2)]
    answer = await client.get("/v1/forecast/pipeline", params={"date": TODAY, "format": "csv"}, headers=bearer("cso"))
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(line["stage"], line["total_amount"]) for line in lines][0::3] == [
        ("Propose", "300.03"),
        ("Total", "707.07"),
    ]


async def test_a_stage_entered_after_local_midnight_is_a_day_younger(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    entered = [datetime(2024, 11, 9, hour, 30, tzinfo=UTC) for hour in (22, 23)]
    await handle(runtime.database, [deal(f"{at.hour}", stage_entered_at=at) for at in entered])
    ages = {each["name"]: each["days_in_stage"] for each in (await ask(client, "deals"))["items"]}
    assert ages == {"22": 11, "23": 10}
    for at in (None, clock.now().isoformat()):
        (stage,) = (await ask(client, "pipeline", as_of=at))["stages"]
        assert (stage["median_days"], stage["longest_days"]) == (10, 11), at


def added(sums: Any) -> tuple[Any, ...]:
    parts = [summed(each) for each in sums]
    return tuple(sum(column) for column in zip(*parts, strict=True))


def summed(one: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(Decimal(one[name]) for name in SUMMED)


async def test_a_number_says_what_is_known_of_its_deals_and_each_count_opens_them(api_for: Api) -> None:
    """The present and the past alike."""
    client, runtime = api_for("forecast")
    await a_pipeline(runtime.database)
    await handle(
        runtime.database,
        [
            deal("unrated", currency="XAU", amount=Decimal(3)),
            deal("guessed", amount=Decimal("12.50"), close_date_provisional=True, category="pipeline"),
        ],
    )
    now = clock.now().isoformat()
    for instants in ({}, {"as_of": now, "known_at": now}):
        for line in (None, "open", "commit", "undated", "unpriced"):
            found = await ask(client, "deals", line=line, **instants)
            receipt = found["receipt"]
            assert receipt["eligible"] == found["total"]["count"] == len(found["items"])
            assert receipt["eligible"] == receipt["priced"] + receipt["no_amount"] + receipt["rate_missing"]
            assert receipt["eligible"] == receipt["date_confirmed"] + receipt["date_provisional"] + receipt["undated"]
            for only in ("priced", "no_amount", "rate_missing", "date_confirmed", "date_provisional", "undated"):
                part = await ask(client, "deals", line=line, only=only, **instants)
                assert part["receipt"] == receipt, "the receipt is that of the number"
                assert part["total"]["count"] == len(part["items"]) == receipt[only]
                assert Decimal(part["total"]["amount"]) == sum(
                    (Decimal(each["amount_base"]) for each in part["items"] if each["amount_base"]), Decimal()
                )
        whole = await ask(client, "deals", line="open", **instants)
        assert whole["receipt"] | {"last_change_at": None} == {
            "eligible": 7, "priced": 5, "no_amount": 1, "rate_missing": 1,
            "date_confirmed": 6, "date_provisional": 1, "undated": 0, "last_change_at": None,
        }  # fmt: skip
        assert datetime.fromisoformat(whole["receipt"]["last_change_at"]) == AT
