"""Edits of fields that the CRM owns, through the door of the deals service."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any
from uuid import UUID

from sqlalchemy import text

from libs.common import clock
from libs.common.events.crm import CrmEditAnswered, CrmWriteBackOffered, OfferedStage
from tests.integration.deals.acme import NORTH, OPS, SOUTH, ok, world
from tests.integration.deals.books import apply
from tests.support.keys import bearer
from tests.unit.deals.given import day, deal_id, record, user_id

DEAL = str(deal_id("D"))
NORA, SAM = user_id("nora"), user_id("sam")
STAGES = tuple(OfferedStage(stage=name) for name in ("Qualify", "Propose", "Negotiate"))
FIELDS = ("next_step", "close_date", "amount", "stage", "category", "owner_id")


def offer(version: int = 1, fields: Any = FIELDS) -> CrmWriteBackOffered:
    return CrmWriteBackOffered(connection="crm", version=version, fields=fields, stages=STAGES)


def answer(edit: dict[str, Any], outcome: Any, **more: Any) -> CrmEditAnswered:
    return CrmEditAnswered(
        edit_id=UUID(edit["edit_id"]),
        deal_id=UUID(edit["deal_id"]),
        connection="crm",
        field=edit["field"],
        outcome=outcome,
        answered_at=clock.now(),
        **more,
    )


async def tell(runtime: Any, *events: Any) -> None:
    async with runtime.database.transaction() as session:
        await apply(session, events)


async def told(runtime: Any, kind: str) -> list[Any]:
    async with runtime.database.reading() as session:
        rows = await session.execute(
            text("SELECT convert_from(data, 'utf8') FROM outbox WHERE type = :kind ORDER BY position"), {"kind": kind}
        )
        return list(rows.scalars())


async def test_an_edit_is_refused_with_a_reason_where_the_connection_takes_none_back(api_for: Callable[..., Any]):
    client, runtime = api_for("deals")
    await world(runtime)
    await tell(runtime, offer(fields=("next_step",)))

    answered = await client.post(f"/v1/deals/{DEAL}/edits", json={"field": "amount", "value": "5"}, headers=NORTH)

    assert answered.status_code == 422
    assert "connection crm takes none back" in answered.json()["detail"]
    await tell(runtime, offer(3, ("amount",)), offer(2, ()))
    assert (await ok(client.get("/v1/deals/write-back", headers=NORTH)))["items"][0]["fields"] == ["amount"]


async def test_an_edit_stands_as_pending_over_the_crms_value_until_its_echo_confirms_it(api_for: Callable[..., Any]):
    client, runtime = api_for("deals")
    await world(runtime)
    await tell(runtime, offer())
    path, key = f"/v1/deals/{DEAL}/edits", NORTH | {"Idempotency-Key": "e1"}
    body = {"field": "amount", "value": "1500", "seen": "1000.00", "checks_seen": True}

    (made,) = (await ok(client.post(path, json=body, headers=key)))["items"]
    assert len((await ok(client.post(path, json=body, headers=key)))["items"]) == 1, "the same request again"
    assert (made["state"], made["wanted"], made["seen"], made["author"]) == ("pending", "1500.00", "1000.00", "nora")
    assert len(await told(runtime, "deals.edit.wanted.v1")) == 1
    assert (await ok(client.get(f"/v1/deals/{DEAL}", headers=NORTH)))["amount"] == "1000.00", "the CRM's counts"

    await tell(runtime, record(day(1), "D", owner_id=NORA, next_step="call", next_step_known=True))
    assert (await ok(client.get(path, headers=NORTH)))["items"][0]["state"] == "pending", "another field's change"
    await tell(runtime, record(day(2), "D", owner_id=NORA, amount=Decimal(1500)))
    (confirmed,) = (await ok(client.get(path, headers=NORTH)))["items"]
    assert (confirmed["state"], confirmed["settled_at"] is not None) == ("confirmed", True)
    assert (await client.get(path, headers=SOUTH)).status_code == 404
    assert (await client.post(path, json=body, headers=SOUTH)).status_code == 404
    assert (await client.post(path, json=body, headers=bearer("viewer"))).status_code == 403


async def test_the_echo_and_the_answer_may_come_in_any_order_and_twice(api_for: Callable[..., Any]):
    client, runtime = api_for("deals")
    await world(runtime)
    await tell(runtime, offer())
    path = f"/v1/deals/{DEAL}/edits"
    states = set()
    for number, order in enumerate(permutations(("echo", "taken", "taken"))):
        wanted = f"step {number}"
        (made, *_) = (await ok(client.post(path, json={"field": "next_step", "value": wanted}, headers=NORTH)))["items"]
        echo = record(day(number + 1), "D", owner_id=NORA, next_step=wanted, next_step_known=True)
        for each in order:
            await tell(runtime, echo if each == "echo" else answer(made, "taken", crm_value=wanted))
        states.add((await ok(client.get(path, headers=NORTH)))["items"][0]["state"])

    assert states == {"confirmed"}


async def test_a_conflict_shows_both_values_until_it_is_put_aside_or_written_again(api_for: Callable[..., Any]):
    client, runtime = api_for("deals")
    await world(runtime)
    await tell(runtime, offer())
    path = f"/v1/deals/{DEAL}/edits"
    wanted = (clock.now() + timedelta(days=40)).date().isoformat()

    (made,) = (await ok(client.post(path, json={"field": "close_date", "value": wanted}, headers=NORTH)))["items"]
    await tell(runtime, answer(made, "conflict", crm_value="2026-12-24"))
    (shown,) = (await ok(client.get(path, headers=NORTH)))["items"]
    assert (shown["state"], shown["wanted"], shown["crm_value"]) == ("conflict", wanted, "2026-12-24")

    put_aside = await ok(client.post(f"{path}/{made['edit_id']}/acknowledge", headers=NORTH))
    assert put_aside["items"][0]["acknowledged_at"] is not None
    assert (await client.post(f"{path}/{made['edit_id']}/acknowledge", headers=NORTH)).status_code == 404
    assert (await ok(client.get(f"/v1/deals/{DEAL}", headers=NORTH)))["close_date"] == "2026-09-30"


async def test_a_value_that_moved_since_it_was_seen_is_not_overwritten(api_for: Callable[..., Any]):
    client, runtime = api_for("deals")
    await world(runtime)
    await tell(runtime, offer())
    body = {"field": "amount", "value": "1500", "seen": "900", "checks_seen": True}

    refused = await client.post(f"/v1/deals/{DEAL}/edits", json=body, headers=NORTH)

    assert (refused.status_code, refused.json()["now"]) == (409, "1000.00")
    assert await told(runtime, "deals.edit.wanted.v1") == []


async def test_who_saw_what_the_crm_has_since_may_write_over_it_before_its_record_comes_and_after(
    api_for: Callable[..., Any],
):
    """The answer and the record come by two ways: nobody who looks at the page can know which of them came first."""
    client, runtime = api_for("deals")
    await world(runtime)
    await tell(runtime, offer())
    path = f"/v1/deals/{DEAL}/edits"
    mine = {"field": "amount", "value": "1500", "seen": "2500.0", "checks_seen": True}
    for comes_first in (False, True):
        (made, *_) = (await ok(client.post(path, json={"field": "amount", "value": "1500"}, headers=NORTH)))["items"]
        await tell(runtime, answer(made, "conflict", crm_value="2500.00"))
        unseen = await client.post(path, json=mine | {"seen": "2600"}, headers=NORTH)
        assert (unseen.status_code, unseen.json()["now"]) == (409, "1000.00"), "another value than was told"
        if comes_first:
            await tell(runtime, record(day(1), "D", owner_id=NORA, amount=Decimal(2500)))

        (again, *_) = (await ok(client.post(path, json=mine, headers=NORTH)))["items"]

        assert again["state"] == "pending"
        wanted = json.loads((await told(runtime, "deals.edit.wanted.v1"))[-1])
        assert "2500.00" in wanted["bases"], "what was seen is no conflict again"
        await tell(runtime, answer(again, "refused", reason="closed for today"))
    await tell(runtime, record(day(2), "D", owner_id=NORA, amount=Decimal(2700)))
    late = await client.post(path, json=mine, headers=NORTH)
    assert (late.status_code, late.json()["now"]) == (409, "2700.00"), "nobody has seen what came after"


async def test_a_later_edit_supersedes_the_one_under_way_and_knows_its_value(api_for: Callable[..., Any]):
    """The gateway may have written the first one by the time it meets the second: that value is no conflict."""
    client, runtime = api_for("deals")
    await world(runtime)
    await tell(runtime, offer())
    path = f"/v1/deals/{DEAL}/edits"
    for value in ("1500", "1000"):
        found = await ok(client.post(path, json={"field": "amount", "value": value}, headers=NORTH))

    assert [each["state"] for each in found["items"]] == ["pending", "superseded"], "setting it back is an edit as well"
    assert '"bases":["1000.00","1500.00"]' in (await told(runtime, "deals.edit.wanted.v1"))[-1]
    await tell(runtime, answer(found["items"][1], "refused", reason="late"), answer(found["items"][0], "taken"))
    states = [each["state"] for each in (await ok(client.get(path, headers=NORTH)))["items"]]
    assert states == ["confirmed", "superseded"], "an answer to what no longer stands changes nothing"


async def test_a_failure_in_a_bulk_edit_names_row_and_field_and_loses_nothing_else(api_for: Callable[..., Any]):
    client, runtime = api_for("deals")
    await world(runtime)
    won = record(day(0), "W", owner_id=NORA, state="won", stage="Won", closed_on=date(2026, 3, 1))
    await tell(runtime, offer(), won)
    soon = (clock.now() + timedelta(days=10)).date().isoformat()
    rows = [
        {"deal_id": DEAL, "edits": [{"field": "close_date", "value": "soon"}, {"field": "next_step", "value": "Call"}]},
        {"deal_id": str(deal_id("W")), "edits": [{"field": "close_date", "value": soon}]},
        {"deal_id": str(deal_id("E")), "edits": [{"field": "stage", "value": "Dreaming"}, {"field": "amount", "value": "7"}]},
        {"deal_id": str(deal_id("S")), "edits": [{"field": "owner_id", "value": str(NORA)}, {"field": "amount", "value": "1000"}]},
    ]  # fmt: skip
    key = OPS | {"Idempotency-Key": "b1"}

    report = await ok(client.post("/v1/deals/bulk", json={"rows": rows}, headers=key))

    told_of = [(each["row"], each["field"], each["outcome"]) for each in report["results"]]
    assert told_of == [
        (1, "close_date", "refused"),
        (1, "next_step", "pending"),
        (2, "close_date", "refused"),
        (3, "stage", "refused"),
        (3, "amount", "pending"),
        (4, "owner_id", "pending"),
        (4, "amount", "unchanged"),
    ]
    assert (report["pending"], report["refused"], report["unchanged"]) == (3, 3, 1)
    reasons = [each["reason"] for each in report["results"] if each["reason"]]
    assert "'soon' is no date" in reasons[0]
    assert "reopen it in its CRM" in reasons[1]
    assert "Qualify, Propose, Negotiate" in reasons[2]
    assert await ok(client.post("/v1/deals/bulk", json={"rows": rows}, headers=key)) == report
    assert len(await told(runtime, "deals.edit.wanted.v1")) == 3, "the same request again wants nothing more"
    other = await client.post("/v1/deals/bulk", json={"rows": rows[:1]}, headers=key)
    assert other.status_code == 409
    scoped = await ok(client.post("/v1/deals/bulk", json={"rows": rows}, headers=SOUTH))
    assert {each["row"] for each in scoped["results"] if each["outcome"] != "refused"} == {3, 4}, "only South's deals"
    assert any("given to somebody else" in (each["reason"] or "") for each in scoped["results"])
