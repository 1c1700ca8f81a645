"""What the projection and simpler methods said at every lock: kept by the real scheduler, and how right it was."""

import csv
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from libs.common import scheduler
from libs.common.calendar import FiscalCalendar
from libs.common.db import Database
from libs.common.ids import ROOT_UNIT, unit_id
from libs.common.web.auth import Principal
from services.forecast.component import COMPONENT
from services.forecast.locks import service as locks
from services.forecast.locks.due import Timetable
from services.forecast.record import service as record
from tests.integration.forecast.calling import CSO, get, manager, seller
from tests.integration.forecast.given import at, deal, handle, named, organisation, rows
from tests.integration.forecast.scheduling import running
from tests.integration.forecast.test_projection import company

JOBS = [replace(job, every_s=0.05) for job in COMPONENT.jobs]
SYSTEM = Principal.system("forecast")
TIMETABLE = Timetable(FiscalCalendar(), "Europe/Berlin")
NOW = datetime(2025, 11, 24, 11, 30, tzinfo=UTC)
"""Half an hour after a lock on Monday at noon in Berlin."""


@pytest.fixture(scope="module")
def events() -> list[Any]:
    return company()


@pytest.fixture
async def forecast(api_for: Callable[[str], tuple[Any, Any]], events: list[Any]) -> AsyncIterator[tuple[Any, Any]]:
    client, runtime = api_for("forecast")
    teams = {"north/one": ["ada", "ben"], "north/two": ["cleo"], "south/three": ["dev"]}
    await organisation(runtime.database, teams, at=datetime(2023, 1, 1, tzinfo=UTC))
    for start in range(0, len(events), 1000):
        await handle(runtime.database, events[start : start + 1000])
    with at(NOW):
        yield client, runtime


async def locked_since(database: Database, since: datetime) -> None:
    """As if the timetable had begun then: locks that were due since will be made, late."""
    async with database.transaction() as session:
        await session.execute(text("INSERT INTO lock_schedule VALUES (true, :since)"), {"since": since})


async def kept(database: Database, count: int) -> bool:
    return len(await rows(database, "SELECT 1 FROM lock_projection")) >= count


async def test_a_lock_keeps_the_projection_of_every_node_as_the_reading_of_its_instant_gives_it(forecast: Any) -> None:
    client, runtime = forecast
    database = runtime.database
    await locked_since(database, datetime(2025, 11, 24, 10, tzinfo=UTC))
    async with running(scheduler.run(runtime, JOBS), until=lambda: kept(database, 1), deadline_s=300):
        pass
    frozen = await rows(database, "SELECT * FROM lock_projection_row")
    nodes = await rows(database, "SELECT * FROM lock_row")
    keys = ("period_key", "deal_type", "value_basis", "node_kind", "node_id")
    assert {tuple(row[key] for key in keys) for row in frozen} == {tuple(row[key] for key in keys) for row in nodes}
    (head,) = await rows(database, "SELECT * FROM lock_projection JOIN forecast_lock USING (lock_id)")
    due = head["due_at"].isoformat()

    for period in ("2025Q4", "2026Q1"):
        for kind, node in (
            ("unit", ROOT_UNIT),
            ("unit", unit_id("north")),
            ("unit", unit_id("south/three")),
            ("person", named("ben")),
        ):
            (row,) = [each for each in frozen if (each["period_key"], each["node_id"]) == (period, node)]
            asked = {"owner": str(node)} if kind == "person" else {"org": str(node)}
            said = await get(
                client, "projection", period=period, as_of=due, known_at=due, value_basis="one_off", **asked
            )
            parts = {name: Decimal(amount) for name, amount in said["parts"].items()}
            assert {name: row[name] for name in parts} == parts, (period, kind)
            band = said["bands"][0]
            width = Decimal(band["high"]) - Decimal(band["low"])
            assert abs(row["low_80"] - Decimal(band["low"])) < width / 50
            assert abs(row["high_80"] - Decimal(band["high"])) < width / 50
            assert row["quantiles"] == sorted(row["quantiles"])
            assert head["settings"] == said["settings"]
            assert (row["width_label"], row["width_periods"]) == (said["width"]["label"], said["width"]["periods"])

    root = next(row for row in frozen if (row["period_key"], row["node_id"]) == ("2025Q4", ROOT_UNIT))
    now = await get(client, "projection", period="2025Q4", as_of=due, known_at=due, value_basis="one_off")
    told = {each["method"]: each["amount"] for each in now["blend"] if each["amount"] and each["method"] != "hazard"}
    assert told == {name: root["opponents"][name] for name in told}
    assert {
        "naive_last",
        "seasonal",
        "moving_average",
        "same_day_pacing",
        "last_year",
        "weighted_pipeline",
        "commit",
    } <= (root["opponents"].keys())
    assert root["opponents"]["commit"] == str(next(row for row in nodes if row["node_id"] == ROOT_UNIT)["crm"])
    later = next(row for row in frozen if (row["period_key"], row["node_id"]) == ("2026Q1", ROOT_UNIT))
    assert later["opponents"] == {}


