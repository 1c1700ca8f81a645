"""What the projection and simpler methods said at every lock: kept by the real scheduler, and how right it was."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from libs.common import scheduler
from libs.common.db import Database
from libs.common.ids import ROOT_UNIT, unit_id
from services.forecast.component import COMPONENT
from services.forecast.locks import service as locks
from tests.integration.forecast.calling import CSO, get
from tests.integration.forecast.given import at, handle, named, organisation, rows
from tests.integration.forecast.scheduling import running, wait_for
from tests.integration.forecast.test_projection import company

JOBS = [replace(job, every_s=0.05) for job in COMPONENT.jobs]
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
    async with running(scheduler.run(runtime, JOBS), until=lambda: kept(database, 1), deadline_s=60):
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
    assert {"naive_last", "seasonal", "moving_average", "same_day_pacing", "last_year", "weighted_pipeline", "commit"} <= (
        root["opponents"].keys()
    )
    assert root["opponents"]["commit"] == str(next(row for row in nodes if row["node_id"] == ROOT_UNIT)["crm"])
    later = next(row for row in frozen if (row["period_key"], row["node_id"]) == ("2026Q1", ROOT_UNIT))
    assert later["opponents"] == {}


async def test_it_is_kept_once_and_of_what_was_known_then(forecast: Any) -> None:
    del forecast
