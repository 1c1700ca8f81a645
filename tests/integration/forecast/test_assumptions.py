"""What a plan takes for granted: proposed from the year before, approved with it, and held against history at every lock."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from libs.common.ids import ROOT_UNIT, unit_id
from libs.common.web.auth import Principal
from services.forecast.assumptions import repository, watching
from services.forecast.assumptions.breaks import critical_breaks
from services.forecast.plans import service as plans
from services.forecast.reviews.assumed import broken
from services.forecast.reviews.watching import open_due
from tests.integration.forecast import reviewing
from tests.integration.forecast.assuming import FELL, NOW, TEAMS, clean_up, company
from tests.integration.forecast.given import at, handle, organisation, rows, told
from tests.integration.forecast.planning import CEO, CSO, a_plan, as_seen, child, in_force, numbered, read, send, step
from tests.support.keys import bearer

SYSTEM = Principal.system("forecast")
BEGAN = datetime(2023, 1, 1, tzinfo=NOW.tzinfo)


@pytest.fixture
async def api(api_for: Callable[[str], tuple[Any, Any]]) -> AsyncIterator[Any]:
    client, runtime = api_for("forecast")
    await organisation(runtime.database, TEAMS, at=BEGAN)
    events = company()
    for start in range(0, len(events), 1000):
        await handle(runtime.database, events[start : start + 1000])
    with at(NOW):
        yield client, runtime.database


async def drafted(client: Any, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A plan for 2025 with what the year before lets it assume of the company and of North."""
    plan = await numbered(client, await a_plan(client, period="FY2025", **more), "1000000")
    nodes = await read(client, f"/{plan['plan_id']}/nodes", levels=0)
    plan, _ = await child(client, plan, nodes["nodes"][0]["node_id"], "unit", unit_id("north"))
    answer = await send(client, f"/{plan['plan_id']}/assumptions/draft", {"levels": 1}, headers=as_seen(plan))
    return await read(client, f"/{plan['plan_id']}"), answer


def one(found: dict[str, Any], metric: str, *, depth: int = 1) -> dict[str, Any]:
    item: dict[str, Any] = next(
        each for each in found["items"] if each["metric"] == metric and len(each["path"]) == depth
    )
    return item


async def assumed(client: Any, plan: dict[str, Any], **asked: Any) -> dict[str, Any]:
    return await read(client, f"/{plan['plan_id']}/assumptions", **asked)


async def test_a_draft_proposes_what_the_year_before_showed_and_of_how_many_cases(api: Any) -> None:
    client, _ = api
    _, answer = await drafted(client)
    found = answer["assumptions"]
    won, created, took = (one(found, metric) for metric in ("win_rate", "creation", "cycle"))
    assert won["criticality"] == "critical"
    assert float(won["expected"]) == pytest.approx(0.4, abs=0.01)
    assert won["from_cases"] == pytest.approx(14 * 52, abs=60)
    assert float(created["expected"]) == pytest.approx(14 * 365.25 / 12 / 7, abs=0.6)
    assert float(took["expected"]) == pytest.approx(30, abs=0.3)
    assert all(each["state"] == "not_looked_at" and each["seen"] is None for each in found["items"])
    assert {each["metric"] for each in answer["not_proposed"]} == {"pushed"}, "nobody put a date off in the year before"
    assert one(found, "win_rate", depth=2)["criticality"] == "normal"


async def test_a_win_rate_that_falls_in_the_year_breaks_at_a_lock_and_says_so(api: Any) -> None:
    client, database = api
    plan, _ = await drafted(client)
    plan = await in_force(client, plan)
    assert await watching.watch(database, principal=SYSTEM) == 46, "every Monday of 2025 before today but the first"
    assert await watching.watch(database, principal=SYSTEM) == 0
    found = await assumed(client, plan)
    won = one(found, "win_rate")
    assert won["state"] == "broken"
    since = datetime.fromisoformat(won["seen"]["broken_since"])
    assert FELL + timedelta(weeks=4) <= since <= FELL + timedelta(weeks=13), "found within a quarter"
    assert (won["seen"]["side"], won["seen"]["value"]) == ("below", pytest.approx(0.2, abs=0.01))
    assert won["seen"]["low"] < won["seen"]["value"] < won["seen"]["high"] < float(won["within"][0])
    states = [each["state"] for each in won["locks"]]
    assert states[0] == "too_little_data"
    assert set(states[: states.index("broken")]) <= {"too_little_data", "holding", "drifting"}
    for metric in ("creation", "cycle"):
        assert one(found, metric)["state"] == "holding", metric
    events = await told(database, "forecast.assumption.broken.v1")
    said = sorted((each["metric"], each["criticality"]) for each in events)
    assert said == [("win_rate", "critical"), ("win_rate", "normal")], "each once, of the company and of North"
    history = await read(client, f"/{plan['plan_id']}/assumptions/{won['assumption_id']}")
    assert [each["due_at"] for each in history["history"]] == [each["due_at"] for each in reversed(won["locks"])]
    async with database.reading() as session:
        (broken,) = await critical_breaks(session)
    assert (broken.plan_id, broken.assumption_id, broken.since) == (
        UUID(plan["plan_id"]),
        UUID(won["assumption_id"]),
        since,
    )
    assert broken.text.startswith("Win rate of Company is below what plan 'Growth' assumes: 20.")


