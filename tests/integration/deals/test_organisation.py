"""Statements of the organisation through the API and the database: made, planned, begun, revoked, taken from files."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from libs.common import clock
from libs.common.db import Database
from libs.common.ids import ROOT_UNIT, unit_id
from libs.common.web.auth import Principal
from services.deals.organisation import ledger, service
from services.deals.organisation.schemas import StatementIn
from tests.integration.deals.books import apply, books, told
from tests.support.keys import bearer
from tests.unit.deals.given import day, record, user, user_id

EMEA, NORTH, SOUTH, APAC = (unit_id(path) for path in ("EMEA", "EMEA/North", "EMEA/South", "APAC"))
ANN, BOB = user_id("Ann"), user_id("Bob")
OPS, MANAGER = bearer("sales_ops"), bearer("manager", scope=(EMEA,))
SYSTEM = Principal.system("deals")


@pytest.fixture
def later() -> Iterator[Callable[[timedelta], None]]:
    """Moves the clock; it stands where it was afterwards."""
    yield lambda ahead: clock.set_offset(ahead.total_seconds())
    clock.set_offset(0)


async def given_a_company(runtime: Any) -> None:
    async with runtime.database.transaction() as session:
        await service.announce(session, principal=SYSTEM)
        people = [user(day(0), "Ann", team_path="EMEA/North"), user(day(0), "Bob", team_path="EMEA/South")]
        people.append(user(day(0), "Cid", team_path="APAC"))
        await apply(session, [*people, record(day(1), "D0", owner_id=ANN), record(day(1), "D1", owner_id=BOB)])


async def post(client: Any, where: str, *statements: dict[str, Any], headers: dict[str, str] = OPS) -> Any:
    body = {"statements": [{name: _plain(value) for name, value in each.items()} for each in statements]}
    return await client.post(f"/v1/organisation/{where}", json=body, headers=headers)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value) if isinstance(value, UUID) else value


async def begin(runtime: Any) -> list[str]:
    """What the scheduler does every second; the types of events it tells."""
    async with runtime.database.transaction() as session:
        await ledger.begin(session, principal=SYSTEM)
        return told(session)


async def deals_of(client: Any, *scope: UUID) -> set[str]:
    answer = await client.get("/v1/deals", headers=bearer("manager", scope=scope))
    assert answer.status_code == 200, answer.text
    return {item["owner_id"] for item in answer.json()["items"]}


async def unit_of(client: Any, person: UUID, as_of: datetime | None = None) -> str:
    asked = {"as_of": as_of.isoformat()} if as_of else {}
    answer = await client.get("/v1/organisation/at", params=asked, headers=OPS)
    assert answer.status_code == 200, answer.text
    return str({each["person_id"]: each["unit_id"] for each in answer.json()["people"]}[str(person)])


async def test_a_move_begins_at_its_instant_and_takes_the_deals_out_of_sight_of_the_team_left_and_not_before(
    api_for: Callable[..., Any], later: Callable[[timedelta], None]
) -> None:
    client, runtime = api_for("deals")
    await given_a_company(runtime)
    at = clock.now() + timedelta(days=30)
    move = {"kind": "person_moved", "person_id": ANN, "unit_id": SOUTH, "valid_from": at}

    preview = (await post(client, "preview", move, headers=MANAGER)).json()
    made = await post(client, "statements", move, headers=MANAGER | {"Idempotency-Key": "move"})
    again = await post(client, "statements", move, headers=MANAGER | {"Idempotency-Key": "move"})

    assert made.status_code == 201, made.text
    assert made.json() == again.json()
    assert [each["state"] for each in made.json()["statements"]] == ["planned"]
    (person,) = preview["people"]
    assert (person["person_id"], person["from_unit_id"], person["to_unit_id"]) == (str(ANN), str(NORTH), str(SOUTH))
    assert person["open"] == [{"currency": "EUR", "deals": 1, "amount": "1000.00", "unpriced": 0}]
    sums = {
        each["unit_id"]: [[held["amount"] for held in each[when]] for when in ("before", "after")]
        for each in preview["units"]
    }
    assert sums == {str(NORTH): [["1000.00"], []], str(SOUTH): [["1000.00"], ["2000.00"]]}
    later(timedelta(days=30, seconds=-5))
    assert await begin(runtime) == []
    assert await deals_of(client, NORTH) == {str(ANN)}
    assert await unit_of(client, ANN) == str(NORTH)
    assert await unit_of(client, ANN, at) == str(SOUTH)
    later(timedelta(days=30, seconds=5))
    assert await begin(runtime) == ["deals.person.placed.v1"]
    assert await begin(runtime) == []
    assert (await deals_of(client, NORTH), await deals_of(client, SOUTH)) == (set(), {str(ANN), str(BOB)})
    assert await unit_of(client, ANN, at - timedelta(seconds=1)) == str(NORTH)
    async with runtime.database.reading() as session:
        entry = await session.execute(
            text(
                "SELECT valid_from, recorded_at > valid_from FROM person_version ORDER BY version DESC, valid_from DESC LIMIT 1"
            )
        )
        assert tuple(entry.one()) == (at, True)
    began = (
        await client.post(
            f"/v1/organisation/statements/{made.json()['statements'][0]['statement_id']}/revoke", headers=OPS
        )
    ).json()
    assert began["type"] == "urn:foretell:problem:already-begun"


async def test_a_plan_is_revoked_before_it_begins_and_what_depends_on_it_first(
    api_for: Callable[..., Any], later: Callable[[timedelta], None]
) -> None:
    client, runtime = api_for("deals")
    await given_a_company(runtime)
    at, new = clock.now() + timedelta(days=1), unit_id("EMEA/West")
    team = {"kind": "unit_created", "unit_id": new, "parent_id": EMEA, "name": "West", "valid_from": at}
    lead = {"kind": "lead_named", "unit_id": new, "lead_id": ANN, "valid_from": at + timedelta(hours=1)}
    made = (await post(client, "statements", team, lead)).json()["statements"]

    async def revoke(number: int, headers: dict[str, str] = OPS) -> Any:
        return (
            await client.post(f"/v1/organisation/statements/{made[number]['statement_id']}/revoke", headers=headers)
        ).json()

    refused = await revoke(0)
    assert (refused["type"], refused["needed_by"]) == (
        "urn:foretell:problem:others-depend-on-it",
        made[1]["statement_id"],
    )
    assert (await revoke(1, bearer("manager", scope=(APAC,))))["status"] == 404
    assert [(await revoke(number))["state"] for number in (1, 0)] == ["revoked", "revoked"]
    listed = (await client.get("/v1/organisation/statements", headers=OPS)).json()["statements"]
    assert {each["state"] for each in listed} == {"revoked"}
    later(timedelta(days=3))
    assert await begin(runtime) == []
    units = (await client.get("/v1/organisation/tree", headers=OPS)).json()["units"]
    assert str(new) not in {unit["unit_id"] for unit in units}


async def test_what_cannot_be_is_refused_by_name_with_its_place_and_changes_nothing(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await given_a_company(runtime)
    fine = {"kind": "unit_renamed", "unit_id": SOUTH, "name": "Süd"}

    async def problem(headers: dict[str, str] = OPS, **statement: Any) -> tuple[int, str, str]:
        answer = await post(client, "statements", fine, statement, headers=headers)
        body = answer.json()
        assert body["statement"] == 1, body
        return answer.status_code, body["type"].rpartition(":")[2], body["field"]

    assert await problem(kind="unit_moved", unit_id=EMEA, parent_id=NORTH) == (409, "unit-cycle", "parent_id")
    assert await problem(kind="unit_created", name="West") == (422, "unit-without-parent", "parent_id")
    assert await problem(kind="lead_named", unit_id=NORTH, lead_id=UUID(int=7)) == (422, "unknown-lead", "lead_id")
    assert await problem(kind="person_moved", person_id=ANN) == (422, "field-missing", "unit_id")
    assert await problem(kind="person_moved", person_id=ANN, unit_id=UUID(int=7)) == (422, "unknown-unit", "unit_id")
    of_emea = await problem(MANAGER, kind="person_moved", person_id=ANN, unit_id=APAC)
    assert of_emea == (403, "unit-out-of-scope", "unit_id")
    at = clock.now()
    moved = {"kind": "unit_moved", "unit_id": NORTH, "parent_id": APAC, "valid_from": at}
    assert (await post(client, "statements", moved)).status_code == 201
    assert await problem(**moved | {"parent_id": ROOT_UNIT}) == (409, "two-parents", "parent_id")
    assert (await post(client, "statements", fine, headers=bearer("seller"))).status_code == 403
    units = (await client.get("/v1/organisation/tree", headers=OPS)).json()["units"]
    assert "Süd" not in {unit["name"] for unit in units}


async def test_a_leavers_open_deals_are_the_vacant_line_of_the_team_and_a_merged_team_keeps_its_past(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await given_a_company(runtime)
    before = clock.now()
    left = {"kind": "person_left", "person_id": ANN}
    merged = {"kind": "unit_closed", "unit_id": NORTH, "into_id": SOUTH}

    assert (await post(client, "statements", left, merged)).status_code == 201

    async with runtime.database.transaction() as session:
        await apply(session, [record(day(2), "D2", owner_id=ANN, state="won", stage="Won")])
        await apply(session, [user(day(0), "Eve", team_path="EMEA/North")])
    vacant = (await client.get("/v1/organisation/vacancies", headers=MANAGER)).json()["vacancies"]
    assert vacant == [
        {"unit_id": str(SOUTH), "holdings": [{"currency": "EUR", "deals": 1, "amount": "1000.00", "unpriced": 0}]}
    ]
    assert (await client.get("/v1/organisation/vacancies", headers=bearer("manager", scope=(APAC,)))).json() == {
        "vacancies": []
    }
    units = {
        unit["unit_id"]: unit["people"]
        for unit in (await client.get("/v1/organisation/tree", headers=OPS)).json()["units"]
    }
    assert str(NORTH) not in units
    assert units[str(SOUTH)] == 2
    assert await unit_of(client, user_id("Eve")) == str(SOUTH)
    assert (await unit_of(client, ANN, before), await unit_of(client, ANN)) == (str(NORTH), str(SOUTH))


async def test_a_file_is_tried_first_then_taken_once_and_bad_lines_lose_nothing_else(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await given_a_company(runtime)
    body = "\n".join(
        [
            "kind,valid_from,unit,parent,name,person,lead,into",
            "unit_created,2026-06-01,EMEA/West,EMEA,West,,,",
            "person_moved,2026-06-01,EMEA/West,,,crm:Ann,,",
            "person_moved,2026-06-01,EMEA/East,,,crm:Bob,,",
            "lead_named,2030-01-01,EMEA/West,,,,crm:Ann,",
            "unit_moved,soon,EMEA/West,EMEA,,,,",
        ]
    ).encode()

    async def take(**params: Any) -> Any:
        headers = OPS | {"Content-Type": "text/csv"}
        return (await client.post("/v1/organisation/imports", content=body, params=params, headers=headers)).json()

    tried = await take(dry_run=True)
    assert await unit_of(client, ANN) == str(NORTH)
    taken, again = await take(), await take()

    assert tried == taken | {"dry_run": True}
    assert {name: taken[name] for name in ("rows", "accepted", "planned", "known")} == {
        "rows": 5, "accepted": 3, "planned": 1, "known": 0,
    }  # fmt: skip
    assert [(row["line"], row["column"], row["value"]) for row in taken["refused"]] == [
        (4, "unit", "EMEA/East"),
        (6, "valid_from", "soon"),
    ]
    assert (again["accepted"], again["known"], again["refused"]) == (0, 3, taken["refused"])
    assert await unit_of(client, ANN) == str(unit_id("EMEA/West"))
    assert await unit_of(client, ANN, day(1)) == str(NORTH)


class _Undo(Exception):
    pass


async def test_the_crms_records_and_peoples_statements_end_in_one_organisation_in_whatever_order_they_come(
    api_for: Callable[..., Any],
) -> None:
    database: Database = api_for("deals")[1].database
    joined = StatementIn(kind="person_joined", person_id=ANN, unit_id=APAC, valid_from=day(2))
    closed = StatementIn(kind="unit_closed", unit_id=SOUTH, into_id=EMEA, valid_from=day(4))
    told_of = ((1, "EMEA/North"), (3, "EMEA/North"), (6, "EMEA/South"))
    crm = [user(day(number), "Ann", team_path=path) for number, path in told_of]
    found = []
    for order in permutations([*crm, [joined]]):
        try:
            async with database.transaction() as session:
                await apply(session, [user(day(0), "Cid", team_path="APAC")])
                for step in [*order, [closed], *crm]:
                    if isinstance(step, list):
                        await ledger.state(session, step, idempotency_key=None, principal=SYSTEM)
                    else:
                        await apply(session, [step])
                held = await books(session)
                found.append((held.people, held.current_people, held.units))
                raise _Undo
        except _Undo:
            pass
    assert all(each == found[0] for each in found)
    read = [found[0][0][str(ANN), day(number)]["unit_id"] for number in (1, 2, 3, 4, 6)]
    assert read == [str(unit) for unit in (NORTH, APAC, APAC, APAC, EMEA)]
