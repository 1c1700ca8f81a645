"""Contacts, their roles and touchpoints by REST and CSV: who sees them, what they change, and that nothing is lost or doubled."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from libs.common import clock
from libs.common.ids import new_id
from libs.common.web.auth import Principal
from services.deals.contacts import service as contacts
from tests.integration.deals.acme import ACCOUNT, NORTH, OPS, OTHER, SOUTH, ago, ok, spoke, world
from tests.support.keys import bearer
from tests.unit.deals.given import deal_id

HEADER = "external_id,at,kind,direction,deal_id,account_id,contacts,ours"


async def test_a_contact_has_roles_in_deals_and_a_name_that_never_travels_and_can_be_erased_for_good(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    wanted = {
        "account_id": str(ACCOUNT),
        "seniority": "executive",
        "department": "finance",
        "person": {"name": "Ada Example", "email": "ada@example.org"},
    }
    key = {"Idempotency-Key": "first"}
    made = await ok(client.post("/v1/contacts", json=wanted, headers=NORTH | key))
    again = await ok(client.post("/v1/contacts", json=wanted, headers=NORTH | key))
    assert again == made, "the same request again makes no second contact"
    reused = await client.post("/v1/contacts", json=wanted | {"active": False}, headers=NORTH | key)
    assert reused.status_code == 409
    assert reused.json()["type"] == "urn:foretell:problem:idempotency-key-reused"

    role = {"contact_id": made["contact_id"], "role": "economic_buyer"}
    path = f"/v1/deals/{deal_id('D')}/contacts"
    before = clock.now()
    (held,) = (await ok(client.post(path, json=role, headers=NORTH)))["items"]
    assert [each["role"] for each in held["roles"]] == ["economic_buyer"]
    assert held["person"]["name"] == "Ada Example"
    assert (await ok(client.get(path, params={"known_at": before.isoformat()}, headers=NORTH)))["items"] == []
    assert (await ok(client.post(path, json=role | {"holds": False}, headers=NORTH)))["items"] == []

    south = await ok(client.get(f"/v1/accounts/{ACCOUNT}/contacts", headers=SOUTH))
    assert [each["contact_id"] for each in south["items"]] == [made["contact_id"]], (
        "who has a deal there sees its people"
    )
    assert (await client.get(path, headers=SOUTH)).status_code == 404, "but not the deals of others"
    assert (await client.get(f"/v1/accounts/{OTHER}/contacts", headers=NORTH)).status_code == 404
    taken_over = wanted | {"account_id": str(OTHER), "person": None}
    assert (await client.put(f"/v1/contacts/{made['contact_id']}", json=taken_over, headers=NORTH)).status_code == 404
    assert (await client.post("/v1/contacts", json=wanted, headers=bearer("viewer"))).status_code == 403
    ahead = wanted | {"at": (clock.now() + timedelta(days=1)).isoformat()}
    assert (await client.post("/v1/contacts", json=ahead, headers=NORTH)).status_code == 422

    assert (await client.delete(f"/v1/contacts/{made['contact_id']}/person", headers=NORTH)).status_code == 403
    for _ in range(2):
        await ok(client.delete(f"/v1/contacts/{made['contact_id']}/person", headers=OPS))
    erased = await ok(client.get(f"/v1/contacts/{made['contact_id']}", headers=NORTH))
    assert (erased["person"], erased["erased"], erased["seniority"]) == (None, True, "executive")
    refused = await client.put(f"/v1/contacts/{made['contact_id']}", json=wanted, headers=NORTH)
    assert refused.json()["type"] == "urn:foretell:problem:contact-erased"
    async with runtime.database.reading() as session:
        for table in ("contact_entry", "contact_person", "contact_role_entry", "outbox"):
            rows = (await session.execute(text(f"SELECT t::text FROM {table} t"))).scalars().all()  # noqa: S608
            rows += (await session.execute(text(f"SELECT row_to_json(t)::text FROM {table} t"))).scalars().all()  # noqa: S608
            assert not any("Ada" in row or "ada@" in row for row in rows), table


async def test_touchpoints_make_threads_that_the_deal_tells_of_until_they_are_corrected_or_withdrawn(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    ann, ben = new_id(), new_id()
    relationship = f"/v1/deals/{deal_id('D')}/relationship"

    async def until() -> Any:
        found = (await ok(client.get(f"/v1/deals/{deal_id('D')}", headers=NORTH)))["threads_until"]
        return found and [datetime.fromisoformat(each) for each in found]

    assert (await ok(client.get(relationship, headers=NORTH)))["threads"] is None, "nobody tells touchpoints: unknown"
    assert await until() is None
    body, key = spoke(40, ann), {"Idempotency-Key": "call"}
    first = await ok(client.post("/v1/touchpoints", json=body, headers=NORTH | key))
    assert await ok(client.post("/v1/touchpoints", json=body, headers=NORTH | key)) == first
    assert await until() == [ago(40) + timedelta(days=90)] or abs((await until())[0] - ago(-50)) < timedelta(minutes=1)
    now = await ok(client.get(relationship, headers=NORTH))
    assert (now["single_threaded"], now["silent"], now["thread_count"], now["touches"]) == (True, True, 1, 1)

    second = await ok(client.post("/v1/touchpoints", json=spoke(3, ben), headers=NORTH))
    now = await ok(client.get(relationship, headers=NORTH))
    assert (now["single_threaded"], now["silent"], now["thread_count"]) == (False, False, 2)
    known_at = clock.now().isoformat()
    path = f"/v1/touchpoints/{second['touchpoint_id']}"
    await ok(client.put(path, json=spoke(3, ben, direction="ours"), headers=NORTH))
    assert (await ok(client.get(relationship, headers=NORTH)))["thread_count"] == 1
    assert (await ok(client.get(relationship, params={"known_at": known_at}, headers=NORTH)))["thread_count"] == 2
    earlier = {"as_of": ago(20).isoformat()}
    assert (await ok(client.get(relationship, params=earlier, headers=NORTH)))["touches"] == 1

    moved = await client.put(path, json=spoke(3, ben, deal_id=str(deal_id("S"))), headers=NORTH)
    assert moved.status_code == 404, "a deal out of scope takes nothing"
    assert (await client.delete(path, headers=SOUTH)).status_code == 404
    ahead = await client.post("/v1/touchpoints", json=spoke(-1, ann), headers=NORTH)
    assert (ahead.status_code, ahead.json()["type"]) == (422, "urn:foretell:problem:not-yet")
    await ok(client.delete(f"/v1/touchpoints/{first['touchpoint_id']}", headers=NORTH))
    assert await until() == []
    timeline = await ok(client.get(f"/v1/deals/{deal_id('D')}/timeline", headers=NORTH))
    causes = [entry["cause"].get("event") for entry in timeline["entries"]]
    assert first["touchpoint_id"] in causes, "the statement is the cause of the entry"

    await ok(client.post("/v1/touchpoints", json=spoke(2, ann, account_id=str(ACCOUNT)), headers=SOUTH))
    of_account = await ok(client.get(f"/v1/accounts/{ACCOUNT}/relationship", headers=SOUTH))
    assert (of_account["thread_count"], of_account["touches"]) == (1, 1), "South does not see what North's deal tells"
    north = await ok(client.get(f"/v1/accounts/{ACCOUNT}/touchpoints", headers=NORTH))
    assert [each["contacts"] for each in north["items"]] == [[str(ann)], [str(ben)]]


async def test_a_file_of_touchpoints_is_taken_once_line_by_line_in_any_order(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    ann, ben = new_id(), new_id()
    deal = deal_id("D")
    good = [
        f"c{n},{ago(n).isoformat()},mail,{direction},{deal},,{who},"
        for n, (direction, who) in enumerate(
            [("ours", ann), ("theirs", ann), ("ours", ben), ("theirs", f"{ann} {ben}")], 1
        )
    ]
    bad = [f"x1,yesterday,mail,ours,{deal},,{ann},", f"x2,{ago(1).isoformat()},mail,ours,{new_id()},,{ann},", ",,,,,,,"]
    csv = OPS | {"Content-Type": "text/csv"}

    async def send(lines: list[str]) -> Any:
        return await ok(client.post("/v1/touchpoints/import", content="\n".join([HEADER, *lines]), headers=csv))

    taken = await send([*good, *bad])
    assert (taken["rows"], taken["accepted"], taken["known"]) == (7, 4, 0)
    assert [(each["line"], each["column"]) for each in taken["refused"]] == [
        (6, "at"),
        (7, "deal_id"),
        (8, "external_id"),
    ]
    told = (await ok(client.get(f"/v1/deals/{deal}", headers=OPS)))["threads_until"]
    assert len(told) == 2
    shuffled = random.Random(4).sample(good, len(good))  # noqa: S311 - which order does not matter
    again = await send([*shuffled, *good])
    assert (again["accepted"], again["known"]) == (0, 8)
    assert (await ok(client.get(f"/v1/deals/{deal}", headers=OPS)))["threads_until"] == told
    changed = await send([good[0].replace("ours", "theirs")])
    assert changed["accepted"] == 1
    wrong = await client.post("/v1/touchpoints/import", content="a,b\n1,2", headers=csv)
    assert wrong.json()["type"] == "urn:foretell:problem:unreadable-file"
    async with runtime.database.reading() as session:
        counts = await session.execute(
            text("SELECT (SELECT count(*) FROM touchpoint_entry), (SELECT count(*) FROM touchpoint)")
        )
        assert tuple(counts.one()) == (5, 4)
        payloads = (await session.execute(text("SELECT row_to_json(o)::text FROM outbox o"))).scalars().all()
        noted = [orjson.loads(each) for each in payloads if "deals.touchpoint.noted.v1" in each]
    assert len(noted) == 5


async def test_names_are_forgotten_once_nobody_speaks_with_somebody_for_long_enough(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    system = Principal.system("deals")
    ids: list[UUID] = []
    for name in ("Old", "Spoken"):
        body = {"account_id": str(ACCOUNT), "person": {"name": name}}
        ids.append(UUID((await ok(client.post("/v1/contacts", json=body, headers=NORTH)))["contact_id"]))
    await ok(client.post("/v1/touchpoints", json=spoke(0.1, ids[1]), headers=NORTH))
    clock_ahead = timedelta(days=30)
    async with runtime.database.transaction() as session:
        await session.execute(
            text("UPDATE contact_person SET updated_at = updated_at - CAST(:ago AS interval)"), {"ago": clock_ahead}
        )
    async with runtime.database.transaction() as session:
        await contacts.forget(session, after_days=29, principal=system)
    people = [(await ok(client.get(f"/v1/contacts/{each}", headers=NORTH)))["person"] for each in ids]
    assert people[0] is None
    assert people[1]["name"] == "Spoken"
