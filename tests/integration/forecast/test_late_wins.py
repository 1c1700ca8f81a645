"""Wins that came after finance had closed their month: every reading counts them where finance chose, and says so."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from libs.common import clock
from libs.common.db import Database
from libs.common.ids import ROOT_UNIT, unit_id
from libs.common.web.auth import Principal
from services.forecast.locks import service as locks
from tests.integration.forecast.given import AT, at, deal, handle, named, organisation, rows
from tests.integration.forecast.test_periods import FINANCE, decide
from tests.support.keys import bearer

Api = Callable[[str], tuple[Any, Any]]
NOVEMBER = date(2024, 11, 28)
CLOSED_AT = datetime(2024, 12, 6, 9, tzinfo=UTC)
KNOWN_AT = datetime(2025, 1, 9, 9, tzinfo=UTC)
"""When the late win became known: in the first quarter, so that a quarter loses it and another gains it."""
MONEY = ("total", "lines", "restated", "months")


async def closed(database: Database) -> None:
    """Finance has closed November, on the sixth of December."""
    async with database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO period_change (period, start, until, state, changed_at, changed_by, reason) "
                "VALUES ('2024-11', '2024-11-01', '2024-12-01', 'closed', :at, 'fin', 'books are final')"
            ),
            {"at": CLOSED_AT},
        )


async def a_quarter(database: Database) -> None:
    """Ann won in time and late, Bob won in time, of which Ann's late win of 300 came after November was closed."""
    await organisation(database, {"EMEA/North": ["ann"], "EMEA/South": ["bob"]})
    won: dict[str, Any] = {
        "state": "won",
        "category": None,
        "closed_on": NOVEMBER,
        "created_at": AT - timedelta(days=40),
    }
    ann, bob = {"owner_id": named("ann")}, {"owner_id": named("bob")}
    await closed(database)
    await handle(
        database,
        [
            deal("in time", **won, **ann, amount=Decimal(100), region="EMEA"),
            deal("bob's", **won, **bob, amount=Decimal(50)),
            deal("late", **ann, amount=Decimal(250), close_date=NOVEMBER, region="EMEA"),
            deal("open", **bob, amount=Decimal(7)),
            deal("late", 2, valid_from=AT + timedelta(days=26), recorded_at=KNOWN_AT, **won, **ann, amount=Decimal(300),
                 region="EMEA"),
            deal("in time", 2, valid_from=AT + timedelta(days=80), recorded_at=KNOWN_AT, **won, **ann,
                 amount=Decimal(110), region="EMEA"),
        ],
    )  # fmt: skip


async def ask(client: Any, what: str, period: str, headers: dict[str, str] | None = None, **more: str) -> Any:
    answer = await client.get(
        f"/v1/forecast/{what}",
        params={"date": "2025-01-20", "period": period, **more},
        headers=headers or bearer("cso"),
    )
    assert answer.status_code == 200, answer.text
    return answer.json() if more.get("format") != "csv" else list(csv.DictReader(io.StringIO(answer.text)))


def in_past() -> dict[str, str]:
    return {"as_of": clock.now().isoformat(), "known_at": clock.now().isoformat()}


async def won_in(client: Any, period: str, **more: str) -> str:
    return str((await ask(client, "call", period, **more))["lines"]["closed_won"]["amount"])


@pytest.mark.parametrize("is_past", [False, True], ids=["now", "as of"])
async def test_a_late_win_counts_where_it_became_known_until_finance_decides_and_then_where_it_says(
    api_for: Api, is_past: bool
) -> None:
    client, runtime = api_for("forecast")
    await a_quarter(runtime.database)

    async def won(*periods: str) -> list[str]:
        return [await won_in(client, period, **(in_past() if is_past else {})) for period in periods]

    assert await won("2024-11", "2024Q4", "2025-01", "2025Q1") == ["160.00", "160.00", "300.00", "300.00"]
    assert (await decide(client, "late", counted_in="2024-12")).status_code == 200
    assert await won("2024-11", "2024Q4", "2025-01", "2025Q1") == ["160.00", "460.00", "0.00", "0.00"]
    assert (await decide(client, "late", counted_in="2024-11")).status_code == 200
    assert await won("2024-11", "2024Q4", "2025-01", "FY2024") == ["460.00", "460.00", "0.00", "460.00"]


