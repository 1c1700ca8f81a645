"""Nobody approves what they wrote in any way, decides or signs in another's name, or says how much they may see."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from libs.common.ids import ROOT_UNIT, unit_id
from tests.integration.forecast.calling import NOW, a_region
from tests.integration.forecast.given import at, rows
from tests.integration.forecast.planning import CEO, a_plan, as_seen, numbered, read, send, step, upload
from tests.integration.forecast.reviewing import decide, opened
from tests.support.keys import bearer

Api = Callable[[str], tuple[Any, Any]]
Write = Callable[[Any, dict[str, Any], str], Awaitable[Any]]
HELPER = bearer("cso", scope=(ROOT_UNIT,), subject="user:hana")
"""Could approve, had they not written in it."""


@pytest.fixture
async def november(api_for: Api) -> AsyncIterator[Any]:
    client, runtime = api_for("forecast")
    with at(NOW):
        await a_region(runtime.database)
        yield client, runtime.database


async def _edits(api: Any, plan: dict[str, Any], root: str) -> Any:
    cell = {"node_id": root, "period": "2024Q4", "amount": "900"}
    return await send(api, f"/{plan['plan_id']}/edits", {"cells": [cell]}, headers=as_seen(plan, HELPER))


async def _divides(api: Any, plan: dict[str, Any], root: str) -> Any:
    body = {"node_id": root, "period": "2024Q4", "over": "months", "method": "even"}
    return await send(api, f"/{plan['plan_id']}/allocations", body, headers=as_seen(plan, HELPER))


async def _imports(api: Any, plan: dict[str, Any], root: str) -> Any:
    del root
    return await upload(api, plan, "path,period,amount\nCompany,2024Q4,950\n", headers=as_seen(plan, HELPER))


async def _assumes(api: Any, plan: dict[str, Any], root: str) -> Any:
    item = {"node_id": root, "metric": "win_rate", "expected": "0.4", "tolerance": "0.1"}
    return await send(api, f"/{plan['plan_id']}/assumptions", {"items": [item]}, headers=as_seen(plan, HELPER))


async def _says(api: Any, plan: dict[str, Any], root: str) -> Any:
    del root
    text = {"market": "DACH", "text": "Win it."}
    return await send(api, f"/{plan['plan_id']}/edits", {"texts": [text]}, headers=as_seen(plan, HELPER))


async def _proposes(api: Any, plan: dict[str, Any], root: str) -> Any:
    del root
    return await step(api, plan, "propose", HELPER)


@pytest.mark.parametrize("write", [_edits, _divides, _imports, _assumes, _says, _proposes])
async def test_whoever_wrote_in_a_version_in_whatever_way_does_not_approve_it(november: Any, write: Write) -> None:
    api, _ = november
    plan = await numbered(api, await a_plan(api, period="2024Q4"), "1000")
    root = (await read(api, f"/{plan['plan_id']}/nodes"))["nodes"][0]["node_id"]
    await write(api, plan, root)
    plan = await read(api, f"/{plan['plan_id']}")
    if plan["state"] == "draft":
        plan = await step(api, plan, "propose")
    refused = await step(api, plan, "approve", HELPER, status=403)
    assert "user:hana" in refused["detail"]
    assert (await step(api, plan, "approve", CEO))["state"] == "approved"


KEY = bearer("cso", subject="key:loader")


async def test_a_key_may_write_a_plan_but_neither_approves_decides_nor_signs(november: Any) -> None:
    """Who is behind a key is not known: whoever wrote with one could otherwise approve by another."""
    api, database = november
    plan = await step(api, await numbered(api, await a_plan(api, period="2024Q4"), "1000"), "propose")
    refused = await step(api, plan, "approve", KEY, status=403)
    assert "key:loader is an API key" in refused["detail"]
    plan = await step(api, await step(api, plan, "approve", CEO), "activate")
    review = await opened(api, plan, headers=KEY)
    assert "signed in" in (await decide(api, review, headers=KEY, status=403))["detail"]
    signed = await api.post(
        "/v1/forecast/scorecards/2024-10/sign", json={"comment": "Seen"}, headers=KEY | {"If-Match": '"x"'}
    )
    assert (signed.status_code, "signed in" in signed.text) == (403, True)
    assert await rows(database, "SELECT 1 FROM review_decision UNION ALL SELECT 1 FROM scorecard") == []


def _boss() -> dict[str, str]:
    return bearer("manager", scope=(unit_id("EMEA/North"),), subject="user:boss")


EXTRA = (
    {"scope": [str(ROOT_UNIT)]},
    {"roles": ["cso"]},
    {"principal": "user:mara"},
    {"approved_by": "user:mara"},
    {"signed_by": "user:mara"},
    {"decided_by": "user:mara"},
    {"made_by": "user:mara"},
)


@pytest.mark.parametrize("extra", EXTRA, ids=lambda each: next(iter(each)))
async def test_scope_role_or_name_in_a_body_is_refused_by_every_door_and_widens_nothing(
    november: Any, extra: dict[str, Any]
) -> None:
    api, database = november
    plan = await numbered(api, await a_plan(api, period="2024Q4"), "1000")
    root = (await read(api, f"/{plan['plan_id']}/nodes"))["nodes"][0]["node_id"]
    before = await _counts(database)
    at_plan = f"/v1/plans/{plan['plan_id']}"
    check = {"measure": "bookings", "node_id": root, "low": "1"}
    decision = {
        "choice": "proceed",
        "rationale": "r",
        "owner": "user:mara",
        "check_on": "2025-01-01",
        "expected": check,
    }
    doors: dict[str, dict[str, Any]] = {
        "/v1/plans": {"name": "Mine", "period": "2024Q4", "org": str(ROOT_UNIT)},
        f"{at_plan}/edits": {"cells": [{"node_id": root, "period": "2024Q4", "amount": "1"}]},
        f"{at_plan}/allocations": {"node_id": root, "period": "2024Q4"},
        f"{at_plan}/draft": {"growth": "0", "dimensions": ["unit"]},
        **{f"{at_plan}/{name}": {} for name in ("propose", "approve", "return", "activate")},
        f"{at_plan}/assumptions": {"items": []},
        f"{at_plan}/assumptions/draft": {},
        "/v1/reviews": {"plan_id": plan["plan_id"], "reason": "r"},
        f"/v1/reviews/policies/{plan['plan_id']}": {"day_of_month": 5},
        f"/v1/reviews/{root}/options": {"kind": "adjust", "name": "n"},
        f"/v1/reviews/{root}/decision": decision,
        "/v1/forecast/scorecards/2024-10/sign": {"comment": "Seen"},
        "/v1/forecast/scorecards/2024-10/versions/1/notes": {"line": "bookings", "body": "t"},
        f"/v1/forecast/focus/deals/{root}": {"hours": "1"},
    }
    headers = as_seen(plan) | {"Idempotency-Key": "once"}
    for path, body in doors.items():
        answer = await api.post(path, json=body | extra, headers=headers)
        assert answer.status_code == 422, f"{path}: {answer.text}"
        assert next(iter(extra)) in answer.text, path
    assert await _counts(database) == before


async def _counts(database: Any) -> list[dict[str, Any]]:
    return await rows(
        database,
        "SELECT (SELECT count(*) FROM plan_entry) AS entries, (SELECT count(*) FROM review) AS reviews,"
        " (SELECT count(*) FROM scorecard) AS scorecards, (SELECT count(*) FROM focus_statement) AS said",
    )


async def test_who_sees_a_part_of_the_company_neither_approves_nor_reviews_nor_signs_beyond_it(november: Any) -> None:
    api, database = november
    plan = await step(api, await numbered(api, await a_plan(api, period="2024Q4"), "1000"), "propose")
    for name in ("approve", "return", "activate"):
        await step(api, plan, name, _boss(), status=404)
    body = {"plan_id": plan["plan_id"], "reason": "r"}
    answer = await api.post("/v1/reviews", json=body, headers=_boss())
    assert answer.status_code == 404, answer.text
    for role in ("manager", "sales_ops", "finance", "seller"):
        who = bearer(role, scope=(ROOT_UNIT,), subject=f"user:{role}") | {"If-Match": '"x"'}
        signed = await api.post("/v1/forecast/scorecards/2024-10/sign", json={"comment": "Seen"}, headers=who)
        assert signed.status_code == 403, (role, signed.text)
    partly = bearer("cso", scope=(unit_id("EMEA/North"),), subject="user:part")
    signed = await api.post("/v1/forecast/scorecards/2024-10/sign", json={"comment": "Seen"}, headers=partly)
    assert signed.status_code == 403, signed.text
    assert (await rows(database, "SELECT count(*) AS n FROM scorecard"))[0]["n"] == 0