async def test_every_lock_saw_what_was_known_then_and_sees_it_again_whenever_asked(api: Any) -> None:
    client, database = api
    plan = await in_force(client, (await drafted(client))[0])
    await watching.watch(database, principal=SYSTEM)
    before = await _stored(database)
    later = clean_up(NOW - timedelta(days=100)) + company(falls=NOW)[-40:]
    with at(NOW + timedelta(days=3)):
        moved = [_told_later(each) for each in later]
        await handle(database, moved)
        async with database.reading() as session:
            found = await plans.find(session, UUID(plan["plan_id"]), principal=SYSTEM)
            looks = await rows(database, "SELECT due_at, known_at FROM assumption_look ORDER BY due_at")
            assert len(looks) == 46
            for each in looks:
                again, _ = await watching.look(session, found, each["due_at"], each["known_at"], principal=SYSTEM)
                for row in again:
                    stored = before[row["assumption_id"], row["due_at"]]
                    assert {name: row[name] for name in stored} == stored
    assert await _stored(database) == before


def _told_later(event: Any) -> Any:
    return event.__class__(
        **{**{name: getattr(event, name) for name in event.__slots__}, "recorded_at": NOW + timedelta(days=2)}
    )


async def _stored(database: Any) -> dict[Any, dict[str, Any]]:
    found = await rows(database, "SELECT * FROM assumption_state ORDER BY due_at, assumption_id")
    return {
        (row["assumption_id"], row["due_at"]): {
            name: value for name, value in row.items() if name not in ("plan_id", "version")
        }
        for row in found
    }


async def test_a_clean_up_breaks_nothing(api: Any) -> None:
    client, database = api
    await handle(database, clean_up(FELL - timedelta(days=60)))
    plan = await in_force(client, (await drafted(client))[0])
    await watching.watch(database, principal=SYSTEM)
    locks = one(await assumed(client, plan), "win_rate")["locks"]
    early = [each["state"] for each in locks if datetime.fromisoformat(each["due_at"]) < FELL]
    assert set(early) <= {"holding", "too_little_data"}


async def test_what_was_approved_assumes_that_for_ever_and_a_new_version_begins_with_it(api: Any) -> None:
    client, database = api
    draft, answer = await drafted(client)
    won = one(answer["assumptions"], "win_rate")
    stated = {name: won[name] for name in ("node_id", "metric")} | {"expected": "0.25", "tolerance": "0.15"}
    changed = await send(client, f"/{draft['plan_id']}/assumptions", {"items": [stated]}, headers=as_seen(draft))
    assert (float(one(changed, "win_rate")["expected"]), one(changed, "win_rate")["from_cases"]) == (0.25, None)
    again = await send(
        client,
        f"/{draft['plan_id']}/assumptions/draft",
        {"levels": 0},
        headers=CSO | {"If-Match": f'"{changed["sequence"]}"'},
    )
    assert float(one(again["assumptions"], "win_rate")["expected"]) == 0.25, "what a person said is kept"
    await send(client, f"/{draft['plan_id']}/assumptions", {"items": [stated]}, headers=as_seen(draft), status=412)
    plan = await in_force(client, await read(client, f"/{draft['plan_id']}"))
    await send(client, f"/{plan['plan_id']}/assumptions", {"items": [stated]}, headers=as_seen(plan), status=409)
    row = "INSERT INTO plan_assumption SELECT plan_id, version, 999, assumption_id, node_id, metric, 1, 0.1, 'normal', NULL, false FROM plan_assumption LIMIT 1"
    with pytest.raises(DBAPIError, match="no longer a draft"):
        async with database.transaction() as session:
            await session.execute(text(row))
    newer = await send(client, f"/{plan['plan_id']}/versions", {}, status=201)
    assert float(one(await assumed(client, newer, version=2), "win_rate")["expected"]) == 0.25
    gone = {"remove": [won["assumption_id"]]}
    left = await send(client, f"/{plan['plan_id']}/assumptions", gone, headers=as_seen(newer))
    assert won["assumption_id"] not in {each["assumption_id"] for each in left["items"]}
    assert one(await assumed(client, plan, version=1), "win_rate")["assumption_id"] == won["assumption_id"]