@pytest.mark.parametrize("is_past", [False, True], ids=["now", "as of"])
async def test_every_cut_every_bar_and_the_deals_behind_them_agree(api_for: Api, is_past: bool) -> None:
    client, runtime = api_for("forecast")
    await a_quarter(runtime.database)
    asked = in_past() if is_past else {}
    for period, expected in {"2024Q4": Decimal(160), "2025Q1": Decimal(300), "FY2024": Decimal(160)}.items():
        call = await ask(client, "call", period, **asked)
        assert Decimal(call["lines"]["closed_won"]["amount"]) == expected
        bars = sum(Decimal(bar["lines"]["closed_won"]["amount"]) for bar in call["months"] if bar["in_period"])
        assert bars == expected
        for by in ("category", "month", "region", "owner", "team", "unit", "stage"):
            reading = await ask(client, "rollup", period, by=by, **asked)
            parts = sum(Decimal(row["lines"]["closed_won"]["amount"]) for row in reading["rows"])
            assert parts == Decimal(reading["totals"]["lines"]["closed_won"]["amount"]) == expected, (period, by)
            assert reading["restated"] == call["restated"]
            assert (
                sum(row["lines"]["closed_won"]["count"] for row in reading["rows"])
                == call["lines"]["closed_won"]["count"]
            )
        listed = await ask(client, "deals", period, line="closed_won", **asked)
        assert Decimal(listed["total"]["amount"]) == expected
        assert sum(Decimal(item["amount_base"]) for item in listed["items"]) == expected
        exported = await ask(client, "deals", period, line="closed_won", format="csv", **asked)
        assert sum(Decimal(line["amount_base"]) for line in exported) == expected
        rolled = await ask(client, "rollup", period, by="month", format="csv", **asked)
        assert Decimal(rolled[-1]["closed_won_amount"]) == expected
        filtered = await ask(client, "call", period, region="EMEA", **asked)
        assert Decimal(filtered["lines"]["closed_won"]["amount"]) == expected - (50 if period != "2025Q1" else 0)


@pytest.mark.parametrize("is_past", [False, True], ids=["now", "as of"])
async def test_a_moved_win_is_marked_and_the_reading_says_what_was_moved(api_for: Api, is_past: bool) -> None:
    client, runtime = api_for("forecast")
    await a_quarter(runtime.database)

    async def restated(period: str, **more: str) -> dict[str, tuple[int, str]]:
        found = await ask(client, "call", period, **more, **(in_past() if is_past else {}))
        return {name: (part["count"], part["amount"]) for name, part in found["restated"].items() if part["count"]}

    async def marked(period: str) -> dict[str, tuple[str, str, str]]:
        found = await ask(client, "deals", period, line="closed_won", **(in_past() if is_past else {}))
        assert found["restated"] == (await ask(client, "call", period, **(in_past() if is_past else {})))["restated"]
        return {item["name"]: (item["closed_on"], item["counted_in"], item["counted_why"]) for item in found["items"]}

    assert await restated("2024Q4") == {"moved_out": (1, "300.00")}
    assert await restated("2025Q1") == {"moved_in": (1, "300.00")}
    assert await marked("2025Q1") == {"late": ("2024-11-28", "2025-01", "to_decide")}
    assert set((await marked("2024Q4")).values()) == {("2024-11-28", "2024-11", "booked")}
    assert (await decide(client, "late", counted_in="2024-11")).status_code == 200
    assert await restated("2024Q4") == {"kept": (1, "300.00")}
    assert await restated("2025Q1") == {}
    assert (await marked("2024Q4"))["late"] == ("2024-11-28", "2024-11", "decided")
    assert await restated("2024Q4", owner=str(named("bob"))) == {}


