"""Locks made by the real scheduler: on time, late, once, and never rewritten."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event as hooks
from sqlalchemy import text

from libs.common import clock, scheduler
from libs.common.events.deals import PersonPlaced
from libs.common.ids import ROOT_UNIT, unit_id
from libs.common.web.auth import Principal
from services.forecast.component import COMPONENT
from services.forecast.locks import service
from tests.integration.forecast.calling import CSO, EMEA, NORTH, PERIOD, a_region, get, manager, post, seller
from tests.integration.forecast.given import at, deal, handle, named, organisation, received, rows, told
from tests.integration.forecast.scheduling import running, wait_for
from tests.support.keys import bearer

Api = Callable[[str], tuple[Any, Any]]
SYSTEM = Principal.system("forecast")
MONDAY = datetime(2024, 11, 25, 11, tzinfo=UTC)
"""Noon in Berlin."""
BEFORE = MONDAY - timedelta(hours=3)
JOBS = [replace(job, every_s=0.05) for job in COMPONENT.jobs]
"""The component's own jobs, looked at more often."""


@pytest.fixture(autouse=True)
def three_hours_before() -> Iterator[None]:
    with at(BEFORE):
        yield


def go_to(instant: datetime) -> None:
    clock.set_offset(clock.offset().total_seconds() + (instant - clock.now()).total_seconds())


async def marked(database: Any) -> bool:
    return bool(await rows(database, "SELECT 1 FROM lock_schedule"))


async def locked(database: Any, count: int = 1) -> bool:
    return len(await rows(database, "SELECT 1 FROM forecast_lock")) >= count


async def a_week(client: Any, database: Any) -> None:
    """What is there before the lock: deals, three calls, a judged deal and an adjustment."""
    await a_region(database)
    await handle(database, [deal("late", owner_id=named("bob"), amount=Decimal(30), close_date=date(2024, 11, 20))])
    await post(client, "submissions", seller("ann"), period=PERIOD, amount="350")
    await post(client, "submissions", manager(), period=PERIOD, amount="700")
    await post(client, "submissions", manager(EMEA, "user:emea"), period="2025Q1", amount="5")
    expiry = (MONDAY + timedelta(days=1)).isoformat()
    await post(client, "adjustments", CSO, period=PERIOD, org=str(NORTH), delta="-50", reason="r", expires_at=expiry)


FROZEN = """
    SELECT period_key, deal_type, value_basis, node_kind, node_id, parent_id, label, lines, beside, overdue, closed_won,
           crm, reps, managers, adjusted, adjustment, from_crm, of_calls, submission_id, own_call
    FROM lock_row ORDER BY period_key, deal_type, value_basis, node_kind, node_id
"""