async def test_assumptions_go_out_as_a_file_and_come_back_line_by_line(api: Any) -> None:
    client, _ = api
    plan, answer = await drafted(client)
    path = f"/v1/plans/{plan['plan_id']}/assumptions"
    file = (await client.get(path, params={"format": "csv"}, headers=CSO)).text
    assert len(file.splitlines()) == 1 + len(answer["assumptions"]["items"])
    lines = (
        "path,metric,expected,tolerance,criticality\n"
        "Company,win_rate,0.35,0.1,critical\nCompany,win_rate,35,0.1,\nNowhere,size,10,0.1,\nCompany,luck,1,0.1,\n"
    )
    as_csv = CSO | {"Content-Type": "text/csv", "If-Match": f'"{plan["sequence"]}"'}
    tried = (await client.post(f"{path}/imports", content=lines, params={"dry_run": True}, headers=as_csv)).json()
    assert (tried["accepted"], [(each["line"], each["column"]) for each in tried["refused"]]) == (
        1,
        [(3, "expected"), (4, "path"), (5, "metric")],
    )
    taken = await client.post(f"{path}/imports", content=lines, headers=as_csv)
    assert taken.json() == tried | {"dry_run": False}
    assert float(one(await assumed(client, plan), "win_rate")["expected"]) == 0.35
    back = await client.post(f"{path}/imports", content=file, headers=as_csv | {"If-Match": taken.headers["ETag"]})
    assert back.json()["refused"] == []
    assert (
        one(await assumed(client, plan), "win_rate")["expected"] == one(answer["assumptions"], "win_rate")["expected"]
    )


async def test_nobody_sees_or_states_assumptions_beyond_their_scope(api: Any) -> None:
    client, database = api
    plan, answer = await drafted(client)
    north = bearer("manager", subject="user:nora", scope=(unit_id("north"),))
    await read(client, f"/{plan['plan_id']}/assumptions", headers=north, status=404)
    won = one(answer["assumptions"], "win_rate")
    await read(client, f"/{plan['plan_id']}/assumptions/{won['assumption_id']}", headers=north, status=404)
    seller = bearer("rep", subject="user:sam", scope=(ROOT_UNIT,))
    await send(client, f"/{plan['plan_id']}/assumptions", {"items": []}, headers=as_seen(plan, seller), status=403)
    await in_force(client, plan)
    await watching.watch(database, principal=SYSTEM)
    async with database.reading() as session:
        nora = Principal(subject="user:nora", roles=frozenset({"manager"}), scope=(unit_id("north"),))
        assert await critical_breaks(session, principal=nora) == []
        assert await repository.assumptions(session, UUID(plan["plan_id"]), 1, principal=nora) == []


async def test_two_who_look_at_once_leave_one_look_and_tell_it_once(api: Any) -> None:
    client, database = api
    plan = await in_force(client, (await drafted(client))[0])
    async with database.reading() as session:
        found = await plans.find(session, UUID(plan["plan_id"]), principal=SYSTEM)
        due = NOW - timedelta(days=7, hours=-2)
        first = await watching.look(session, found, due, NOW, principal=SYSTEM)
        second = await watching.look(session, found, due, NOW, principal=SYSTEM)
    kept = []
    for looked in (first, second):
        async with database.transaction() as session:
            kept.append(await watching._store(session, found, due, NOW, *looked, principal=SYSTEM))
    assert kept == [True, False]
    assert len(await rows(database, "SELECT DISTINCT due_at FROM assumption_state")) == 1


async def test_a_plan_that_another_took_the_place_of_is_looked_at_no_more(api: Any) -> None:
    client, database = api
    plan = await in_force(client, (await drafted(client))[0])
    await watching.watch(database, principal=SYSTEM)
    newer = await send(client, f"/{plan['plan_id']}/versions", {}, status=201)
    newer = await step(client, await step(client, await step(client, newer, "propose"), "approve", CEO), "activate")
    with at(NOW + timedelta(days=1)):
        assert await watching.watch(database, principal=SYSTEM) == 47
    counts = await rows(
        database, "SELECT version, count(*) AS n FROM assumption_look GROUP BY version ORDER BY version"
    )
    assert [(row["version"], row["n"]) for row in counts] == [(1, 46), (2, 47)]


async def test_a_critical_break_opens_one_review_that_shows_it_among_all_that_is_assumed(api: Any) -> None:
    client, database = api
    plan = await in_force(client, (await drafted(client))[0])
    await reviewing.post(client, f"/policies/{plan['plan_id']}", {"on_broken": True})

    async def opened() -> int:
        async with database.reading() as session:
            found = await broken(session, principal=SYSTEM)
        return await open_due(database, breaks=found, principal=SYSTEM)

    assert await opened() == 0, "nobody looked at a lock yet"
    await watching.watch(database, principal=SYSTEM)
    assert await opened() == 1
    assert await opened() == 0, "it waits for its decision"
    (row,) = (await reviewing.get(client))["items"]
    evidence = (await reviewing.get(client, f"/{row['review_id']}"))["evidence"]
    assert evidence["cause"]["kind"] == "assumption"
    assert evidence["cause"]["text"].startswith("Win rate of Company is below")
    first = evidence["assumptions"][0]
    assert (first["state"], first["is_critical"]) == ("broken", True)
    assert first["text"].startswith("Win rate of Company: 40.")
    assert "seen of" in first["text"]
    assert len(evidence["assumptions"]) == len((await assumed(client, plan))["items"])
