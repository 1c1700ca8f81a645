"""The queue: by grade and age, each lead with its clock, narrowed and counted within what the reader may see."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from libs.common import clock
from libs.common.ids import new_id
from services.leads.responses import service as responses
from tests.integration.leads.given import handle, received
from tests.integration.leads.teams import ALWAYS_OPEN, SYSTEM, send
from tests.support.days import business_day
from tests.support.keys import bearer
from tests.unit.leads.records import LEAD, WINNER, record

WHY = {"reason": "talked to them"}
HEADERS = bearer("manager", subject="mia")


def lead(lead_id: UUID, *, hours_ago: float = 0.0, strong: bool = True, **fields: Any) -> Any:
    at = clock.now() - timedelta(hours=hours_ago)
    facts: dict[str, Any] = {"employees": 5 if not strong else 5000, "industry": "software", "role": "CFO"}
    if strong:
        facts |= {"engagement_count": 9, "last_activity_at": at}
    found = record(1, **(facts | {"created_at": at, "company": "Acme"} | fields))
    timed = found.model_copy(
        update={
            "lead_id": lead_id,
            "external_id": str(lead_id),
            "clock": found.clock.model_copy(update={"crm_time": at}),
        }
    )
    return received(timed, lead_id)


async def queue(client: Any, headers: Any = HEADERS, **params: str) -> Any:
    answer = await client.get("/v1/leads/queue", params=params, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(found: Any) -> list[str]:
    return [each["lead"]["lead_id"] for each in found["items"]]


async def test_the_best_grade_comes_first_and_the_newest_of_it_page_by_page(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    strong = [new_id() for _ in range(3)]
    weak, bare = new_id(), new_id()
    await handle(runtime.database, *(lead(each, hours_ago=hours) for hours, each in enumerate(strong)))
    await handle(
        runtime.database, lead(weak, strong=False), received(record(1).model_copy(update={"lead_id": bare}), bare)
    )
    wanted = [str(each) for each in (*strong, weak, bare)]
    assert ids(await queue(client)) == wanted
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = await queue(client, limit="2", **({"cursor": cursor} if cursor else {}))
        seen += ids(page)
        cursor = page["next_cursor"]
    assert seen == wanted
    grades = {f"{each['fit']}{each['engagement']}": each["count"] for each in (await queue(client))["grades"]}
    assert grades == {"A3": 3, "BNone": 1, "NoneNone": 1}


async def test_a_lead_that_waits_too_long_is_late_and_an_answer_stops_its_clock(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await send(client, "PUT", "flow", ALWAYS_OPEN)
    await handle(runtime.database, lead(LEAD, hours_ago=2), lead(WINNER, hours_ago=0.5))
    await responses.keep_clocks(runtime.database, principal=SYSTEM)
    clocks = {each["lead"]["lead_id"]: each["clock"]["state"] for each in (await queue(client))["items"]}
    assert clocks == {str(LEAD): "late", str(WINNER): "running"}
    assert ids(await queue(client, late="true")) == [str(LEAD)]
    said = {"element": "bant.need", "state": "claimed", "source": "call", "note": "they called back"}
    for each in (LEAD, WINNER):
        await client.post(f"/v1/leads/{each}/evidence", json=said, headers=HEADERS)
    clocks = {each["lead"]["lead_id"]: each["clock"]["state"] for each in (await queue(client))["items"]}
    assert clocks == {str(LEAD): "missed", str(WINNER): "met"}
    assert ids(await queue(client, late="true")) == []


async def test_a_lead_stands_in_exactly_one_place_of_the_queue(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    four = {name: new_id() for name in ("waiting", "recycled", "qualified", "rejected")}
    await handle(runtime.database, *(lead(each) for each in (*four.values(), LEAD)))
    day = (clock.now() + timedelta(days=40)).date().isoformat()
    await client.post(f"/v1/leads/{four['recycled']}/recycle", json=WHY | {"until": day}, headers=HEADERS)
    await client.post(f"/v1/leads/{four['qualified']}/qualify", json=WHY, headers=HEADERS)
    await client.post(f"/v1/leads/{four['rejected']}/reject", json=WHY, headers=HEADERS)
    await client.post(f"/v1/leads/{LEAD}/merge", json=WHY | {"into": str(four["waiting"])}, headers=HEADERS)
    for standing, lead_id in four.items():
        found = await queue(client, standing=standing)
        assert ids(found) == [str(lead_id)], standing
        assert found["standings"] == dict.fromkeys(four, 1)
        about = (await client.get(f"/v1/leads/{lead_id}/queue", headers=HEADERS)).json()
        assert about["standing"] == standing
    assert (await client.get(f"/v1/leads/{LEAD}/queue", headers=HEADERS)).json()["standing"] is None


async def test_a_lead_is_set_aside_until_a_day_to_come_and_nowhere_before(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await handle(runtime.database, lead(LEAD))
    today = business_day()
    past = {"until": (today - timedelta(days=1)).isoformat()} | WHY
    refused = await client.post(f"/v1/leads/{LEAD}/recycle", json=past, headers=HEADERS)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:foretell:problem:recycled-into-the-past")
    soon = {"until": (today + timedelta(days=2)).isoformat()} | WHY
    made = await client.post(f"/v1/leads/{LEAD}/recycle", json=soon, headers=HEADERS)
    assert (made.json()["verdict"], made.json()["recycled_until"]) == ("pending", soon["until"])
    again = await client.post(f"/v1/leads/{LEAD}/recycle", json=soon, headers=HEADERS)
    assert again.status_code == 409
    back = await client.post(f"/v1/leads/{LEAD}/reopen", json=WHY, headers=HEADERS)
    assert back.json()["recycled_until"] is None


async def test_the_sheet_has_the_rows_of_the_page_and_runs_no_formula(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await handle(runtime.database, lead(LEAD, company="=1+1", source="Fair"), lead(WINNER, source="Web"))
    answer = await client.get("/v1/leads/queue", params={"format": "csv", "source": "Fair"}, headers=HEADERS)
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["lead_id"], row["company"], row["grade"], row["clock"]) == (str(LEAD), "'=1+1", "A3", "running")
    assert "employees +3: 5000 employees" in row["reasons"]


async def test_the_queue_shows_and_counts_only_what_the_reader_may_see(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await handle(runtime.database, lead(LEAD, owner_id=new_id()))
    found = await queue(client, bearer("seller", scope=(new_id(),)))
    assert (found["items"], found["grades"], found["sources"]) == ([], [], [])
    assert set(found["standings"].values()) == {0}
    hidden = await client.get(f"/v1/leads/{LEAD}/queue", headers=bearer("seller", scope=(new_id(),)))
    assert hidden.status_code == 404
