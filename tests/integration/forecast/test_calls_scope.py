"""Who may say what: the caller's own scope decides, and nothing in a request widens it. Adjustments as a ledger."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from libs.common import clock, scheduler
from libs.common.ids import ROOT_UNIT
from services.forecast.component import COMPONENT
from tests.integration.forecast.calling import (
    CSO,
    EMEA,
    NORTH,
    NOW,
    PERIOD,
    SOUTH,
    a_region,
    get,
    manager,
    post,
    seller,
)
from tests.integration.forecast.given import at, named, rows, told
from tests.integration.forecast.scheduling import running
from tests.support.keys import bearer

Api = Callable[[str], tuple[Any, Any]]


@pytest.fixture(autouse=True)
def in_november() -> Iterator[None]:
    with at(NOW):
        yield


async def test_a_seller_calls_for_themselves_and_for_nobody_else(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    ann = seller("ann")
    for node in ({"owner": str(named("bob"))}, {"owner": str(named("cyd"))}, {"org": str(NORTH)}, {"org": str(EMEA)}):
        refused = await post(client, "submissions", ann, 403, period=PERIOD, amount="1", **node)
        assert refused["type"] == "urn:foretell:problem:not-your-node"
    await post(client, "submissions", bearer("viewer", scope=(NORTH,)), 403, period=PERIOD, amount="1")
    unseated = bearer("seller", scope=(NORTH,), subject="user:unknown")
    assert (await post(client, "submissions", unseated, 403, period=PERIOD, amount="1"))["type"].endswith("no-seat")
    await post(client, "submissions", ann, 201, period=PERIOD, amount="1", owner=str(named("ann")))
    assert await rows(runtime.database, "SELECT count(*) AS n FROM submission") == [{"n": 1}]


async def test_a_manager_speaks_for_their_own_subtree_only(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    for node in ({"org": str(SOUTH)}, {"org": str(EMEA)}, {"org": str(ROOT_UNIT)}, {"owner": str(named("cyd"))}):
        await post(client, "submissions", manager(), 403, period=PERIOD, amount="1", **node)
        await post(client, "adjustments", manager(), 403, period=PERIOD, delta="1", reason="r", expires_at=SOON, **node)
    await post(client, "judgements", manager(), 404, deal_id=str(named("cyd commit")), verdict="in")
    await post(client, "submissions", manager(), 201, period=PERIOD, amount="1", owner=str(named("bob")))
    await post(client, "submissions", manager(EMEA), 201, period=PERIOD, amount="1", org=str(SOUTH))
    await post(client, "submissions", CSO, 201, period=PERIOD, amount="1", org=str(ROOT_UNIT))


async def test_scope_roles_or_person_in_a_body_are_refused_and_widen_nothing(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    for extra in ({"scope": [str(ROOT_UNIT)]}, {"roles": ["cso"]}, {"person": "user:cso"}, {"principal": "x"}):
        body = {"period": PERIOD, "amount": "1", "org": str(SOUTH)} | extra
        await post(client, "submissions", manager(), 422, **body)
    assert await rows(runtime.database, "SELECT count(*) AS n FROM submission") == [{"n": 0}]


async def test_nobody_reads_calls_of_nodes_outside_their_scope(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    await post(client, "submissions", seller("cyd", team=SOUTH), period=PERIOD, amount="900")
    await post(client, "submissions", manager(EMEA, "user:emea"), period=PERIOD, amount="1500")
    await post(client, "adjustments", CSO, period=PERIOD, org=str(SOUTH), delta="5", reason="r", expires_at=SOON)
    assert (await get(client, "submissions", manager()))["items"] == []
    assert (await get(client, "adjustments", manager()))["items"] == []
    assert len((await get(client, "submissions", manager(EMEA)))["items"]) == 2
    assert (
        await client.get("/v1/forecast/calls", params={"period": PERIOD, "org": str(SOUTH)}, headers=manager())
    ).status_code == 403
    above = await get(client, "calls", manager(), period=PERIOD, org=str(EMEA))
    assert above["node"]["call"] is None
    assert [child["node"]["label"] for child in above["children"]] == ["North"]


async def test_a_seat_lets_an_account_call_its_person_s_deals(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    account = bearer("seller", scope=(NORTH,), subject="user:0192-ann")
    seat = {"person_id": str(named("ann"))}
    refused = await client.put("/v1/forecast/seats/user:0192-ann", json=seat, headers=account)
    assert refused.status_code == 403
    answer = await client.put("/v1/forecast/seats/user:0192-ann", json=seat, headers=bearer("sales_ops"))
    assert answer.status_code == 200, answer.text
    call = await post(client, "submissions", account, period=PERIOD, amount="350")
    assert call["node"]["id"] == str(named("ann"))
    assert (await get(client, "calls", account, period=PERIOD))["caller"] == str(named("ann"))


SOON = (NOW + timedelta(days=3)).isoformat()


async def test_an_adjustment_changes_the_number_and_neither_calls_nor_deals(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    await post(client, "submissions", manager(), period=PERIOD, amount="650")
    before = await get(client, "rollup", period=PERIOD)
    boss = manager(EMEA, "user:emea")
    made = await post(
        client, "adjustments", boss, period=PERIOD, org=str(NORTH), delta="-50", reason="too sure", expires_at=SOON
    )
    assert (made["base_landing"], made["state"], made["version"]) == ("650.00", "in_force", 1)
    north = (await get(client, "calls", boss, period=PERIOD, org=str(NORTH)))["node"]
    assert (north["steps"]["managers"], north["steps"]["adjusted"]) == ("650.00", "600.00")
    assert [each["reason"] for each in north["adjustments"]] == ["too sure"]
    assert (await get(client, "rollup", period=PERIOD))["totals"] == before["totals"]
    await post(client, "adjustments", boss, 422, period=PERIOD, org=str(NORTH), delta="1", expires_at=SOON)
    past = (NOW - timedelta(days=1)).isoformat()
    await post(client, "adjustments", boss, 422, period=PERIOD, org=str(NORTH), delta="1", reason="r", expires_at=past)


async def test_a_manager_adjusts_what_is_below_them_and_not_themselves(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    body = {"period": PERIOD, "delta": "1", "reason": "r", "expires_at": SOON}
    await post(client, "adjustments", manager(), 403, **body, org=str(NORTH))
    await post(client, "adjustments", manager(), 201, **body, owner=str(named("ann")))
    await post(client, "adjustments", seller("ann"), 403, **body, owner=str(named("ann")))


async def test_an_adjustment_is_withdrawn_by_a_new_entry_once(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    made = await post(
        client, "adjustments", CSO, period=PERIOD, org=str(NORTH), delta="9", reason="r", expires_at=SOON, key="a"
    )
    path = f"adjustments/{made['adjustment_id']}/withdraw"
    stale = await client.post(f"/v1/forecast/{path}", headers=CSO | {"If-Match": '"2"'})
    assert stale.status_code == 412
    ended = await client.post(f"/v1/forecast/{path}", headers=CSO | {"If-Match": '"1"'})
    assert (ended.status_code, ended.json()["state"], ended.headers["etag"]) == (200, "withdrawn", '"2"')
    assert (await client.post(f"/v1/forecast/{path}", headers=CSO)).status_code == 409
    assert (await get(client, "calls", period=PERIOD))["node"]["steps"]["adjusted"] == "1700.00"
    kinds = await rows(runtime.database, "SELECT kind, delta FROM adjustment_entry ORDER BY recorded_at")
    assert [row["kind"] for row in kinds] == ["made", "withdrawn"]
    assert len(await told(runtime.database, "forecast.adjustment.withdrawn.v1")) == 1


async def test_the_scheduler_ends_an_expired_adjustment_once_and_says_so(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    made = await post(client, "adjustments", CSO, period=PERIOD, org=str(NORTH), delta="9", reason="r", expires_at=SOON)
    clock.set_offset(clock.offset().total_seconds() + timedelta(days=4).total_seconds())

    async def ended() -> bool:
        return bool(await told(runtime.database, "forecast.adjustment.expired.v1"))

    jobs = [replace(job, every_s=0.05) for job in COMPONENT.jobs]
    async with running(scheduler.run(runtime, jobs), until=ended):
        pass
    async with running(scheduler.run(runtime, jobs), until=ended):
        pass
    (event,) = await told(runtime.database, "forecast.adjustment.expired.v1")
    assert event["adjustment_id"] == made["adjustment_id"]
    (listed,) = (await get(client, "adjustments"))["items"]
    assert listed["state"] == "expired"
    assert listed["ended_at"].startswith("2024-11-23T09:00:00")


@pytest.mark.parametrize("table", ["submission", "judgement", "adjustment_entry", "quota", "lock_row", "forecast_lock"])
async def test_what_was_said_cannot_be_edited_by_the_application(api_for: Api, table: str) -> None:
    _, runtime = api_for("forecast")
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with runtime.database.transaction() as session:
            await session.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - our tables