async def test_the_running_scheduler_makes_the_weekly_lock_when_it_is_due(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_week(client, runtime.database)
    async with running(scheduler.run(runtime, JOBS), until=lambda: marked(runtime.database)):
        assert not await locked(runtime.database)
        go_to(MONDAY + timedelta(seconds=1))
        await wait_for(lambda: locked(runtime.database))
    (lock,) = (await get(client, "locks"))["items"]
    assert (lock["due_at"], lock["kind"], lock["is_late"]) == ("2024-11-25T11:00:00Z", "weekly", False)
    assert lock["periods"] == ["2024Q4", "2025Q1", "2025Q2", "2025Q3", "2025Q4"]
    assert (lock["state"], lock["completeness"], lock["watermark"]) == ("unknown", None, None)
    read = await get(client, f"locks/{lock['lock_id']}", period=PERIOD)
    by_label = {row["label"]: row for row in read["rows"] if row["label"]}
    north = by_label["North"]
    assert (north["crm"], north["reps"], north["managers"], north["adjusted"]) == (
        "730.00",
        "780.00",
        "700.00",
        "650.00",
    )
    assert (north["own_call"], north["adjustment"], north["overdue"]["amount"]) == ("700.00", "-50.00", "30.00")
    assert by_label["Company"]["lines"]["commit"]["amount"] == "1630.00"
    assert by_label["Company"]["cumulative"]["commit"]["amount"] == "1730.00"
    assert (by_label["EMEA"]["from_crm"], by_label["EMEA"]["of"]) == (1, 2)
    (event,) = await told(runtime.database, "forecast.forecast.locked.v1")
    assert event["lock_id"] == lock["lock_id"]
    said = await rows(runtime.database, "SELECT stands FROM lock_call")
    assert [row["stands"] for row in said] == [True, True, True]
    assert len(await rows(runtime.database, "SELECT 1 FROM lock_adjustment")) == 1


async def test_a_missed_lock_is_made_later_as_it_would_have_been_and_marked_late(api_for: Api) -> None:
    async def frozen(*, is_missed: bool) -> list[dict[str, Any]]:
        client, runtime = api_for("forecast")
        go_to(BEFORE)
        await a_week(client, runtime.database)
        assert await service.make_due(runtime.database, principal=SYSTEM) == 0
        if not is_missed:
            go_to(MONDAY + timedelta(minutes=1))
            assert await service.make_due(runtime.database, principal=SYSTEM) == 1
        later = MONDAY + timedelta(days=2)
        go_to(later)
        await handle(
            runtime.database,
            [
                deal("bob commit", 2, owner_id=named("bob"), amount=Decimal(9), valid_from=later, recorded_at=later),
                deal("backdated", owner_id=named("ann"), amount=Decimal(7), recorded_at=later),
            ],
        )
        moved = PersonPlaced(person_id=named("bob"), version=2, valid_from=later, unit_id=unit_id("EMEA/South"))
        await handle(runtime.database, [received(moved, moved.person_id, 2, at=later)])
        await post(client, "submissions", seller("ann"), period=PERIOD, amount="999")
        async with running(scheduler.run(runtime, JOBS), until=lambda: locked(runtime.database)):
            pass
        (lock,) = await rows(runtime.database, "SELECT due_at, is_late FROM forecast_lock")
        assert lock == {"due_at": MONDAY, "is_late": is_missed}
        return [row | {"submission_id": None} for row in await rows(runtime.database, FROZEN)]

    on_time = await frozen(is_missed=False)
    assert await frozen(is_missed=True) == on_time
    assert len(on_time) > 20


async def test_two_schedulers_and_a_second_run_leave_one_lock(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_week(client, runtime.database)
    await service.make_due(runtime.database, principal=SYSTEM)
    go_to(MONDAY + timedelta(seconds=1))
    made = await asyncio.gather(*(service.make_due(runtime.database, principal=SYSTEM) for _ in range(3)))
    assert sum(made) == 1
    assert await service.make_due(runtime.database, principal=SYSTEM) == 0
    assert len(await told(runtime.database, "forecast.forecast.locked.v1")) == 1
    once = await rows(runtime.database, "SELECT count(*) AS n, count(DISTINCT lock_id) AS locks FROM lock_row")
    assert once[0]["locks"] == 1


async def test_a_lock_asks_as_many_questions_for_forty_people_as_for_two(api_for: Api) -> None:
    async def asked(people: int) -> int:
        _, runtime = api_for("forecast")
        go_to(BEFORE)
        names = [f"person {number}" for number in range(people)]
        await organisation(
            runtime.database, {f"EMEA/Team {number // 4}": names[number : number + 4] for number in range(0, people, 4)}
        )
        await handle(runtime.database, [deal(f"deal of {name}", owner_id=named(name)) for name in names])
        await service.make_due(runtime.database, principal=SYSTEM)
        go_to(MONDAY + timedelta(seconds=1))
        statements = 0

        def count(*_: Any) -> None:
            nonlocal statements
            statements += 1

        hooks.listen(runtime.database.engine.sync_engine, "before_cursor_execute", count)
        assert await service.make_due(runtime.database, principal=SYSTEM) == 1
        return statements

    assert await asked(2) == await asked(40)


async def test_a_rate_that_is_corrected_later_rewrites_no_lock(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_week(client, runtime.database)
    await handle(runtime.database, [deal("dollars", owner_id=named("cyd"), amount=Decimal(100), currency="USD")])
    await service.make_due(runtime.database, principal=SYSTEM)
    go_to(MONDAY + timedelta(seconds=1))
    await service.make_due(runtime.database, principal=SYSTEM)
    before = await rows(runtime.database, FROZEN)
    corrected = {"rates": {"EUR": "1", "USD": "0.5"}}
    answer = await client.put("/v1/forecast/rates", json=corrected, headers=bearer("finance"))
    assert answer.status_code == 200
    await service.make_due(runtime.database, principal=SYSTEM)
    assert await rows(runtime.database, FROZEN) == before
    company = [row for row in before if row["node_id"] == ROOT_UNIT and row["period_key"] == PERIOD]
    assert [row["crm"] for row in company] == [Decimal("1822.00")]
    go_to(MONDAY + timedelta(days=7, seconds=1))
    await service.make_due(runtime.database, principal=SYSTEM)
    versions = await rows(runtime.database, "SELECT DISTINCT rates_version FROM forecast_lock")
    assert len(versions) == 2


async def position(database: Any, *, origin: datetime, recorded_to: datetime) -> None:
    """As if everything that arrived before `origin` had been applied, and all recorded up to `recorded_to` were here."""
    async with database.transaction() as session:
        await session.execute(
            text(
                """
                INSERT INTO consumer_position (topic, partition, cluster, log, next_offset, origin, recorded_to)
                SELECT 'deal-events', n, 'c', 'l', 0, :origin, :recorded_to FROM generate_series(0, 5) n
                ON CONFLICT (topic, partition) DO UPDATE
                SET origin = excluded.origin, recorded_to = excluded.recorded_to,
                    next_offset = consumer_position.next_offset + 1
                """
            ),
            {"origin": origin, "recorded_to": recorded_to},
        )


async def partitions_move(database: Any, *, but: int) -> None:
    async with database.transaction() as session:
        moved = "UPDATE consumer_position SET next_offset = next_offset + 1, recorded_to = :now WHERE partition <> :but"
        await session.execute(text(moved), {"now": clock.now(), "but": but})


@pytest.mark.parametrize(("minutes", "state"), [(59, "unknown"), (61, "incomplete")])
async def test_a_watermark_older_than_an_hour_marks_a_lock_incomplete_even_when_it_is_made_later(
    api_for: Api, minutes: int, state: str
) -> None:
    client, runtime = api_for("forecast")
    await a_week(client, runtime.database)
    await service.make_due(runtime.database, principal=SYSTEM)
    late, arrived = MONDAY + timedelta(hours=5), MONDAY - timedelta(minutes=minutes)
    held_up = deal("held up", owner_id=named("ann"), delivery_received_at=arrived, recorded_at=late)
    await handle(runtime.database, [held_up])
    await position(runtime.database, origin=late, recorded_to=late)
    go_to(late)
    assert await service.make_due(runtime.database, principal=SYSTEM) == 1
    (lock,) = await rows(runtime.database, "SELECT state, watermark, is_late FROM forecast_lock")
    assert lock == {"state": state, "watermark": arrived, "is_late": True}


async def test_a_lock_waits_for_what_was_recorded_by_its_instant_but_not_for_ever(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_week(client, runtime.database)
    await service.make_due(runtime.database, principal=SYSTEM)
    nearly = MONDAY - timedelta(minutes=5)
    await position(runtime.database, origin=nearly, recorded_to=nearly)
    for minutes, made in {1: 0, 30: 0, 60: 0, 62: 1}.items():
        go_to(MONDAY + timedelta(minutes=minutes))
        # What other partitions take over is not what is waited for.
        await partitions_move(runtime.database, but=3)
        assert await service.make_due(runtime.database, principal=SYSTEM) == made
    (lock,) = await rows(runtime.database, "SELECT state, watermark, is_late FROM forecast_lock")
    assert lock == {"state": "incomplete", "watermark": nearly, "is_late": True}


async def test_after_an_outage_a_lock_waits_as_long_as_something_still_arrives(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    database = runtime.database
    await a_week(client, database)
    await service.make_due(database, principal=SYSTEM)
    await position(database, origin=BEFORE, recorded_to=BEFORE)
    looks = 0

    def count(*statement: Any) -> None:
        nonlocal looks
        looks += "recorded_to" in statement[2]

    hooks.listen(database.engine.sync_engine, "before_cursor_execute", count)

    async def looked(since: int) -> bool:
        return looks > since + 2

    go_to(MONDAY + timedelta(hours=2))
    async with running(scheduler.run(runtime, JOBS), until=lambda: looked(0)):
        assert not await locked(database), "the outage is longer than an hour, but nobody has looked for an hour"
        for minutes in (40, 20, 10):
            await position(database, origin=BEFORE, recorded_to=MONDAY - timedelta(minutes=minutes))
            since = looks
            await wait_for(lambda since=since: looked(since))
            go_to(clock.now() + timedelta(minutes=50))
            since = looks
            await wait_for(lambda since=since: looked(since))
            assert not await locked(database), f"still {minutes} minutes behind, and moving"
        held_up = deal("held up", owner_id=named("ann"), amount=Decimal(3), recorded_at=MONDAY - timedelta(minutes=1))
        await handle(database, [held_up])
        await position(database, origin=MONDAY, recorded_to=MONDAY)
        await wait_for(lambda: locked(database))
    (lock,) = await rows(database, "SELECT state, is_late, watermark FROM forecast_lock")
    assert lock == {"state": "unknown", "is_late": True, "watermark": MONDAY}
    company = f"SELECT crm FROM lock_row WHERE node_id = '{ROOT_UNIT}' AND period_key = '{PERIOD}'"  # noqa: S608 - ours
    assert [row["crm"] for row in await rows(database, company)] == [Decimal("1733.00")]


async def test_rows_of_a_lock_are_seen_within_scope_only(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_week(client, runtime.database)
    await service.make_due(runtime.database, principal=SYSTEM)
    go_to(MONDAY + timedelta(seconds=1))
    await service.make_due(runtime.database, principal=SYSTEM)
    (lock,) = (await get(client, "locks", manager()))["items"]
    seen = await get(client, f"locks/{lock['lock_id']}", manager(), period=PERIOD)
    assert {row["label"] for row in seen["rows"]} == {"North", None}
    assert {row["node_id"] for row in seen["rows"]} == {str(NORTH), str(named("ann")), str(named("bob"))}
    missing = await client.get(f"/v1/forecast/locks/{NORTH}", headers=CSO)
    assert missing.status_code == 404


async def test_a_deal_closing_half_past_midnight_on_day_one_is_in_one_lock_of_one_period(api_for: Api) -> None:
    """23:30 UTC on the last of December is 00:30 on the first of January in Berlin: the closed date is local."""
    client, runtime = api_for("forecast")
    await a_week(client, runtime.database)
    go_to(datetime(2024, 12, 31, 22, tzinfo=UTC))
    await service.make_due(runtime.database, principal=SYSTEM)
    won_at = datetime(2024, 12, 31, 23, 30, tzinfo=UTC)
    won = {"state": "won", "category": None, "closed_on": date(2025, 1, 1), "valid_from": won_at, "recorded_at": won_at}
    await handle(runtime.database, [deal("new year", owner_id=named("cyd"), amount=Decimal(11), **won)])
    go_to(datetime(2025, 1, 8, tzinfo=UTC))
    await service.make_due(runtime.database, principal=SYSTEM)
    statement = """
        SELECT l.kind, r.period_key, r.closed_won FROM lock_row r JOIN forecast_lock l USING (lock_id)
        WHERE r.node_kind = 'unit' AND r.parent_id IS NULL AND r.period_key IN ('2024Q4', '2025Q1') ORDER BY l.due_at, 2
    """
    found = [
        (row["kind"], row["period_key"], str(row["closed_won"])) for row in await rows(runtime.database, statement)
    ]
    assert found == [
        ("period_end", "2024Q4", "100.00"),
        ("period_end", "2025Q1", "0.00"),
        ("period_start", "2025Q1", "0.00"),
        ("weekly", "2025Q1", "11.00"),
        ("closed", "2024Q4", "100.00"),
    ]
