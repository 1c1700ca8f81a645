from collections.abc import Callable
from typing import Any

import httpx
from sqlalchemy import text

from libs.common.events.deals import PersonPlaced, UnitChanged
from libs.common.ids import ROOT_UNIT, new_id, unit_id
from tests.integration.leads.given import AT, handle, published, received
from tests.support.keys import bearer
from tests.unit.leads.records import LEAD, WINNER, at, record

NORTH, SOUTH = unit_id("North"), unit_id("South")
ANN, BOB = new_id(), new_id()
REASON = {"reason": "budget confirmed"}


async def _two_teams(database: Any) -> None:
    units = [
        UnitChanged(unit_id=unit, version=1, valid_from=AT, parent_id=ROOT_UNIT, name=name, kind="team")
        for unit, name in ((NORTH, "North"), (SOUTH, "South"))
    ]
    people = [
        PersonPlaced(person_id=person, version=1, valid_from=AT, unit_id=unit)
        for person, unit in ((ANN, NORTH), (BOB, SOUTH))
    ]
    await handle(database, *(received(unit, unit.unit_id) for unit in units))
    await handle(database, *(received(person, person.person_id) for person in people))


def _seller(of: Any, person: Any = None) -> dict[str, str]:
    return bearer("seller", scope=(of,), subject=str(person or new_id()))