async def test_what_was_said_is_scored_at_what_was_closed_and_later_changes_move_nothing(forecast: Any) -> None:
    client, runtime = forecast
    database = runtime.database
    early = await get(client, "accuracy")
    assert (early["overall"]["n"], early["parts"], early["reliability"]) == (0, [], [])
    assert early["overall"]["too_early"] == "too early: 0 of at least 6 closed periods have been locked"

    quarters = ["2024Q2", "2024Q3", "2024Q4", "2025Q1", "2025Q2", "2025Q3"]
    for key in quarters:
        await locked_and_closed(database, key)
    found = await get(client, "accuracy", by="lead")

    frozen = await rows(database, "SELECT * FROM lock_projection_row JOIN forecast_lock l USING (lock_id)")
    said = [
        row
        for row in frozen
        if (row["node_id"], row["kind"], row["periods"][0]) == (ROOT_UNIT, "weekly", row["period_key"])
    ]
    closed = await rows(database, "SELECT * FROM lock_row JOIN forecast_lock USING (lock_id) WHERE kind = 'closed'")
    came = {row["period_key"]: row["closed_won"] for row in closed if row["node_id"] == ROOT_UNIT}
    for key in quarters:
        over = await get(client, "rollup", period=key, as_of=CLOSED_AT[key].isoformat(), value_basis="one_off")
        assert came[key] == Decimal(over["totals"]["lines"]["closed_won"]["amount"]) > 0
    assert len(said) == 2 * len(quarters)

    ours = found["overall"]["methods"][0]
    off = [row["projection"] - came[row["period_key"]] for row in said]
    total = sum(came[row["period_key"]] for row in said)
    rest = total - sum(row["closed"] for row in said)
    assert (ours["method"], ours["n"], ours["periods"], found["overall"]["too_early"]) == ("foretell", 12, 6, None)
    assert Decimal(ours["absolute_error"]) == sum(map(abs, off))
    assert ours["wape"] == pytest.approx(float(sum(map(abs, off)) / total), abs=1e-4)
    assert ours["wape_remaining"] == pytest.approx(float(sum(map(abs, off)) / rest), abs=1e-4)
    assert ours["bias"] == pytest.approx(float(sum(off) / total), abs=1e-4)
    held = [row["low_80"] <= came[row["period_key"]] <= row["high_80"] for row in said]
    assert (ours["cover_80"]["share"], ours["cover_80"]["periods"]) == (pytest.approx(sum(held) / 12, abs=1e-4), 6)
    commit = next(each for each in found["overall"]["methods"] if each["method"] == "commit")
    assert Decimal(commit["absolute_error"]) == sum(
        abs(Decimal(row["opponents"]["commit"]) - came[row["period_key"]]) for row in said
    )
    assert commit["closer"] in {"foretell", "other", "unclear"}
    assert sum(part["n"] for part in found["parts"]) == len(said)
    assert [int(part["key"]) for part in found["parts"]] == sorted(
        {int(p["key"]) for p in found["parts"]}, reverse=True
    )
    assert 0 < found["overall"]["noise_floor"] < found["overall"]["noise_floor_remaining"]
    assert [each["said"] for each in found["reliability"]] == [step / 10 for step in range(1, 10)]

    await a_win_that_is_told_later_moves_nothing(client, database, found)
    await as_of_an_earlier_instant_less_is_known(client)
    await the_file_has_the_same_numbers(client, found)
    await nodes_are_seen_by_their_line(client)
    await nothing_is_kept_twice(database)