async def test_who_sees_a_part_sees_only_its_late_wins(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_quarter(runtime.database)
    for team, expected in {"EMEA/North": ("110.00", 1), "EMEA/South": ("50.00", 0)}.items():
        theirs = bearer("manager", scope=(unit_id(team),))
        found = await ask(client, "call", "2024Q4", theirs, org=str(ROOT_UNIT))
        assert (found["lines"]["closed_won"]["amount"], found["restated"]["moved_out"]["count"]) == expected


async def test_the_same_question_answers_the_same_before_and_after_a_decision(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_quarter(runtime.database)
    asked = in_past()
    before = [await ask(client, what, period, **asked) for what in ("call", "deals") for period in ("2024Q4", "2025Q1")]
    assert (await decide(client, "late", counted_in="2024-11")).status_code == 200
    answer = await client.post("/v1/forecast/periods/2024-11/reopen", json={"reason": "once more"}, headers=FINANCE)
    assert answer.status_code == 200
    after = [await ask(client, what, period, **asked) for what in ("call", "deals") for period in ("2024Q4", "2025Q1")]
    assert [{**each, "behind_s": None} for each in after] == [{**each, "behind_s": None} for each in before]
    # Before the closing was known, and before the win was, nothing was late.
    early = {"as_of": KNOWN_AT.isoformat(), "known_at": (CLOSED_AT - timedelta(hours=1)).isoformat()}
    assert await won_in(client, "2024Q4", **early) == "150.00"
    assert await won_in(client, "2024Q4", **in_past()) == "460.00"


async def won_by_metric(client: Any) -> dict[str, set[str]]:
    found = {}
    for period in ("2024Q4", "2025Q1"):
        listed = await ask(client, "metrics/cycle/deals", period)
        found[period] = {item["name"] for item in listed["items"]}
        assert {item["span_days"] for item in listed["items"]} <= {66.0}, "a cycle ends on the day of booking"
    return found


async def test_movement_and_metrics_follow_the_decision(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_quarter(runtime.database)
    start = (KNOWN_AT - timedelta(hours=1)).isoformat()
    undecided = clock.now().isoformat()
    moved = await ask(client, "movement", "2025Q1", since=start, as_of=undecided, known_at=undecided)
    terms = {each["term"]: each["amount"] for each in moved["closed"]["terms"] if Decimal(each["amount"])}
    assert (terms, moved["closed"]["closing"], moved["closed"]["residual"]) == ({"won": "300.00"}, "300.00", "0.00")
    assert await won_by_metric(client) == {"2024Q4": {"in time", "bob's"}, "2025Q1": {"late"}}
    assert (await decide(client, "late", counted_in="2024-11")).status_code == 200
    assert await won_by_metric(client) == {"2024Q4": {"in time", "bob's", "late"}, "2025Q1": set()}
    for mode in ("ends", "gross"):
        for period, term in {"2025Q1": ("down", "-300.00"), "2024Q4": ("up", "300.00")}.items():
            decided = await ask(client, "movement", period, since=undecided, since_known_at=undecided, mode=mode)
            terms = {each["term"]: each["amount"] for each in decided["closed"]["terms"] if Decimal(each["amount"])}
            assert terms == dict([term])
            assert {decided[side]["residual"] for side in ("open", "closed")} == {"0.00"}


async def test_a_lock_made_before_the_decision_keeps_its_number_and_one_made_after_has_the_other(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    database, system = runtime.database, Principal.system("forecast")
    await a_quarter(database)
    statement = f"""
        SELECT r.period_key, r.closed_won FROM lock_row r JOIN forecast_lock l USING (lock_id)
        WHERE r.node_id = '{ROOT_UNIT}' AND r.period_key = '2025Q1' AND l.kind = 'weekly' ORDER BY l.due_at
    """  # noqa: S608 - our id
    with at(datetime(2025, 1, 10, tzinfo=UTC)):
        await locks.make_due(database, principal=system)
    with at(datetime(2025, 1, 14, tzinfo=UTC)):
        await locks.make_due(database, principal=system)
        frozen = await rows(database, statement)
        assert [str(row["closed_won"]) for row in frozen] == ["300.00"]
        assert (await decide(client, "late", counted_in="2024-12")).status_code == 200
    with at(datetime(2025, 1, 21, tzinfo=UTC)):
        await locks.make_due(database, principal=system)
        assert [str(row["closed_won"]) for row in await rows(database, statement)] == ["300.00", "0.00"]