async def test_a_person_qualifies_a_lead_and_the_event_says_who_and_why(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await handle(runtime.database, received(record(1), LEAD))
    answer = await client.post(f"/v1/leads/{LEAD}/qualify", json=REASON, headers=bearer("manager", subject="mia"))
    assert answer.status_code == 200, answer.text
    assert (answer.json()["verdict"], answer.json()["verdict_by"]) == ("qualified", "mia")
    assert answer.headers["etag"] == '"2"'
    assert await published(runtime.database) == ["captured", "qualified"]
    async with runtime.database.reading() as session:
        found = await session.execute(text("SELECT attributes ->> 'actor' FROM outbox WHERE type LIKE '%qualified%'"))
        assert found.scalar_one() == "mia"


async def test_a_verdict_given_twice_is_refused_and_one_taken_back_is_waiting_again(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("leads")
    await handle(runtime.database, received(record(1), LEAD))
    headers = bearer("sales_ops")
    assert (await client.post(f"/v1/leads/{LEAD}/reject", json=REASON, headers=headers)).status_code == 200
    again = await client.post(f"/v1/leads/{LEAD}/reject", json=REASON, headers=headers)
    assert (again.status_code, again.json()["type"]) == (409, "urn:foretell:problem:lead-already-judged")
    reopened = await client.post(f"/v1/leads/{LEAD}/reopen", json=REASON, headers=headers)
    assert reopened.json()["verdict"] == "pending"
    assert (await client.post(f"/v1/leads/{LEAD}/reopen", json=REASON, headers=headers)).status_code == 409


async def test_a_persons_verdict_counts_after_a_crm_verdict_from_a_clock_that_runs_ahead(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("leads")
    ahead = record(60 * 24 * 365 * 30, status="qualified")
    await handle(runtime.database, received(ahead, LEAD))
    answer = await client.post(f"/v1/leads/{LEAD}/reject", json=REASON, headers=bearer("manager"))
    assert answer.json()["verdict"] == "rejected"


async def test_a_verdict_on_an_outdated_reading_is_refused(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await handle(runtime.database, received(record(1), LEAD))
    read = await client.get(f"/v1/leads/{LEAD}", headers=bearer("viewer"))
    await handle(runtime.database, received(record(2, company="Birch"), LEAD))
    headers = bearer("manager") | {"If-Match": read.headers["etag"]}
    late = await client.post(f"/v1/leads/{LEAD}/qualify", json=REASON, headers=headers)
    assert late.status_code == 412
    headers = bearer("manager") | {"If-Match": '"2"'}
    assert (await client.post(f"/v1/leads/{LEAD}/qualify", json=REASON, headers=headers)).status_code == 200


async def test_a_merged_lead_is_not_judged_and_names_the_one_that_is(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await handle(runtime.database, received(record(1), LEAD), received(record(2, merged_into=WINNER), LEAD))
    answer = await client.post(f"/v1/leads/{LEAD}/qualify", json=REASON, headers=bearer("manager"))
    assert (answer.status_code, answer.json()["merged_into"]) == (409, str(WINNER))


async def test_who_may_only_look_may_neither_capture_nor_judge(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await handle(runtime.database, received(record(1), LEAD))
    for role in ("viewer", "finance", "ceo"):
        refused = await client.post(f"/v1/leads/{LEAD}/qualify", json=REASON, headers=bearer(role))
        assert refused.status_code == 403, role
        captured = await client.post("/v1/leads", json={"company": "Acme"}, headers=bearer(role))
        assert captured.status_code == 403, role
    assert (await client.get("/v1/leads")).status_code == 401


async def test_a_seller_neither_sees_nor_judges_leads_of_another_team(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await _two_teams(runtime.database)
    await handle(runtime.database, received(record(1, owner_id=BOB), LEAD))
    north, south = _seller(NORTH, ANN), _seller(SOUTH, BOB)
    assert (await client.get("/v1/leads", headers=north)).json()["items"] == []
    assert (await client.get(f"/v1/leads/{LEAD}", headers=north)).status_code == 404
    assert (await client.post(f"/v1/leads/{LEAD}/qualify", json=REASON, headers=north)).status_code == 404
    assert (await client.get(f"/v1/leads/{LEAD}", headers=south)).status_code == 200
    assert (await client.post(f"/v1/leads/{LEAD}/qualify", json=REASON, headers=south)).status_code == 200


async def test_a_captured_lead_belongs_to_its_capturer_and_never_to_another_team(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await _two_teams(runtime.database)
    mine = await client.post("/v1/leads", json={"company": "Acme"}, headers=_seller(NORTH, ANN))
    assert (mine.status_code, mine.json()["owner_id"]) == (201, str(ANN))
    wanted = {"company": "Acme", "owner_id": str(BOB)}
    refused = await client.post("/v1/leads", json=wanted, headers=_seller(NORTH, ANN))
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:foretell:problem:owner-outside-scope")
    unplaced = await client.post("/v1/leads", json={"company": "Acme"}, headers=_seller(NORTH))
    assert unplaced.status_code == 403


async def test_a_contact_is_kept_apart_from_the_lead_and_out_of_events(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    wanted = {"company": "Acme", "contact": {"name": "Ida Holm", "email": "ida@acme.example"}}
    made = await client.post("/v1/leads", json=wanted, headers=bearer("seller"))
    lead = made.json()["lead_id"]
    contact = await client.get(f"/v1/leads/{lead}/contact", headers=bearer("seller"))
    assert contact.json() == {"name": "Ida Holm", "email": "ida@acme.example", "phone": None}
    assert "Holm" not in made.text
    async with runtime.database.reading() as session:
        told = await session.execute(text("SELECT convert_from(data, 'UTF8') || attributes::text FROM outbox"))
        assert "ida@" not in told.scalar_one()
        kept = await session.execute(text("SELECT payload::text FROM lead_input"))
        assert "ida@" not in kept.scalar_one()


async def test_a_capture_repeated_with_its_key_makes_one_lead(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    headers = bearer("seller", subject="sam") | {"Idempotency-Key": "form-1"}
    first = await client.post("/v1/leads", json={"company": "Acme"}, headers=headers)
    again = await client.post("/v1/leads", json={"company": "Acme"}, headers=headers)
    assert first.json() == again.json()
    other = await client.post("/v1/leads", json={"company": "Birch"}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (409, "urn:foretell:problem:idempotency-key-reused")
    assert await published(runtime.database) == ["captured"]


async def test_a_list_pages_through_every_lead_once_newest_first(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    ids = sorted(new_id() for _ in range(7))
    for minute, lead in enumerate(ids):
        await handle(runtime.database, received(record(minute // 2).model_copy(update={"lead_id": lead}), lead))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/v1/leads", params=params, headers=bearer("viewer"))).json()
        seen += [item["lead_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [str(lead) for lead in reversed(ids)]
    bad = await client.get("/v1/leads", params={"cursor": "WzEsMl0"}, headers=bearer("viewer"))
    assert bad.status_code == 422


async def test_a_list_is_narrowed_by_verdict_grade_and_region(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    strong = record(1, employees=5000, segment="Enterprise", engagement_count=9, last_activity_at=at(0), region="EMEA")
    weak = record(1, status="disqualified", employees=3, region="APAC").model_copy(update={"lead_id": WINNER})
    await handle(runtime.database, received(strong, LEAD), received(weak, WINNER))

    async def found(**params: str) -> list[str]:
        page: httpx.Response = await client.get("/v1/leads", params=params, headers=bearer("viewer"))
        return [item["lead_id"] for item in page.json()["items"]]

    assert await found(grade="A") == await found(grade="A3") == await found(verdict="pending") == [str(LEAD)]
    assert await found(region="APAC") == await found(grade="C") == await found(verdict="rejected") == [str(WINNER)]
    assert await found(grade="A3", region="APAC") == []


async def test_an_amount_without_a_currency_or_finer_than_a_cent_is_refused(api_for: Callable[..., Any]) -> None:
    client, _ = api_for("leads")
    for wanted in (
        {"amount": "10"},
        {"amount": "10.005", "currency": "EUR"},
        {"amount": "10", "currency": "XXZ"},
        {"compnay": "Acme"},
    ):
        answer = await client.post("/v1/leads", json={"company": "Acme"} | wanted, headers=bearer("seller"))
        assert answer.status_code == 422, wanted
