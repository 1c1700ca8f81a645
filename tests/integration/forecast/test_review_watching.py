"""The running scheduler opens reviews by the policy set beforehand, once for each cause, and scores decisions at their check date."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.common import clock, scheduler
from libs.common.web.auth import Principal
from services.forecast.reviews import watching
from services.forecast.reviews.causes import Trigger
from tests.integration.forecast.calling import NOW, a_region
from tests.integration.forecast.given import at, deal, handle, named, rows, told
from tests.integration.forecast.planning import CSO, a_plan, as_seen, child, in_force, numbered, read, send
from tests.integration.forecast.reviewing import decide, get, opened, post
from tests.integration.forecast.scheduling import running, wait_for
from tests.integration.forecast.test_locks import JOBS

Api = Callable[[str], tuple[Any, Any]]
SYSTEM = Principal.system("forecast")


@pytest.fixture
async def planned(api_for: Api) -> AsyncIterator[Any]:
    """A region in November with a plan of the quarter in force: 10,000 of which 100 are closed."""
    api, runtime = api_for("forecast")
    with at(NOW):
        await a_region(runtime.database)
        plan = await in_force(api, await numbered(api, await a_plan(api, period="2024Q4"), "10000"))
        yield api, runtime, plan


def go_to(instant: datetime) -> None:
    clock.set_offset(clock.offset().total_seconds() + (instant - clock.now()).total_seconds())


async def root(api: Any, plan: dict[str, Any]) -> str:
    return str((await read(api, f"/{plan['plan_id']}/nodes", levels=0))["nodes"][0]["node_id"])


async def reviews(database: Any) -> list[tuple[str, str]]:
    found = await rows(database, "SELECT kind, cause FROM review ORDER BY opened_at")
    return [(row["kind"], row["cause"]) for row in found]


async def test_the_running_scheduler_opens_what_is_due_on_its_day_and_at_a_lock(planned: Any) -> None:
    api, runtime, plan = planned
    whole = await root(api, plan)
    path = f"/policies/{plan['plan_id']}"
    wanted = {
        "day_of_month": 23,
        "chance": {"node_id": whole, "below": "0.9"},
        "gap": {"node_id": whole, "above": "0.5"},
    }
    policy = await post(api, path, wanted)
    assert (policy["sequence"], policy["chance_below"], policy["made_by"]) == (1, "0.9", "user:carla")
    monday = datetime(2024, 11, 25, 11, 0, 1, tzinfo=UTC)

    async def three() -> bool:
        return len(await reviews(runtime.database)) >= 3

    async def marked() -> bool:
        return bool(await rows(runtime.database, "SELECT 1 FROM lock_schedule"))

    async with running(scheduler.run(runtime, JOBS), until=marked):
        go_to(monday)
        await wait_for(three)
        looked = await rows(runtime.database, "SELECT 1 FROM review_look")
        assert len(looked) == 1

        async def later() -> bool:
            return bool(await rows(runtime.database, "SELECT 1 FROM forecast_lock WHERE due_at > '2024-12-01'"))

        go_to(monday + timedelta(days=7))
        await wait_for(later)

        async def looked_again() -> bool:
            return len(await rows(runtime.database, "SELECT 1 FROM review_look")) == 2

        await wait_for(looked_again)
    found = await reviews(runtime.database)
    assert sorted(kind for kind, _ in found) == ["chance", "gap", "regular"], "one open review for each cause"
    assert ("regular", "The regular review of 23 November 2024") in found
    assert any("of what was wanted by then" in cause for _, cause in found)
    assert [each["label"] for each in (await get(api, path))["looked"]] == ["Company"]
    opened_by = {each["opened_by"] for each in (await get(api))["items"]}
    assert opened_by == {"service:forecast"} or all("forecast" in each for each in opened_by)
    assert len(await told(runtime.database, "forecast.review.opened.v1")) == 3


async def test_a_policy_holds_until_a_later_one_and_is_of_nodes_that_the_plan_has(planned: Any) -> None:
    api, runtime, plan = planned
    path = f"/policies/{plan['plan_id']}"
    assert (await get(api, path))["sequence"] == 0
    await post(api, path, {"day_of_month": 5})
    await post(api, path, {"day_of_month": 6}, headers=CSO | {"If-Match": '"0"'}, status=412)
    found = await post(api, path, {"on_broken": False}, headers=CSO | {"If-Match": '"1"'})
    assert (found["sequence"], found["day_of_month"], found["on_broken"]) == (2, None, False)
    assert len(await rows(runtime.database, "SELECT 1 FROM review_policy")) == 2
    refused = await post(api, path, {"gap": {"node_id": str(uuid4()), "above": "0.1"}}, status=422)
    assert "no node" in refused["detail"]
    await post(api, path, {"day_of_month": 31}, status=422)
    key = CSO | {"Idempotency-Key": "once"}
    once = await post(api, path, {"day_of_month": 7}, headers=key)
    assert await post(api, path, {"day_of_month": 7}, headers=key) == once


async def test_a_broken_assumption_opens_one_review_however_often_it_is_told(planned: Any) -> None:
    api, runtime, plan = planned
    broken = Trigger("assumption", UUID(plan["plan_id"]), uuid4(), "Win rate of DACH is not 25 %", NOW)
    watch = partial_open(runtime.database)
    path = f"/policies/{plan['plan_id']}"
    assert (await get(api, path))["on_broken"], "the default, without a policy"
    await post(api, path, {"on_broken": False})
    assert await watch([broken]) == 0, "a policy says that none is to be opened"
    await post(api, path, {"on_broken": True}, headers=CSO | {"If-Match": '"1"'})
    assert await watch([broken, broken]) == 1
    assert await watch([replace(broken, since=NOW + timedelta(hours=1))]) == 0, "it is open"
    (row,) = (await get(api))["items"]
    review = await get(api, f"/{row['review_id']}")
    assert review["evidence"]["cause"]["text"] == "Win rate of DACH is not 25 %"
    await decide(api, review)
    assert await watch([broken]) == 0, "it was judged"
    assert await watch([replace(broken, since=NOW + timedelta(days=30))]) == 1, "it broke anew"


async def test_a_critical_break_opens_a_review_of_a_plan_for_which_no_policy_was_set(planned: Any) -> None:
    api, runtime, plan = planned
    broken = Trigger("assumption", UUID(plan["plan_id"]), uuid4(), "Win rate of DACH is not 25 %", NOW)
    watch = partial_open(runtime.database)
    assert await watch([]) == 0, "nothing else is watched"
    assert await watch([broken, broken]) == 1
    (row,) = (await get(api))["items"]
    assert (row["kind"], row["cause"]) == ("assumption", "Win rate of DACH is not 25 %")
    assert await rows(runtime.database, "SELECT 1 FROM review_look") == [], "no lock is looked at"


def partial_open(database: Any) -> Callable[[list[Trigger]], Any]:
    return lambda breaks: watching.open_due(database, breaks=breaks, principal=SYSTEM)


async def test_a_decision_is_scored_at_its_check_date_by_the_scheduler_and_later_scores_append(planned: Any) -> None:
    api, runtime, plan = planned
    whole = await root(api, plan)
    review = await opened(api, plan)
    day = NOW.date() + timedelta(days=3)
    expected = {"measure": "bookings", "node_id": whole, "low": "600", "high": "700"}
    decided = await decide(api, review, check_on=day.isoformat(), expected=expected)
    path = f"/{decided['review']['review_id']}"
    await post(api, f"{path}/scores", None, status=409)
    won: dict[str, Any] = {"state": "won", "category": None, "owner_id": named("ann"), "amount": Decimal(500)}
    here = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=10)
    await handle(runtime.database, [deal("in time", closed_on=day, recorded_at=here, valid_from=here, **won)])
    after = here + timedelta(days=2)
    late = [deal("late", closed_on=day, recorded_at=after, valid_from=here, **won)]

    async def scored() -> bool:
        return bool(await rows(runtime.database, "SELECT 1 FROM review_score"))

    assert await watching.score_due(runtime.database, principal=SYSTEM) == 0, "the day is still to come"
    go_to(after)
    await handle(runtime.database, late)
    async with running(scheduler.run(runtime, JOBS), until=scored):
        pass
    found = await get(api, path)
    (score,) = found["scores"]
    assert (score["outcome"], score["came"], score["reason"]) == ("hit", "600.00", None)
    assert datetime.fromisoformat(score["as_of"]) == datetime(2024, 11, day.day + 1, tzinfo=UTC) - timedelta(
        hours=1, microseconds=1
    ), "the end of the day in Berlin"
    again = await post(api, f"{path}/scores", None)
    assert [(each["outcome"], each["came"]) for each in again["scores"]] == [("hit", "600.00"), ("missed", "1100.00")]
    assert again["scores"][0] == score, "what was scored stays"
    assert again["review"]["outcome"] == "missed", "the newest stands"
    events = await told(runtime.database, "forecast.review.scored.v1")
    assert [(each["sequence"], each["outcome"]) for each in events] == [(1, "hit"), (2, "missed")]


@pytest.mark.parametrize("measure", ["projection", "chance", "open"])
async def test_what_cannot_be_said_at_the_check_date_says_why(planned: Any, measure: str) -> None:
    api, runtime, plan = planned
    review = await opened(api, plan)
    expected = {"measure": measure, "node_id": await root(api, plan), "low": "0.5"}
    await decide(api, review, check_on=date(2025, 1, 5).isoformat(), expected=expected)
    go_to(datetime(2025, 1, 7, 9, tzinfo=UTC))
    assert await watching.score_due(runtime.database, principal=SYSTEM) == 1
    assert await watching.score_due(runtime.database, principal=SYSTEM) == 0
    (row,) = (await get(api, "/decisions"))["items"]
    assert (row["outcome"], row["came"], row["reason"]) == ("unknown", None, "The period is over.")


async def test_a_node_that_was_taken_from_the_plan_cannot_be_judged(planned: Any) -> None:
    api, runtime, plan = planned
    answer = await api.post(f"/v1/plans/{plan['plan_id']}/versions", headers=CSO)
    draft, part = await child(api, answer.json(), await root(api, plan), "market", "DACH")
    await in_force(api, draft)
    review = await opened(api, plan)
    expected = {"measure": "bookings", "node_id": part, "low": "1"}
    await decide(api, review, check_on=(NOW.date() + timedelta(days=30)).isoformat(), expected=expected)
    answer = await api.post(f"/v1/plans/{plan['plan_id']}/versions", headers=CSO)
    gone = await send(api, f"/{plan['plan_id']}/edits", {"remove": [part]}, headers=as_seen(answer.json()))
    await in_force(api, gone)
    go_to(NOW + timedelta(days=33))
    await watching.score_due(runtime.database, principal=SYSTEM)
    (row,) = (await get(api, "/decisions"))["items"]
    assert (row["outcome"], row["reason"]) == ("unknown", "DACH is not part of the version that was in force then.")
