"""Readings by HTTP on a real database: what the pages and sales ops see."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from libs.common import clock
from libs.common.ids import ROOT_UNIT, UNASSIGNED_UNIT, unit_id
from tests.integration.forecast.given import AT, TODAY, deal, handle, named, organisation
from tests.support.keys import bearer

Api = Callable[[str], tuple[Any, Any]]


async def ask(client: Any, what: str, *, headers: dict[str, str] | None = None, **parameters: Any) -> dict[str, Any]:
    answer = await client.get(
        f"/v1/forecast/{what}", params={"date": TODAY, **parameters}, headers=headers or bearer("cso")
    )
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_call_shows_every_deal_in_exactly_one_place(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await handle(
        runtime.database,
        [
            deal("won", state="won", category=None, closed_on=date(2024, 10, 5), amount=Decimal("100.01")),
            deal("won though its lead waits", state="won", gate="waiting", closed_on=date(2024, 10, 6)),
            deal("commit", amount=Decimal("333.33"), stage_probability=Decimal("0.9")),
            deal("overdue commit", close_date=date(2024, 11, 10)),
            deal("best", category="best_case", amount=None),
            deal("a machine's date", category="commit", close_date_provisional=True),
            deal("waiting", gate="waiting"),
            deal("omitted", category="omitted"),
            deal("lost", state="lost", category=None, closed_on=date(2024, 11, 1)),
            deal("carried over", close_date=date(2024, 9, 30)),
            deal("undated", close_date=None),
            deal("removed", removed=True),
            deal("next quarter", close_date=date(2025, 1, 1)),
        ],
    )
    call = await ask(client, "call")
    counts = {name: line["count"] for name, line in (call["lines"] | call["beside"]).items()}
    assert counts == {
        "closed_won": 2,
        "commit": 2,
        "most_likely": 0,
        "best_case": 1,
        "pipeline": 1,
        "held_back": 1,
        "omitted": 1,
        "lost": 1,
        "carried_over": 1,
        "undated": 1,
    }
    assert call["overdue"]["count"] == 1
    assert call["lines"]["commit"]["amount"] == "1333.33"
    assert call["lines"]["commit"]["weighted"] == "800.00"
    assert call["lines"]["best_case"] == {
        "count": 1,
        "amount": "0.00",
        "weighted": "0.00",
        "unpriced_count": 1,
        "unweighted_count": 1,
    }
    assert call["cumulative"]["commit"]["amount"] == "2433.34"
    assert call["period"]["key"] == "2024Q4"
    assert call["tree"]["node"]["total"] == call["total"]
    assert call["business_date"]["basis"] == "chosen"
    assert not call["is_empty"]


async def test_an_empty_forecast_says_that_it_is_empty(api_for: Api) -> None:
    client, _ = api_for("forecast")
    call = await ask(client, "call")
    assert call["is_empty"]
    assert call["total"]["count"] == 0
    assert call["watermark"] is None
    assert call["completeness"] is None
    assert len(call["months"]) == 12


BYS = ("category", "month", "region", "market", "product", "segment", "team", "owner", "unit")


@pytest.mark.parametrize("by", BYS)
@pytest.mark.parametrize("past", [False, True], ids=["now", "as of"])
async def test_the_parts_of_every_cut_add_to_its_total(api_for: Api, by: str, past: bool) -> None:
    client, runtime = api_for("forecast")
    await a_company(runtime.database)
    instants = {"as_of": clock.now().isoformat(), "known_at": clock.now().isoformat()} if past else {}
    whole = (await ask(client, "rollup", by="category", **instants))["totals"]
    reading = await ask(client, "rollup", by=by, **instants)
    assert reading["totals"]["total"] == whole["total"]
    assert whole["total"]["count"] == 18
    for measure in ("count", "amount", "weighted", "unpriced_count", "unweighted_count"):
        parts = sum(Decimal(str(row["total"][measure])) for row in reading["rows"])
        assert parts == Decimal(str(whole["total"][measure])), measure


async def test_the_tree_opens_down_to_the_owners_and_each_level_adds(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_company(runtime.database)
    company = (await ask(client, "call"))["tree"]
    assert [child["label"] for child in company["children"]] == ["Americas", "EMEA", "Unassigned"]
    assert sum(child["total"]["count"] for child in company["children"]) == 18
    emea = (await ask(client, "call", org=str(unit_id("EMEA"))))["tree"]
    assert [unit["name"] for unit in emea["path"]] == ["Company", "EMEA"]
    assert {child["label"]: child["total"]["count"] for child in emea["children"]} == {"North": 6, "South": 3}
    north = (await ask(client, "call", org=str(unit_id("EMEA/North"))))["tree"]
    assert {child["key"] for child in north["children"]} == {str(named("ann")), str(named("bob"))}
    assert all(child["kind"] == "owner" and not child["has_children"] for child in north["children"])
    nobody = (await ask(client, "call", org=str(UNASSIGNED_UNIT)))["tree"]
    assert {child["label"] for child in nobody["children"]} == {None, "No owner"}


async def test_a_team_lead_sees_the_team_and_no_request_widens_it(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_company(runtime.database)
    mine = bearer("manager", scope=(unit_id("EMEA/North"),))
    assert (await ask(client, "call", headers=mine))["total"]["count"] == 6
    wide = await ask(client, "call", headers=mine, org=str(ROOT_UNIT))
    assert wide["total"]["count"] == 6
    assert [child["label"] for child in wide["tree"]["children"]] == ["EMEA"]
    assert (await ask(client, "rollup", headers=mine, by="owner"))["totals"]["total"]["count"] == 6
    assert (await ask(client, "deals", headers=mine))["total"]["count"] == 6
    refused = await client.get("/v1/forecast/call", params={"org": str(unit_id("Americas"))}, headers=mine)
    assert refused.status_code == 403
    foreign = await client.get(f"/v1/forecast/deals/{named('dan deal 0')}/history", headers=mine)
    assert foreign.status_code == 404


@pytest.mark.parametrize("line", [None, "closed_won", "commit", "pipeline", "overdue", "carried_over", "held_back"])
async def test_the_deals_behind_a_number_add_up_to_it_page_by_page(api_for: Api, line: str | None) -> None:
    client, runtime = api_for("forecast")
    await a_company(runtime.database)
    parameters = {"line": line} if line else {}
    call = await ask(client, "call")
    number = (
        call["total"]
        if line is None
        else call["overdue"]
        if line == "overdue"
        else (call["lines"] | call["beside"])[line]
    )
    found: list[dict[str, Any]] = []
    page = await ask(client, "deals", limit=2, **parameters)
    assert page["total"] == number
    found += page["items"]
    while page["next_cursor"]:
        page = await ask(client, "deals", limit=2, cursor=page["next_cursor"], **parameters)
        found += page["items"]
    assert len({row["deal_id"] for row in found}) == len(found) == number["count"] > 0
    assert sum(Decimal(row["amount_base"] or 0) for row in found) == Decimal(number["amount"])
    assert sum(Decimal(row["weighted_base"] or 0) for row in found) == Decimal(number["weighted"])


async def test_the_export_carries_the_numbers_of_the_page(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await handle(runtime.database, [deal("=1+1", region="EMEA"), deal("plain", region="APAC")])
    answer = await client.get(
        "/v1/forecast/deals", params={"date": TODAY}, headers=bearer("cso") | {"Accept": "text/csv"}
    )
    assert answer.headers["content-type"].startswith("text/csv")
    lines = answer.text.splitlines()
    assert len(lines) == 3
    assert any(",'=1+1," in line for line in lines)
    cut = await client.get(
        "/v1/forecast/rollup", params={"date": TODAY, "by": "region", "format": "csv"}, headers=bearer("cso")
    )
    assert [line.split(",")[1:6] for line in cut.text.splitlines()[1:]] == [
        ["APAC", "APAC", "EUR", "1", "1000.00"],
        ["EMEA", "EMEA", "EUR", "1", "1000.00"],
        ["", "Total", "EUR", "2", "2000.00"],
    ]


async def test_the_past_reads_as_it_was_known_then(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    first, late = AT, AT + timedelta(days=10)
    await handle(runtime.database, [deal("d", 1, amount=Decimal(100), valid_from=AT)])
    await handle(
        runtime.database,
        [
            deal("d", 2, amount=Decimal(250), valid_from=AT + timedelta(days=3), recorded_at=AT + timedelta(days=3)),
            deal("d", 3, amount=Decimal(120), valid_from=AT, recorded_at=late),
            deal("d", 4, amount=Decimal(260), valid_from=AT + timedelta(days=3), recorded_at=late),
        ],
    )

    async def amount(as_of: datetime, known_at: datetime) -> str:
        reading = await ask(client, "rollup", as_of=as_of.isoformat(), known_at=known_at.isoformat())
        return str(reading["totals"]["total"]["amount"])

    assert await amount(first, first) == "100.00"
    assert await amount(late, AT + timedelta(days=5)) == "250.00"
    assert await amount(first, late) == "120.00"
    assert await amount(late, late) == "260.00"
    history = await ask(client, f"deals/{named('d')}/history")
    assert [entry["version"] for entry in history["versions"]] == [1, 3, 2, 4]
    assert history["current"]["amount"] == "260"


async def test_a_history_says_from_when_on_nobody_saw_what_held(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    later = AT + timedelta(days=2)
    await handle(runtime.database, [deal("d", 1)])
    await handle(runtime.database, [deal("d", 2, valid_from=later, unobserved_since=AT + timedelta(days=1))])

    history = await ask(client, f"deals/{named('d')}/history")

    assert [entry["unobserved_since"] for entry in history["versions"]] == [None, "2024-11-03T09:00:00Z"]


async def test_the_business_date_of_an_import_is_its_newest_change(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    imported = datetime(2017, 12, 31, 22, 30, tzinfo=UTC)
    await handle(
        runtime.database,
        [
            deal("old", valid_from=datetime(2017, 3, 1, tzinfo=UTC), reconstructed=True),
            deal("new", valid_from=imported, reconstructed=True, close_date=date(2017, 12, 31)),
        ],
    )
    answer = await client.get("/v1/forecast/call", headers=bearer("cso"))
    assert answer.json()["business_date"]["basis"] == "import"
    assert answer.json()["business_date"]["day"] == "2017-12-31"
    assert answer.json()["period"]["key"] == "2017Q4"
    await handle(runtime.database, [deal("live", delivery_received_at=clock.now())])
    answer = await client.get("/v1/forecast/call", headers=bearer("cso"))
    assert answer.json()["business_date"]["basis"] == "live"


async def test_a_period_that_is_none_is_refused_with_the_forms_there_are(api_for: Api) -> None:
    client, _ = api_for("forecast")
    answer = await client.get("/v1/forecast/call", params={"period": "2024Q5"}, headers=bearer("cso"))
    assert answer.status_code == 422
    assert "2026Q4" in answer.json()["detail"]
    answer = await client.get("/v1/forecast/deals", params={"cursor": "WzEsMl0"}, headers=bearer("cso"))
    assert answer.status_code == 422


async def a_company(database: Any) -> None:
    """Six people, two of them placed nowhere, each with three to five deals; 18 in the forecast of 2024Q4."""
    await organisation(database, {"EMEA/North": ["ann", "bob"], "EMEA/South": ["cid"], "Americas/West": ["dan"]})
    events = []
    for index, owner in enumerate(("ann", "bob", "cid", "dan", "lost in space", None)):
        fields: dict[str, Any] = {
            "owner_id": named(owner) if owner else None,
            "region": ("EMEA", "APAC", None)[index % 3],
            "market": ("public", None)[index % 2],
            "product": f"P{index}",
            "segment": None,
            "partition": index % 3,
        }
        third = Decimal("100.00") / 3
        for number, change in enumerate(
            (
                {"amount": third, "stage_probability": Decimal("0.335"), "close_date": date(2024, 11, 3)},
                {"state": "won", "category": None, "closed_on": date(2024, 10, 31), "amount": Decimal("10.005")},
                {"category": "pipeline", "amount": Decimal("77.77"), "currency": "USD", "stage_probability": None},
                {"close_date": date(2024, 6, 30)},
                {"gate": "waiting"},
            )
        ):
            events.append(deal(f"{owner} deal {number}", **(fields | change)))
    await handle(database, events)


async def test_what_is_known_reaches_only_as_far_as_everything_has_arrived(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await handle(runtime.database, [deal("d")])
    arrived = AT + timedelta(days=1)
    async with runtime.database.transaction() as session:
        await session.execute(
            text(
                """
                INSERT INTO consumer_position (topic, partition, cluster, log, next_offset, origin, recorded_to)
                SELECT 'deal-events', n, 'c', 'l', 1, cast(:at AS timestamptz) + n * interval '1 s', :at
                FROM generate_series(0, 5) n
                """
            ),
            {"at": arrived},
        )
    reading = await ask(client, "rollup", known_at=(arrived + timedelta(days=3)).isoformat())
    assert datetime.fromisoformat(reading["known_at"]) == arrived
    assert datetime.fromisoformat(reading["watermark"]) == arrived
    assert reading["behind_s"] > 0
