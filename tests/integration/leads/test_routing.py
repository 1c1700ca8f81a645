"""Routing: the first rule that a lead meets, turns with a memory, within the room there is; a person goes before."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from libs.common import clock
from libs.common.db import Database
from libs.common.ids import new_id
from tests.integration.leads.given import handle, published
from tests.integration.leads.teams import (
    ALWAYS_OPEN,
    ANN,
    BOB,
    CLEO,
    LEADER,
    NORTH,
    OPS,
    SOUTH,
    lead,
    place,
    route,
    send,
)
from tests.support.keys import bearer

TO_NORTH = {"rules": [{"market": "DE", "unit_id": str(NORTH)}]}


async def owners(database: Database) -> list[Any]:
    """Owners in the order of their turns."""
    async with database.reading() as session:
        return [row.person_id for row in await session.execute(text("SELECT person_id FROM lead_routed ORDER BY turn"))]


async def test_leads_go_round_the_team_each_once_with_the_reason_as_an_event(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await place(runtime.database)
    await send(client, "PUT", "flow", ALWAYS_OPEN)
    await send(client, "PUT", "rules", TO_NORTH)
    one, *_ = given = [new_id() for _ in range(6)]
    await handle(runtime.database, *(lead(each) for each in given), lead(market="FR"))
    assert await route(runtime.database) == 6
    assert await route(runtime.database) == 0
    assert Counter(await owners(runtime.database)) == {ANN: 2, BOB: 2, CLEO: 2}
    found = await send(client, "GET", str(one))
    assert found["assigned_by"] == "routing"
    assert found["assigned_reason"].startswith("rule 1: market DE → North; turn ")
    assert (await published(runtime.database)).count("assigned") == 6


async def test_concurrent_workers_take_turns_as_one_would(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await place(runtime.database)
    await send(client, "PUT", "flow", ALWAYS_OPEN)
    await send(client, "PUT", "rules", TO_NORTH)
    for _ in range(3):
        await handle(runtime.database, *(lead() for _ in range(2)))
        await asyncio.gather(*(route(runtime.database) for _ in range(4)))
    turns = await owners(runtime.database)
    assert len(turns) == 6
    assert turns == [ANN, BOB, CLEO] * 2


async def test_who_is_away_is_passed_over_and_has_the_turn_when_back(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await place(runtime.database)
    await send(client, "PUT", "flow", ALWAYS_OPEN)
    await send(client, "PUT", "rules", TO_NORTH)
    days = {"first_day": _day(-1), "last_day": _day(1)}
    made = await send(client, "POST", "absences", {"person_id": str(BOB)} | days, 201)
    await handle(runtime.database, lead(), lead())
    await route(runtime.database)
    assert await owners(runtime.database) == [ANN, CLEO]
    await send(client, "POST", f"absences/{made['absence_id']}/withdraw")
    await handle(runtime.database, lead(), lead())
    await route(runtime.database)
    assert await owners(runtime.database) == [ANN, CLEO, ANN, BOB]


async def test_no_more_is_given_out_than_there_are_hours_the_best_first(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await place(runtime.database)
    await send(client, "PUT", "flow", ALWAYS_OPEN | {"rep_hours": "2"})
    await send(client, "PUT", "rules", TO_NORTH)
    best = [new_id() for _ in range(6)]
    await handle(
        runtime.database, *(lead(employees=5, role="Intern") for _ in range(3)), *(lead(each) for each in best)
    )
    assert await route(runtime.database) == 6
    async with runtime.database.reading() as session:
        routed = {row.lead_id for row in await session.execute(text("SELECT lead_id FROM lead_routed"))}
    assert routed == set(best)


async def test_the_first_rule_that_a_lead_meets_decides(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await place(runtime.database)
    await send(client, "PUT", "flow", ALWAYS_OPEN)
    rules = [
        {"market": "DE", "source": "Fair", "grades": ["A3"], "person_id": str(CLEO)},
        {"unit_id": str(SOUTH)},
        {"unit_id": str(NORTH)},
    ]
    shown = await send(client, "PUT", "rules", {"rules": rules})
    assert [each["asks"] for each in shown["rules"]] == [
        "market DE and source Fair and grade A3",
        "every lead",
        "every lead",
    ]
    await handle(runtime.database, lead(source="Fair"), lead(source="Fair", role="Intern", employees=3), lead())
    assert await route(runtime.database) == 1, "nobody sells in South: these wait there"
    assert await owners(runtime.database) == [CLEO]


async def test_a_person_goes_before_the_rules_and_the_rules_never_come_back(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await place(runtime.database)
    await send(client, "PUT", "flow", ALWAYS_OPEN)
    await send(client, "PUT", "rules", TO_NORTH)
    given = new_id()
    await handle(runtime.database, lead(given))
    await route(runtime.database)
    wanted = {"owner_id": str(CLEO), "reason": "knows them"}
    found = await send(client, "POST", f"{given}/assign", wanted)
    assert (found["owner_id"], found["assigned_by"], found["assigned_reason"]) == (str(CLEO), "olga", "knows them")
    await handle(runtime.database, lead(given, company="Acme Ltd"))
    assert await route(runtime.database) == 0
    assert (await send(client, "GET", str(given)))["owner_id"] == str(CLEO)
    unknown = await send(client, "POST", f"{given}/assign", wanted | {"owner_id": str(new_id())}, 422)
    assert unknown["type"] == "urn:foretell:problem:unknown-receiver"


async def test_a_lead_that_its_crm_gave_to_somebody_is_not_given_away(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await place(runtime.database)
    await send(client, "PUT", "flow", ALWAYS_OPEN)
    await send(client, "PUT", "rules", TO_NORTH)
    await handle(runtime.database, lead(owner_id=LEADER))
    assert await route(runtime.database) == 0


async def test_rules_and_absences_are_for_those_who_may_and_of_whom_they_see(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await place(runtime.database)
    seller = bearer("seller", subject=str(ANN), scope=(NORTH,))
    await send(client, "PUT", "rules", TO_NORTH, 403, seller)
    await send(client, "PUT", "flow", ALWAYS_OPEN, 403, seller)
    refused = await send(client, "PUT", "rules", {"rules": [{"unit_id": str(new_id())}]}, 422)
    assert "Rule 1 goes to" in refused["detail"]
    days = {"first_day": _day(0), "last_day": _day(2)}
    await send(client, "POST", "absences", {"person_id": str(ANN)} | days, 201, seller)
    await send(client, "POST", "absences", {"person_id": str(BOB)} | days, 403, seller)
    elsewhere = bearer("manager", subject="sam", scope=(SOUTH,))
    await send(client, "POST", "absences", {"person_id": str(BOB)} | days, 404, elsewhere)
    assert (await send(client, "GET", "absences", headers=elsewhere))["items"] == []


async def test_an_absence_is_known_as_it_was_at_every_instant(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await place(runtime.database)
    days = {"first_day": _day(0), "last_day": _day(2)}
    made = await send(client, "POST", "absences", {"person_id": str(ANN)} | days, 201)
    await send(client, "PUT", f"absences/{made['absence_id']}", days | {"last_day": _day(9)})
    await send(client, "POST", f"absences/{made['absence_id']}/withdraw")
    await send(client, "POST", f"absences/{made['absence_id']}/withdraw", status=409)
    then = await client.get("/v1/leads/absences", params={"known_at": made["recorded_at"]}, headers=OPS)
    (known,) = then.json()["items"]
    assert (known["last_day"], known["withdrawn"]) == (_day(2), False)
    (now,) = (await send(client, "GET", "absences"))["items"]
    assert (now["version"], now["last_day"], now["withdrawn"]) == (3, _day(9), True)


def _day(offset: int) -> str:
    return (clock.now() + timedelta(days=offset)).date().isoformat()
