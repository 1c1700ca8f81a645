"""The scheduler's turns over plans: what is wrong with one of them keeps no other waiting, is told, and is tried again."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from libs.common import scheduler
from libs.common.db import Database
from libs.common.ids import unit_id
from libs.common.web.auth import Principal
from services.forecast.assumptions import watching as assumptions
from services.forecast.reviews import watching as reviews
from tests.integration.forecast.assuming import NOW, TEAMS, company
from tests.integration.forecast.given import at, handle, organisation, rows
from tests.integration.forecast.planning import CSO, a_plan, as_seen, in_force, numbered, send
from tests.integration.forecast.reviewing import decide, opened, post
from tests.integration.forecast.scheduling import running, wait_for
from tests.integration.forecast.test_locks import JOBS

SYSTEM = Principal.system("forecast")


@pytest.fixture
async def plans(api_for: Callable[[str], tuple[Any, Any]]) -> AsyncIterator[Any]:
    """Two regions with a plan each in force in the last month of a year; the one whose turn comes first stands first."""
    api, runtime = api_for("forecast")
    await organisation(runtime.database, TEAMS, at=datetime(2023, 1, 1, tzinfo=NOW.tzinfo))
    events = company()
    for start in range(0, len(events), 1000):
        await handle(runtime.database, events[start : start + 1000])
    with at(NOW):
        made = [await _in_force(api, region) for region in ("north", "south")]
        yield api, runtime, sorted(made, key=lambda plan: str(plan["plan_id"]))


async def _in_force(api: Any, region: str) -> dict[str, Any]:
    plan = await a_plan(api, name=f"Of {region}", period="2025-11", org=str(unit_id(region)))
    plan = await numbered(api, plan, "100000")
    stated = {"node_id": await _root(api, plan), "metric": "win_rate", "expected": "0.4", "tolerance": "0.1"}
    await send(api, f"/{plan['plan_id']}/assumptions", {"items": [stated]}, headers=as_seen(plan))
    answer = await api.get(f"/v1/plans/{plan['plan_id']}", headers=CSO)
    return await in_force(api, answer.json())


async def _root(api: Any, plan: dict[str, Any]) -> str:
    answer = await api.get(f"/v1/plans/{plan['plan_id']}/nodes", params={"levels": 0}, headers=CSO)
    return str(answer.json()["nodes"][0]["node_id"])


@asynccontextmanager
async def spoilt(runtime: Any, table: str, column: str, worse: Any, plan: dict[str, Any]) -> AsyncIterator[None]:
    """Something of a plan that cannot be read while this lasts; only the database's owner can do that."""
    chosen = runtime.settings
    owner = Database(chosen.model_copy(update={"database_url": chosen.owner_database_url}))
    mine = {"id": plan["plan_id"]}
    of = "plan_id = :id" if table == "plan" else "review_id IN (SELECT review_id FROM review WHERE plan_id = :id)"
    try:
        async with owner.transaction() as session:
            before = await session.scalar(text(f"SELECT {column} FROM {table} WHERE {of}"), mine)  # noqa: S608 - ours
            await session.execute(text(f"UPDATE {table} SET {column} = :to WHERE {of}"), mine | {"to": worse})  # noqa: S608
        yield
        async with owner.transaction() as session:
            await session.execute(text(f"UPDATE {table} SET {column} = :to WHERE {of}"), mine | {"to": before})  # noqa: S608
    finally:
        await owner.close()


async def of_plans(runtime: Any, statement: str) -> set[str]:
    return {str(row["plan_id"]) for row in await rows(runtime.database, statement)}


async def test_a_plan_that_cannot_be_read_keeps_no_assumption_of_another_from_being_watched(plans: Any) -> None:
    _, runtime, (first, second) = plans
    async with spoilt(runtime, "plan", "measures", [], first):
        with pytest.raises(ExceptionGroup, match="1 plans were left out") as told:
            await assumptions.watch(runtime.database, principal=SYSTEM)
        assert [note for error in told.value.exceptions for note in error.__notes__] == [f"plan {first['plan_id']}"]
        assert await of_plans(runtime, "SELECT plan_id FROM assumption_look") == {second["plan_id"]}
    assert await assumptions.watch(runtime.database, principal=SYSTEM) > 0, "it is tried again"
    looks = await rows(runtime.database, "SELECT plan_id, count(*) AS n FROM assumption_look GROUP BY plan_id")
    assert len({row["n"] for row in looks}) == 1, "nothing is missing of the one that waited"
    assert len(looks) == 2


async def test_the_running_scheduler_opens_reviews_of_other_plans_and_counts_the_turn_as_failed(plans: Any) -> None:
    api, runtime, (first, second) = plans
    for plan in (first, second):
        await post(api, f"/policies/{plan['plan_id']}", {"day_of_month": NOW.day + 1})
    labels = {"task": "open reviews that are due", "result": "failed"}
    reviews_of = "SELECT plan_id FROM review"

    async def other() -> bool:
        return await of_plans(runtime, reviews_of) == {second["plan_id"]}

    async def failed() -> bool:
        return bool(REGISTRY.get_sample_value("job_runs_total", labels))

    async def both() -> bool:
        return await of_plans(runtime, reviews_of) == {first["plan_id"], second["plan_id"]}

    with at(NOW + timedelta(days=1, hours=2)):
        async with (
            spoilt(runtime, "plan", "measures", [], first),
            running(scheduler.run(runtime, JOBS), until=other),
        ):
            await wait_for(failed)
        async with running(scheduler.run(runtime, JOBS), until=both):
            assert len(await rows(runtime.database, reviews_of)) == 2


async def test_a_decision_that_cannot_be_read_keeps_no_other_from_being_scored(plans: Any) -> None:
    api, runtime, (first, second) = plans
    day: date = NOW.date() + timedelta(days=3)
    for plan in (first, second):
        await decide(api, await opened(api, plan), check_on=day.isoformat())
    scored = "SELECT r.plan_id FROM review_score s JOIN review r ON r.review_id = s.review_id"
    with at(NOW + timedelta(days=6)):
        async with spoilt(runtime, "review_decision", "document", "{", first):
            with pytest.raises(ExceptionGroup):
                await reviews.score_due(runtime.database, principal=SYSTEM)
            assert await of_plans(runtime, scored) == {second["plan_id"]}
        assert await reviews.score_due(runtime.database, principal=SYSTEM) == 1
    assert len(await rows(runtime.database, scored)) == 2
