"""Close plans over HTTP, on a real database: what is appended, refused, learnt, and told to a buyer."""

import itertools
import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from libs.common import clock
from libs.common.ids import new_id
from libs.common.web.auth import Principal
from services.deals.closeplans import service
from tests.integration.deals.books import apply
from tests.support.days import business_day
from tests.support.keys import bearer
from tests.unit.deals.given import day, deal_id, record

SELLER = bearer("seller", subject="ann")
TEMPLATE = {
    "name": "Short",
    "tasks": [
        {"key": "goals", "title": "Goals", "side": "buyer", "days": 4},
        {"key": "demo", "title": "Demo", "side": "seller", "days": 6, "after": ["goals"]},
        {"key": "trial", "title": "Trial", "side": "buyer", "days": 10, "after": ["goals"]},
        {"key": "order", "title": "Order", "side": "buyer", "days": 2, "after": ["demo", "trial"]},
    ],
}


async def company(api_for: Callable[..., Any], *deals: str) -> tuple[httpx.AsyncClient, Any]:
    """A deals service with these open deals and the template."""
    client, runtime = api_for("deals")
    async with runtime.database.transaction() as session:
        await apply(session, [record(day(1), name, close_date=business_day() + timedelta(days=14)) for name in deals])
    answer = await client.put("/v1/close-plans/templates/short", json=TEMPLATE, headers=bearer("sales_ops"))
    assert answer.status_code == 200, answer.text
    return client, runtime