CLOSED_AT: dict[str, datetime] = {}


async def locked_and_closed(database: Database, key: str) -> None:
    """Two weekly locks of a quarter, the lock after it was closed, and what the projection said at them: by the real jobs."""
    period = FiscalCalendar().parse(key)
    weekly = [due for due in TIMETABLE.due(midnight(period.start), midnight(period.end)) if due.kind == "weekly"]
    CLOSED_AT[key] = TIMETABLE.closed_at(period)
    for instant in (weekly[4].at, weekly[9].at, CLOSED_AT[key]):
        async with database.transaction() as session:
            await session.execute(text("DELETE FROM lock_schedule"))
            await session.execute(
                text("INSERT INTO lock_schedule VALUES (true, :at)"), {"at": instant - timedelta(seconds=1)}
            )
        with at(instant + timedelta(seconds=1)):
            assert await locks.make_due(database, principal=SYSTEM) == 1
            await record.freeze_made(database, principal=SYSTEM)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


async def a_win_that_is_told_later_moves_nothing(client: Any, database: Database, found: dict[str, Any]) -> None:
    """A large win booked into a quarter that was closed, told after it: accuracy is of what was closed."""
    late = deal(
        "told late", owner_id=named("ada"), amount=Decimal(9_000_000), state="won", category=None,
        closed_on=date(2025, 9, 20), valid_from=datetime(2025, 9, 20, tzinfo=UTC), recorded_at=datetime(2025, 11, 20, tzinfo=UTC),
    )  # fmt: skip
    await handle(database, [late])
    again = await get(client, "accuracy", by="lead")
    assert [again[name] for name in ("overall", "parts", "reliability")] == [
        found[name] for name in ("overall", "parts", "reliability")
    ]


async def as_of_an_earlier_instant_less_is_known(client: Any) -> None:
    before = await get(client, "accuracy", as_of=(CLOSED_AT["2025Q3"] - timedelta(days=1)).isoformat())
    assert (before["overall"]["periods"], before["waiting"]) == (5, 2)
    assert before["overall"]["too_early"] == "too early: 5 of at least 6 closed periods have been locked"
    assert {each["wape"] for each in before["overall"]["methods"]} == {None}
    unknown = await get(client, "accuracy", known_at="2024-01-01T00:00:00Z")
    assert (unknown["overall"]["n"], unknown["waiting"]) == (0, 0)


async def the_file_has_the_same_numbers(client: Any, found: dict[str, Any]) -> None:
    answer = await client.get("/v1/forecast/accuracy", params={"format": "csv"}, headers=CSO)
    lines = list(csv.DictReader(answer.text.splitlines()))
    whole = {line["method"]: line for line in lines if line["by"] == "all"}
    for each in found["overall"]["methods"]:
        assert whole[each["method"]]["wape"] == ("" if each["wape"] is None else str(each["wape"]))
        assert Decimal(whole[each["method"]]["absolute_error"]) == Decimal(each["absolute_error"])
    assert len(lines) == sum(len(part["methods"]) for part in (*found["parts"], found["overall"]))


async def nodes_are_seen_by_their_line(client: Any) -> None:
    north, cleo = unit_id("north"), named("cleo")
    below = await get(client, "accuracy", by="node")
    assert {part["key"] for part in below["parts"]} >= {str(north), str(unit_id("south"))}
    team = await get(client, "accuracy", by="node", org=str(unit_id("north/two")))
    assert {part["key"] for part in team["parts"]} == {str(cleo)}

    async def status(headers: dict[str, str], **node: Any) -> int:
        return int((await client.get("/v1/forecast/accuracy", params=node, headers=headers)).status_code)

    assert await status(seller("cleo", team=unit_id("north/two")), owner=str(cleo)) == 200
    assert await status(seller("ben", team=unit_id("north/one")), owner=str(cleo)) == 403
    assert await status(manager(unit_id("south")), org=str(north)) == 403
    assert await status(CSO, org=str(north), owner=str(cleo)) == 422


async def nothing_is_kept_twice(database: Database) -> None:
    before = await rows(database, "SELECT * FROM lock_projection ORDER BY lock_id")
    assert await record.freeze_made(database, principal=SYSTEM) == 0
    assert await rows(database, "SELECT * FROM lock_projection ORDER BY lock_id") == before
