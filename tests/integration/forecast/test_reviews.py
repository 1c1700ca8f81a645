"""Reviews of plans: evidence that is frozen, options by that evidence alone, and decisions that nobody changes."""

import csv
import hashlib
import io
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from libs.common.ids import unit_id
from services.forecast.reviews.service import broken
from tests.integration.forecast.given import at, handle, organisation, rows
from tests.integration.forecast.planning import CEO, CSO, a_plan, money, numbered, read, step
from tests.integration.forecast.reviewing import (
    decide,
    decision,
    get,
    less,
    node,
    nodes_of,
    opened,
    planned,
    post,
    seen,
)
from tests.integration.forecast.test_projection import NOW, company
from tests.support.keys import bearer

Api = Callable[[str], tuple[Any, Any]]
BOSS = bearer("manager", scope=(unit_id("north"),), subject="user:boss")


@pytest.fixture
async def sold(api_for: Api) -> AsyncIterator[Any]:
    client, runtime = api_for("forecast")
    teams = {"north/one": ["ada", "ben"], "north/two": ["cleo"], "south/three": ["dev"]}
    await organisation(runtime.database, teams, at=datetime(2023, 1, 1, tzinfo=UTC))
    events = company()
    for start in range(0, len(events), 1000):
        await handle(runtime.database, events[start : start + 1000])
    with at(NOW):
        yield client, runtime.database


async def forecast(api: Any, what: str, **asked: Any) -> dict[str, Any]:
    answer = await api.get(f"/v1/forecast/{what}", params=asked, headers=CSO)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_evidence_is_what_every_page_says_and_options_have_the_chances_of_the_projection(sold: Any) -> None:
    api, _ = sold
    plan = await planned(api)
    review = await opened(api, plan)
    evidence = review["evidence"]
    shown = await nodes_of(api, plan)
    for each in evidence["nodes"]:
        now = shown[each["label"]]
        for name in ("target", "closed", "gap", "projection", "low", "high", "open", "required_open", "creation"):
            assert each[name] == now[name], (each["label"], name)
        assert each["chance"] == pytest.approx(now["chance"], abs=1e-6)
    variance = await forecast(api, "variance", period="FY2025", value_basis="one_off")
    assert [each["amount"] for each in evidence["bridge"]["terms"]] == [each["amount"] for each in variance["terms"]]
    assert evidence["bridge"]["drivers"] == "prior_year"
    terms = sum(money(each["amount"]) for each in evidence["bridge"]["terms"])
    assert money(evidence["bridge"]["before"]["booked"]) + terms == money(evidence["bridge"]["after"]["booked"])
    stages = await forecast(api, "pipeline", period="FY2025", value_basis="one_off")
    assert [(each["stage"], each["amount"]) for each in evidence["pipeline"]] == [
        (each["stage"], each["total"]["amount"]) for each in stages["stages"]
    ]
    assert evidence["accuracy"] == []
    assert "lock" in evidence["why_no_accuracy"]
    review = await less(api, review, value="-0.05")
    review = await less(api, review, value="0.08", below=False)
    assert [each["kind"] for each in review["options"]] == ["proceed", "adjust", "adjust"]
    for option in review["options"]:
        whole = option["nodes"][0]
        asked = {"period": "FY2025", "value_basis": "one_off", "target": whole["target"]}
        alone = await forecast(api, "projection", **asked)
        assert whole["chance"] == pytest.approx(alone["target"]["probability"], abs=0.01), option["name"]
    first, fewer, more = (option["nodes"][0] for option in review["options"])
    assert fewer["chance"] > first["chance"] > more["chance"]
    assert money(fewer["required_open"]) <= money(first["required_open"]) <= money(more["required_open"])
    assert money(fewer["change"]) == money(fewer["target"]) - money(first["target"])
    parts = {each["label"]: each for each in review["options"][1]["nodes"]}
    assert money(parts["north"]["target"]) + money(parts["south"]["target"]) == money(fewer["target"])
    assert review["options"][2]["changed"] == 1, "only the whole was changed"


async def test_a_review_is_read_from_its_text_alone_and_a_changed_byte_is_found(sold: Any) -> None:
    api, database = sold
    review = await opened(api, await planned(api))
    path = f"/{review['review']['review_id']}"
    answer = await api.get(f"/v1/reviews{path}/evidence", headers=CSO)
    assert hashlib.sha256(answer.content).hexdigest() == review["review"]["digest"]
    assert orjson.loads(answer.content) == review["evidence"]
    await decide(api, review)
    before = await get(api, path)
    async with database.transaction() as session:
        with pytest.raises(DBAPIError, match="permission denied"):
            async with session.begin_nested():
                await session.execute(text("UPDATE review SET digest = 'x'"))
    with at(NOW + timedelta(days=400)):
        assert await get(api, path) == before, "what has happened since changes nothing"