async def begun(client: httpx.AsyncClient, name: str, **headers: str) -> dict[str, Any]:
    url = f"/v1/deals/{deal_id(name)}/close-plan"
    answer = await client.post(url, json={"template": "short", "title": "Together"}, headers=SELLER | headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def of(plan: dict[str, Any], title: str) -> dict[str, Any]:
    return next(task for task in plan["tasks"] if task["title"] == title)


async def test_a_plan_is_begun_ticked_and_changed_and_its_history_says_who_said_what(
    api_for: Callable[..., Any],
) -> None:
    client, _ = await company(api_for, "D0")
    url = f"/v1/deals/{deal_id('D0')}/close-plan"
    assert (await client.get(url, headers=SELLER)).status_code == 404
    plan = await begun(client, "D0", **{"Idempotency-Key": "one"})
    assert await begun(client, "D0", **{"Idempotency-Key": "one"}) == plan, "the same form sent again"
    again = await client.post(url, json={"template": "short"}, headers=SELLER)
    assert (again.status_code, again.json()["type"]) == (409, "urn:foretell:problem:plan-begun-already")
    assert [of({"tasks": plan["tasks"]}, title)["task_id"] for title in ("Goals", "Trial", "Order")] == plan["path"]
    assert plan["days_p50"] <= plan["days_p80"]
    assert plan["against_crm"] == "late"
    assert (
        plan["gap_days_p50"]
        == (date.fromisoformat(plan["p50_on"]) - date.fromisoformat(plan["crm_close_date"])).days
        > 0
    )
    goals = of(plan, "Goals")["task_id"]
    ticked = (await client.post(f"{url}/tasks/{goals}/tick", json={"done": True}, headers=SELLER)).json()
    assert ticked["days_p50"] < plan["days_p50"]
    assert of(ticked, "Goals")["done_on"] == ticked["as_of"]
    stale = await client.post(
        f"{url}/tasks", json={"title": "Visit", "side": "seller", "days": 40}, headers=SELLER | {"If-Match": '"1"'}
    )
    assert stale.status_code == 412, "somebody ticked meanwhile"
    task = {"title": "Visit", "side": "seller", "days": 40, "after": [of(plan, "Demo")["task_id"]]}
    once = {"If-Match": '"2"', "Idempotency-Key": "visit"}
    for _ in range(2):
        added = await client.post(f"{url}/tasks", json=task, headers=SELLER | once)
        assert (added.status_code, added.headers["etag"]) == (201, '"3"')
    visit = of(added.json(), "Visit")["task_id"]
    other = await client.post(f"{url}/tasks", json=task | {"days": 3}, headers=SELLER | once)
    assert other.json()["type"] == "urn:foretell:problem:idempotency-key-reused"
    demo = {"title": "Demo", "side": "seller", "days": 6, "after": [visit]}
    circle = await client.put(f"{url}/tasks/{of(plan, 'Demo')['task_id']}", json=demo, headers=SELLER)
    assert circle.status_code == 422
    assert "Demo → Visit → Demo" in circle.json()["detail"] or "Visit → Demo → Visit" in circle.json()["detail"]
    removed = await client.delete(f"{url}/tasks/{visit}", headers=SELLER | {"If-Match": '"3"'})
    assert removed.status_code == 200
    ahead = {"done": True, "on": str(business_day() + timedelta(days=3))}
    assert (await client.post(f"{url}/tasks/{goals}/tick", json=ahead, headers=SELLER)).status_code == 422
    history = (await client.get(f"{url}/history", headers=SELLER)).json()["entries"]
    assert [(each["kind"], each["actor"]) for each in history] == [
        (kind, "ann") for kind in ("begun", "ticked", "added", "removed")
    ]


async def test_only_who_sees_the_deal_sees_its_plan_and_only_sales_ops_write_templates(
    api_for: Callable[..., Any],
) -> None:
    client, _ = await company(api_for, "D0")
    plan = await begun(client, "D0")
    url = f"/v1/deals/{deal_id('D0')}/close-plan"
    elsewhere = bearer("seller", scope=(new_id(),))
    tick = f"{url}/tasks/{plan['tasks'][0]['task_id']}/tick"
    for method, path, body in (("GET", url, None), ("GET", f"{url}/history", None), ("POST", tick, {"done": True})):
        assert (await client.request(method, path, json=body, headers=elsewhere)).status_code == 404
    assert (await client.post(tick, json={"done": True}, headers=bearer("viewer"))).status_code == 403
    templates = "/v1/close-plans/templates"
    assert (await client.put(f"{templates}/short", json=TEMPLATE, headers=SELLER)).status_code == 403
    known = (await client.get(templates, headers=SELLER)).json()["items"]
    assert {each["template"]: each["version"] for each in known} == {"mutual": 1, "short": 1}
    same = await client.put(f"{templates}/short", json=TEMPLATE, headers=bearer("sales_ops"))
    assert same.json()["version"] == 1, "nothing changed, so no version"
    tasks: Any = TEMPLATE["tasks"]
    circle = {"name": "Round", "tasks": [tasks[0] | {"after": ["order"]}, *tasks[1:]]}
    refused = await client.put(f"{templates}/short", json=circle, headers=bearer("sales_ops"))
    assert refused.status_code == 422
    assert all(title in refused.json()["detail"] for title in ("Goals", "Order"))
    stale = bearer("sales_ops") | {"If-Match": '"7"'}
    assert (await client.put(f"{templates}/short", json=TEMPLATE, headers=stale)).status_code == 412


async def test_ticks_in_any_order_and_number_end_in_the_same_plan(api_for: Callable[..., Any]) -> None:
    """Of two ticks of one task that was said last stands, whichever arrives first; one sent again changes nothing."""
    client, _ = await company(api_for, "D0", "D1", "D2")
    now = clock.now() - timedelta(hours=1)
    said = [
        (title, {"done": done, "on": "2026-03-02" if done else None, "said_at": (now + timedelta(minutes=minute)).isoformat()})
        for title, done, minute in (
            ("Goals", True, 1), ("Goals", False, 2), ("Goals", True, 3), ("Demo", True, 1), ("Demo", False, 9), ("Trial", True, 4),
        )
    ]  # fmt: skip
    ends = []
    for name, seed in zip(("D0", "D1", "D2"), itertools.count(7), strict=False):
        plan = await begun(client, name)
        arriving = [(at, *each) for at, each in enumerate(said)] * 2
        if name != "D0":
            random.Random(seed).shuffle(arriving)  # noqa: S311
        for at, title, body in arriving:
            url = f"/v1/deals/{deal_id(name)}/close-plan/tasks/{of(plan, title)['task_id']}/tick"
            answer = await client.post(url, json=body, headers=SELLER | {"Idempotency-Key": str(at)})
            assert answer.status_code == 200, answer.text
        found = (await client.get(f"/v1/deals/{deal_id(name)}/close-plan", headers=SELLER)).json()
        assert found["version"] == 1 + len(said)
        ends.append({task["title"]: task["done_on"] for task in found["tasks"]})
    assert ends == [{"Goals": "2026-03-02", "Demo": None, "Trial": "2026-03-02", "Order": None}] * 3


async def test_durations_are_learnt_from_closed_deals_and_from_no_open_one(api_for: Callable[..., Any]) -> None:
    client, runtime = await company(api_for, "D0", "D1", "D2")
    for name in ("D0", "D1"):
        plan = await begun(client, name)
        for title in ("Goals", "Demo"):
            url = f"/v1/deals/{deal_id(name)}/close-plan/tasks/{of(plan, title)['task_id']}/tick"
            assert (await client.post(url, json={"done": True}, headers=SELLER)).status_code == 200

    async def learnt() -> dict[str, Any]:
        items = (await client.get("/v1/close-plans/templates", headers=SELLER)).json()["items"]
        (short,) = (each for each in items if each["template"] == "short")
        return {each["key"]: each for each in short["learnt"]}

    before = await learnt()
    assert {key: each["n"] for key, each in before.items()} == dict.fromkeys(("goals", "demo", "trial", "order"), 0)
    assert before["goals"]["median"] == 4
    assert before["goals"]["low"] < 4 < before["goals"]["high"]
    async with runtime.database.transaction() as session:
        await apply(session, [record(day(9), "D0", stage="Won", state="won", closed_at=day(9))])
    after = await learnt()
    assert {key: each["n"] for key, each in after.items()} == {"goals": 1, "demo": 1, "trial": 0, "order": 0}
    assert after["goals"]["median"] < 4, "done on its first day"
    assert after["trial"] == before["trial"]
    closed = await client.post(f"/v1/deals/{deal_id('D2')}/close-plan", json={"template": "gone"}, headers=SELLER)
    assert (closed.status_code, closed.json()["type"]) == (404, "urn:foretell:problem:no-such-template")


async def test_a_buyer_reads_their_plan_and_ticks_their_tasks_and_nothing_else(api_for: Callable[..., Any]) -> None:
    client, _ = await company(api_for, "D0", "D1")
    plan, other = await begun(client, "D0"), await begun(client, "D1")
    buyer = bearer("buyer", scope=(UUID(plan["plan_id"]),), subject="buyer-link:1")
    shared = f"/v1/close-plans/{plan['plan_id']}/shared"
    found = (await client.get(shared, headers=buyer)).json()
    assert found.keys() == {"title", "as_of", "expected_on", "tasks"}
    assert found["title"] == "Together"
    assert found["tasks"][3].keys() == {
        "task_id", "number", "title", "side", "is_milestone", "waits_for", "done_on", "begins_on", "ends_on"
    }  # fmt: skip
    assert found["tasks"][3]["waits_for"] == [2, 3]
    own = await client.post(f"{shared}/tasks/{of(plan, 'Goals')['task_id']}/tick", json={"done": True}, headers=buyer)
    assert own.json()["tasks"][0]["done_on"] == own.json()["as_of"]
    theirs = await client.post(f"{shared}/tasks/{of(plan, 'Demo')['task_id']}/tick", json={"done": True}, headers=buyer)
    assert (theirs.status_code, theirs.json()["type"]) == (403, "urn:foretell:problem:not-your-task")
    elsewhere = f"/v1/close-plans/{other['plan_id']}/shared"
    for method, path, headers in (
        ("GET", elsewhere, buyer),
        ("POST", f"{elsewhere}/tasks/{of(other, 'Goals')['task_id']}/tick", buyer),
        ("GET", shared, bearer("admin")),
    ):
        assert (await client.request(method, path, json={"done": True}, headers=headers)).status_code == 404
    for path in ("/v1/deals", f"/v1/deals/{deal_id('D0')}", f"/v1/deals/{deal_id('D0')}/close-plan", "/v1/accounts"):
        assert (await client.get(path, headers=buyer)).status_code == 403


async def told(runtime: Any) -> list[dict[str, Any]]:
    async with runtime.database.reading() as session:
        rows = await session.execute(
            text(
                "SELECT convert_from(data, 'UTF8')::jsonb AS data FROM outbox WHERE type = 'deals.close_plan.moved.v1' ORDER BY position"
            )
        )
        return [row.data for row in rows]


async def test_others_are_told_how_a_plan_stands_at_every_change_and_once_a_day(api_for: Callable[..., Any]) -> None:
    client, runtime = await company(api_for, "D0", "D1")
    plan = await begun(client, "D0")
    url = f"/v1/deals/{deal_id('D0')}/close-plan/tasks/{of(plan, 'Goals')['task_id']}/tick"
    for _ in range(2):
        await client.post(url, json={"done": True}, headers=SELLER | {"Idempotency-Key": "one"})
    first, second = await told(runtime)
    assert (first["version"], first["open_tasks"], first["p50_on"]) == (1, 4, plan["p50_on"])
    assert (second["version"], second["open_tasks"]) == (2, 3)
    assert second["p50_on"] < first["p50_on"]
    for days, count in ((0, 2), (7, 3), (7, 3)):
        clock.set_offset(days * 86400)
        try:
            async with runtime.database.transaction() as session:
                await service.tell_daily(session, principal=Principal.system("deals"))
        finally:
            clock.set_offset(0)
        assert len(await told(runtime)) == count
    last = (await told(runtime))[-1]
    assert (last["version"], last["open_tasks"]) == (3, 3)
    assert last["p50_on"] > second["p50_on"], "nothing happened for a week"
