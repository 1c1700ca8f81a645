"""Calls, mails and meetings of CRMs: asked for by the clock, or brought by webhook; never what was said."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from gateway.connections.cache import Connections
from gateway.connectors import polling
from libs.common import clock
from libs.common.ids import entity_id
from simulator import senders
from simulator.fakecrm.kept import ActivityKept
from simulator.fakecrm.state import CrmState
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.keeping import reading, settled, told
from tests.integration.gateway.records import deal

pytestmark = pytest.mark.asyncio
ACTIVITY = "crm.activity.changed.v1"


def ago(minutes: float) -> datetime:
    return (clock.now() - timedelta(minutes=minutes)).replace(microsecond=0)


def kept(number: int, kind: Any = "call", **changes: Any) -> ActivityKept:
    told_of: dict[str, Any] = {
        "activity_id": str(number),
        "kind": kind,
        "at": ago(60),
        "changed_at": ago(50),
        "state": "COMPLETED",
        "deal_ids": ["9001"],
        "contact_ids": ["4001"],
        "owner_id": "55",
        "subject": "Ada Brandt calls back",
    }
    return ActivityKept(**told_of | changes)


def keep(crm: CrmState, *activities: ActivityKept) -> None:
    for each in activities:
        crm.beside.activities["hubspot", each.activity_id] = each


async def poll(gateway: Gateway) -> int:
    """Ask once for what is due of every connection, then fetch it."""
    runtime = gateway.runtime
    count = 0
    async with httpx.AsyncClient(transport=gateway.crm, timeout=5) as http:
        for each in await polling.asking(runtime, Connections(runtime.database, runtime.settings)):
            count += await polling.poll(runtime, each, http)
    await settled(gateway)
    return count


async def again(gateway: Gateway) -> int:
    async with gateway.runtime.database.transaction() as session:
        await (await session.connection()).exec_driver_sql("UPDATE activity_clock SET due_at = now()")
    return await poll(gateway)


async def test_a_call_of_hubspot_is_told_with_who_and_when_and_without_a_word(gateway: Gateway, crm: CrmState) -> None:
    await reading(gateway, "hubspot", "activities")
    call, mail = kept(1), kept(2, "mail", incoming=True, account_ids=["66"], state="SENT")
    keep(crm, call, mail)
    await poll(gateway)
    events = {each["kind"]: each for each in await told(gateway, ACTIVITY)}
    assert events["call"]["deal_ids"] == [str(entity_id("hub", "deal", "9001"))]
    assert events["call"]["contact_ids"] == [str(entity_id("hub", "person", "4001"))]
    assert events["call"]["our_ids"] == [str(entity_id("hub", "user", "55"))]
    assert (events["call"]["direction"], events["mail"]["direction"]) == ("both", "theirs")
    assert datetime.fromisoformat(events["call"]["at"]) == call.at
    assert (events["call"]["done"], events["mail"]["done"]) == (True, True)
    stored = str(
        await gateway.rows(
            "SELECT body, record, canonical FROM source_record s LEFT JOIN delivery d ON d.id = s.delivery_id"
        )
    )
    assert "Ada" not in stored
    assert "What was said" not in stored
    assert await gateway.value("SELECT count(*) FROM delivery WHERE state <> 'processed'") == 0


async def test_what_was_told_once_is_not_asked_for_again_until_it_changes(gateway: Gateway, crm: CrmState) -> None:
    await reading(gateway, "hubspot", "activities")
    call = kept(1)
    keep(crm, call)
    assert await poll(gateway) == 2, "it was changed, and it took place"
    assert await poll(gateway) == 0, "not due"
    assert await again(gateway) == 0
    assert len(await told(gateway, ACTIVITY)) == 1
    keep(crm, replace(call, changed_at=ago(1), deal_ids=["9001", "9002"]))
    assert await again(gateway) == 1
    assert [len(each["deal_ids"]) for each in await told(gateway, ACTIVITY)] == [1, 2]


async def test_a_meeting_that_was_planned_counts_once_its_time_has_come(
    gateway: Gateway, crm: CrmState, monkeypatch: pytest.MonkeyPatch
) -> None:
    await reading(gateway, "hubspot", "activities")
    at = clock.now() + timedelta(hours=2)
    keep(crm, kept(3, "meeting", at=at.replace(microsecond=0), state="SCHEDULED"))
    await poll(gateway)
    assert [each["done"] for each in await told(gateway, ACTIVITY)] == [False]
    monkeypatch.setattr(clock, "now", lambda: at + timedelta(minutes=1))
    await again(gateway)
    assert [each["done"] for each in await told(gateway, ACTIVITY)] == [False, True]


async def test_a_call_that_nobody_took_and_one_that_was_deleted_touched_nobody(gateway: Gateway, crm: CrmState) -> None:
    await reading(gateway, "hubspot", "activities")
    keep(crm, kept(4, state="NO_ANSWER"), kept(5))
    await poll(gateway)
    done = {each["external_id"]: each["done"] for each in await told(gateway, ACTIVITY)}
    assert done == {"calls-4": False, "calls-5": True}


async def test_of_more_activities_than_a_page_none_is_missing(gateway: Gateway, crm: CrmState) -> None:
    await reading(gateway, "hubspot", "activities")
    keep(crm, *(kept(1000 + number, changed_at=ago(40)) for number in range(450)))
    await poll(gateway)
    assert await gateway.value("SELECT count(DISTINCT key) FROM outbox WHERE type = :t", t=ACTIVITY) == 450


async def test_what_changed_while_foretell_was_down_is_found_afterwards(gateway: Gateway, crm: CrmState) -> None:
    await reading(gateway, "hubspot", "activities")
    keep(crm, kept(1))
    await poll(gateway)
    keep(crm, *(kept(number, at=ago(30), changed_at=ago(49 - number)) for number in range(2, 9)))
    await again(gateway)
    assert await gateway.value("SELECT count(DISTINCT key) FROM outbox WHERE type = :t", t=ACTIVITY) == 8


async def test_without_the_right_to_read_activities_the_connection_says_so_and_goes_on(
    gateway: Gateway, crm: CrmState
) -> None:
    await reading(gateway, "hubspot", "activities")
    crm.beside.forbidden.add("activities")
    keep(crm, kept(1))
    assert await poll(gateway) == 0
    (refused,) = await gateway.rows("SELECT object_type, reason FROM reading_refused")
    assert refused["object_type"] == "activity"
    assert "MISSING_SCOPES" in refused["reason"]
    crm.put_deal("hubspot", deal("hubspot"))
    await gateway.send(senders.deal_request(gateway.connection("hubspot"), deal("hubspot")))
    await settled(gateway)
    assert len(await told(gateway, "crm.deal.changed.v1")) == 1
    crm.beside.forbidden.clear()
    await again(gateway)
    assert len(await told(gateway, ACTIVITY)) == 1
    assert await gateway.value("SELECT count(*) FROM reading_refused") == 0


async def test_an_activity_of_pipedrive_comes_by_webhook(gateway: Gateway, crm: CrmState) -> None:
    request = senders.deal_request(gateway.connection("pipedrive"), deal("pipedrive"))
    body = {
        "data": {
            "id": 31,
            "type": "call",
            "subject": "Ada Brandt calls back",
            "note": "What was said",
            "done": True,
            "due_date": ago(90).date().isoformat(),
            "due_time": "09:30",
            "marked_as_done_time": None,
            "deal_id": 77,
            "org_id": 66,
            "participants": [{"person_id": 12, "primary": True}, {"person_id": 11, "primary": False}],
            "owner_id": 55,
            "update_time": ago(1).isoformat(),
        },
        "previous": None,
        "meta": {
            "action": "create",
            "entity": "activity",
            "entity_id": "31",
            "id": "one",
            "timestamp": ago(1).isoformat(),
        },
    }

    async def send(**meta: Any) -> None:
        told_of = body | {"meta": {**body["meta"], **meta}}  # type: ignore[dict-item]
        answer = await gateway.client.post("/webhooks/pipe", json=told_of, headers=dict(request.headers))
        assert answer.status_code == 200
        await settled(gateway)

    await send()
    assert await told(gateway, ACTIVITY) == [], "the connection does not read activities"
    await reading(gateway, "pipedrive", "activities")
    await send(id="two")
    (event,) = await told(gateway, ACTIVITY)
    assert (event["kind"], event["direction"], event["done"]) == ("call", "both", True)
    assert event["deal_ids"] == [str(entity_id("pipe", "deal", "77"))]
    assert len(event["contact_ids"]) == 2
    stored = str(await gateway.rows("SELECT record, canonical FROM source_record"))
    assert "Ada" not in stored
    assert "said" not in stored
    await send(id="three", action="delete", timestamp=clock.now().isoformat())
    assert [each["deleted"] for each in await told(gateway, ACTIVITY)] == [False, True]