async def test_what_the_owner_of_the_database_changed_is_said_on_the_review(sold: Any) -> None:
    api, database = sold
    review = await decide(api, await opened(api, await planned(api)))
    row = (await rows(database, "SELECT * FROM review"))[0]
    decided = (await rows(database, "SELECT * FROM review_decision"))[0]
    whole = row | {"document": decided["document"], "decision_digest": decided["digest"]}
    assert (review["is_whole"], broken(whole)) == (True, None)
    text_of = row["evidence"]
    for place in (0, len(text_of) // 2, len(text_of) - 1):
        changed = text_of[:place] + chr(ord(text_of[place]) ^ 1) + text_of[place + 1 :]
        assert "evidence" in str(broken(whole | {"evidence": changed}))
    other = hashlib.sha256(b"{}").hexdigest()
    assert "other evidence" in str(broken(whole | {"evidence": "{}", "digest": other}))
    assert "decision" in str(broken(whole | {"document": decided["document"].replace("carries", "buries")}))


async def test_an_adjustment_begins_a_draft_with_its_numbers_that_somebody_else_approves(sold: Any) -> None:
    api, database = sold
    plan = await planned(api)
    review = await less(api, await opened(api, plan), "north", "-0.2")
    option = review["options"][1]
    review = await decide(api, review, "adjust")
    assert review["decision"]["draft_version"] == 2
    draft = await read(api, f"/{plan['plan_id']}")
    assert (draft["version"], draft["state"]) == (2, "draft")
    tree = await read(api, f"/{plan['plan_id']}/nodes", version=2, levels=20)
    for each in tree["nodes"]:
        wanted = next(one for one in option["nodes"] if one["node_id"] == each["node_id"])
        year = each["cells"][0]
        assert year["amount"] == wanted["target"], each["label"]
        months = [one for one in each["cells"] if len(one["period"]) == 7 and one["amount"] is not None]
        if months and all(one["source"] == "own" for one in [year, *months]):
            assert sum(money(one["amount"]) for one in months) == money(year["amount"])
    proposed = await step(api, draft, "propose")
    await step(api, proposed, "approve", CSO, status=403)
    active = await step(api, await step(api, proposed, "approve", CEO), "activate")
    assert (active["version"], active["state"]) == (2, "active")
    late = {"kind": "new_plan", "name": "x", "version": 2}
    await post(api, f"/{review['review']['review_id']}/options", late, status=409)
    kinds = await rows(database, "SELECT type FROM outbox ORDER BY position")
    events = [each["type"] for each in kinds if each["type"].startswith("forecast.review")]
    assert events == ["forecast.review.opened.v1", "forecast.review.decided.v1"]


async def test_a_decision_is_of_what_was_seen_by_who_may_approve_and_stays(sold: Any) -> None:
    api, _ = sold
    plan = await planned(api)
    review = await opened(api, plan)
    path = f"/{review['review']['review_id']}/decision"
    await post(api, path, decision(review), status=422)
    await less(api, review)
    await decide(api, review, status=412)
    review = await get(api, f"/{review['review']['review_id']}")
    await decide(api, review, headers=bearer("sales_ops", subject="user:ops"), status=403)
    await decide(api, review, headers=bearer("manager", subject="user:own"), status=403)
    for wrong, why in (
        ({"check_on": NOW.date().isoformat()}, "check_on"),
        ({"option_id": review["options"][1]["option_id"]}, "option_id"),
        ({"expected": {"measure": "bookings", "node_id": plan["plan_id"], "low": "1"}}, "node_id"),
        ({"expected": decision(review)["expected"] | {"low": None}}, "at least"),
        ({"expected": decision(review)["expected"] | {"high": "0"}}, "above high"),
        ({"expected": decision(review)["expected"] | {"measure": "chance", "low": "60"}}, "between 0 and 1"),
        ({"expected": decision(review)["expected"] | {"measure": "new_customers"}}, "says nothing"),
        ({"colour": "red"}, "colour"),
    ):
        assert why in str(await decide(api, review, status=422, **wrong))
    decided = await decide(api, review, headers=CEO)
    assert decided["decision"]["decided_by"] == "user:mara"
    assert decided["decision"]["evidence_digest"] == review["review"]["digest"]
    assert decided["decision"]["options"] == review["options"]
    await decide(api, decided, status=409)
    again = await api.get("/v1/reviews/decisions", params={"format": "csv"}, headers=CSO)
    (line,) = csv.DictReader(io.StringIO(again.text))
    assert (line["choice"], line["rationale"], line["outcome"]) == ("proceed", "The pipeline carries it.", "")


async def test_the_same_request_twice_opens_weighs_and_decides_once(sold: Any) -> None:
    api, database = sold
    plan = await planned(api)
    key = CSO | {"Idempotency-Key": "once"}
    first = await opened(api, plan, headers=key)
    assert await opened(api, plan, headers=key) == first
    await opened(api, plan, "Another reason", headers=key, status=409)
    assert "waits for its decision" in str(await opened(api, plan, status=409))
    body = {
        "kind": "adjust",
        "name": "Less",
        "changes": [{"node_id": node(first, "Company")["node_id"], "by": "amount", "value": "-5"}],
    }
    path = f"/{first['review']['review_id']}"
    weighed = await post(api, f"{path}/options", body, headers=key)
    assert await post(api, f"{path}/options", body, headers=key) == weighed
    wanted = decision(weighed, "adjust")
    decided = await post(api, f"{path}/decision", wanted, headers=seen(weighed, key))
    assert await post(api, f"{path}/decision", wanted, headers=seen(weighed, key)) == decided
    assert len(await rows(database, "SELECT 1 FROM review_decision")) == 1
    assert (await read(api, f"/{plan['plan_id']}"))["versions"][-1]["version"] == 2
    assert (await opened(api, plan, "Again"))["review"]["kind"] == "by_hand"


async def test_what_cannot_be_weighed_is_refused_with_the_reason(sold: Any) -> None:
    api, _ = sold
    plan = await planned(api)
    review = await opened(api, plan)
    path = f"/{review['review']['review_id']}/options"
    whole = node(review, "Company")["node_id"]

    async def refused(why: str, status: int = 422, **body: Any) -> None:
        assert why in str(await post(api, path, {"kind": "adjust", "name": "x"} | body, status=status))

    await refused("at least one node")
    await refused("less than 0", changes=[{"node_id": whole, "by": "share", "value": "-1.5"}])
    await refused("no node", changes=[{"node_id": plan["plan_id"], "by": "share", "value": "1"}])
    await refused("names the version", kind="new_plan")
    await refused("not in force yet", kind="new_plan", version=1)
    await refused("the versions", 404, kind="new_plan", version=9)
    await refused("Extra", changes=[{"node_id": whole, "by": "share", "value": "1", "colour": "red"}])


async def test_a_new_plan_is_weighed_as_its_draft_stands_and_kept_as_it_was_decided(sold: Any) -> None:
    api, _ = sold
    plan = await planned(api)
    review = await opened(api, plan)
    answer = await api.post(f"/v1/plans/{plan['plan_id']}/versions", headers=CSO)
    draft = await numbered(api, answer.json(), "1000000")
    path = f"/{review['review']['review_id']}"
    review = await post(api, f"{path}/options", {"kind": "new_plan", "name": "Anew", "version": 2})
    assert review["options"][1]["nodes"][0]["target"] == "1000000.00"
    assert "2" in str(await decide(api, await less(api, review), "adjust", status=409)), "one draft at a time"
    read = await get(api, path)
    draft = await numbered(api, draft, "7")
    await decide(api, read, "new_plan", status=412)
    draft = await numbered(api, draft, "1000000")
    await decide(api, read, "new_plan", status=412)
    review = await decide(api, await get(api, path), "new_plan")
    await numbered(api, draft, "5")
    assert (await get(api, path))["options"][1]["nodes"][0]["target"] == "1000000.00"
    assert review["decision"]["draft_version"] == 2


async def test_nobody_sees_or_opens_reviews_of_units_that_are_not_theirs(sold: Any) -> None:
    api, _ = sold
    plan = await planned(api)
    review = await opened(api, plan)
    path = f"/{review['review']['review_id']}"
    assert (await get(api, headers=BOSS))["items"] == []
    await get(api, path, headers=BOSS, status=404)
    await get(api, f"{path}/evidence", headers=BOSS, status=404)
    await get(api, f"/policies/{plan['plan_id']}", headers=BOSS, status=404)
    await opened(api, plan, headers=BOSS, status=404)
    await opened(api, plan, headers=bearer("rep", subject="user:rep"), status=403)
    await decide(api, review, headers=BOSS, status=404)
    assert (await get(api, "/decisions", headers=BOSS))["items"] == []
    draft = await a_plan(api, name="Only a draft", period="FY2026")
    assert "in force" in str(await opened(api, draft, status=409))
