"""Response clocks told by the running scheduler: every mark once, to the right person, whatever happens in between."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy import text

from libs.common import scheduler
from libs.common.db import Database
from libs.common.ids import new_id
from services.leads.component import COMPONENT
from services.leads.responses import service as responses
from tests.integration.leads.given import handle
from tests.integration.leads.teams import (
    ALWAYS_OPEN,
    ANN,
    BOB,
    CHIEF,
    LEADER,
    NORTH,
    SOUTH,
    SYSTEM,
    lead,
    place,
    route,
    send,
)
from tests.support.keys import bearer

SAID = {"element": "bant.need", "state": "claimed", "source": "call", "note": "they called back"}


async def look(database: Database) -> None:
    await responses.keep_clocks(database, principal=SYSTEM)


async def told(database: Database) -> list[tuple[str, int, str | None]]:
    """(kind, level, whom) of the events, in the order in which they leave."""
    async with database.reading() as session:
        rows = await session.execute(
            text("SELECT type, data FROM outbox WHERE type LIKE 'leads.clock.%' ORDER BY aggregate_version, position")
        )
        found = [(row.type.split(".")[-2], orjson.loads(row.data)) for row in rows]
    return [(kind, data["level"], data.get("told_id")) for kind, data in found]


ALL = [("warned", 0, str(ANN)), ("breached", 0, str(ANN)), ("escalated", 1, str(LEADER)), ("escalated", 2, str(CHIEF))]


async def test_after_a_pause_every_mark_is_told_once_though_two_look_at_once(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await place(runtime.database)
    await send(client, "PUT", "flow", ALWAYS_OPEN)
    given = new_id()
    await handle(runtime.database, lead(given, ago=timedelta(hours=12), owner_id=ANN))
    await asyncio.gather(*(look(runtime.database) for _ in range(4)))
    await look(runtime.database)
    assert await told(runtime.database) == ALL
    (clock,) = (await send(client, "GET", f"{given}/clocks"))["items"]
    assert [(each["kind"], each["level"], each["told_id"]) for each in clock["marks"]] == ALL


async def test_an_answer_stops_the_marks_to_come_and_not_those_that_were_passed(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await place(runtime.database)
    await send(client, "PUT", "flow", ALWAYS_OPEN)
    late, early = new_id(), new_id()
    await handle(
        runtime.database,
        lead(late, ago=timedelta(minutes=90), owner_id=ANN),
        lead(early, ago=timedelta(minutes=5), owner_id=BOB),
    )
    for each in (late, early):
        await send(client, "POST", f"{each}/evidence", SAID, 201)
    await look(runtime.database)
    assert await told(runtime.database) == ALL[:2], "it was overdue when it was answered, nobody had looked yet"
    found = {each["unit_id"]: each for each in (await send(client, "GET", "responses"))["teams"]}
    assert found[str(NORTH)] == {
        "unit_id": str(NORTH),
        "unit_name": "North",
        "n": 2,
        "in_time": 1,
        "running": 0,
        "share": "0.5000",
    }
    hidden = await send(client, "GET", "responses", headers=bearer("manager", scope=(SOUTH,)))
    assert hidden["teams"] == []


async def test_who_gets_a_lead_has_a_clock_of_their_own(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await place(runtime.database)
    await send(client, "PUT", "flow", ALWAYS_OPEN)
    await send(client, "PUT", "rules", {"rules": [{"unit_id": str(NORTH)}]})
    given = new_id()
    await handle(runtime.database, lead(given, ago=timedelta(minutes=150)))
    await look(runtime.database)
    assert await told(runtime.database) == [("warned", 0, None), ("breached", 0, None), ("escalated", 1, str(LEADER))]
    await route(runtime.database)
    await look(runtime.database)
    newest, first = (await send(client, "GET", f"{given}/clocks"))["items"]
    assert (newest["owner_id"], newest["marks"], len(first["marks"])) == (str(ANN), [], 3)
    about = await send(client, "GET", f"{given}/queue")
    assert about["queued"]["clock"]["due_at"] == newest["due_at"]
    assert about["queued"]["clock"]["state"] == "running"


async def test_what_was_history_when_it_came_is_told_to_nobody(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await place(runtime.database)
    await handle(runtime.database, lead(ago=timedelta(days=60), owner_id=ANN))
    await look(runtime.database)
    assert await told(runtime.database) == []
    late = await client.get("/v1/leads/queue", params={"late": "true"}, headers=bearer("manager"))
    assert len(late.json()["items"]) == 1


async def test_the_crm_saying_that_somebody_works_on_it_is_an_answer(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await place(runtime.database)
    await send(client, "PUT", "flow", ALWAYS_OPEN)
    await handle(runtime.database, lead(ago=timedelta(minutes=10), owner_id=ANN, status="working"))
    await look(runtime.database)
    (team,) = (await send(client, "GET", "responses"))["teams"]
    assert (team["n"], team["in_time"]) == (1, 1)


async def test_the_running_scheduler_tells_and_routes(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await place(runtime.database)
    await send(client, "PUT", "flow", ALWAYS_OPEN)
    await send(client, "PUT", "rules", {"rules": [{"unit_id": str(NORTH)}]})
    given = new_id()
    await handle(runtime.database, lead(given), lead(ago=timedelta(hours=12), owner_id=ANN))
    running = asyncio.create_task(scheduler.run(runtime, list(COMPONENT.jobs)))
    try:
        async with asyncio.timeout(30):
            while await told(runtime.database) != ALL or not (await send(client, "GET", str(given)))["owner_id"]:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
