"""The capacity line of a team: hours, who is away, what is taken, and where the queue stops."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from libs.common.ids import new_id
from tests.integration.leads.given import handle
from tests.integration.leads.teams import ALWAYS_OPEN, ANN, BOB, CLEO, NORTH, SOUTH, lead, place, route, send
from tests.support.days import business_day
from tests.support.keys import bearer


async def north(client: Any) -> Any:
    teams = (await send(client, "GET", "capacity"))["teams"]
    return next(each for each in teams if each["unit_id"] == str(NORTH))


async def test_the_line_stands_where_the_free_hours_end(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await place(runtime.database)
    await send(client, "PUT", "flow", ALWAYS_OPEN | {"rep_hours": "1.5", "source_hours": {"Fair": "2"}})
    queue = [new_id() for _ in range(5)]
    minutes = [timedelta(minutes=number) for number in range(5)]
    for lead_id, ago in zip(queue, minutes, strict=True):
        await handle(
            runtime.database, lead(lead_id, ago=ago, owner_id=ANN, source="Fair" if ago == minutes[1] else None)
        )
    found = await north(client)
    assert (found["hours"], found["taken"], found["free"]) == ("4.5", "0", "4.5")
    assert (found["because"], found["waiting"], found["fits"], found["fits_hours"]) == ("filled", 5, 3, "4")
    assert (found["last"]["lead_id"], found["last"]["grade"]) == (str(queue[2]), "A3")
    assert {each["person_id"] for each in found["people"]} == {str(ANN), str(BOB), str(CLEO)}


async def test_what_was_given_out_or_answered_today_takes_hours(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await place(runtime.database)
    await send(client, "PUT", "flow", ALWAYS_OPEN)
    await send(client, "PUT", "rules", {"rules": [{"unit_id": str(NORTH)}]})
    answered = new_id()
    await handle(runtime.database, lead(), lead(), lead(answered, owner_id=BOB))
    before = await north(client)
    assert (before["taken"], before["waiting"]) == ("0", 3), "who waits for the team by the rules is in its queue"
    await route(runtime.database)
    await send(client, "POST", f"{answered}/qualify", {"reason": "talked to them"})
    found = await north(client)
    assert (found["taken"], found["free"], found["waiting"], found["because"]) == ("3", "15", 0, "room_for_all")


async def test_with_nobody_there_nothing_fits_and_it_is_said(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await place(runtime.database)
    await send(client, "PUT", "flow", ALWAYS_OPEN)
    await send(client, "PUT", "rules", {"rules": [{"market": "FR", "unit_id": str(SOUTH)}]})
    today = business_day()
    days = {"first_day": (today - timedelta(days=1)).isoformat(), "last_day": (today + timedelta(days=1)).isoformat()}
    for person in (ANN, BOB, CLEO):
        await send(client, "POST", "absences", {"person_id": str(person)} | days, 201)
    await handle(runtime.database, lead(owner_id=ANN), lead(market="FR"))
    teams = {each["unit_id"]: each for each in (await send(client, "GET", "capacity"))["teams"]}
    away, empty = teams[str(NORTH)], teams[str(SOUTH)]
    assert (away["because"], away["fits"], away["last"], away["waiting"]) == ("all_away", 0, None, 1)
    assert all(len(each["away"]) == 1 for each in away["people"])
    assert (empty["because"], empty["fits"], empty["waiting"], empty["people"]) == ("nobody", 0, 1, [])


async def test_lines_are_shown_of_teams_that_the_reader_may_see(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await place(runtime.database)
    answer = await client.get("/v1/leads/capacity", headers=bearer("manager", scope=(SOUTH,)))
    assert answer.json()["teams"] == []
