"""Salesforce's change events, posted by a callout: they only say that something changed; the record is asked back."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from libs.common import clock
from libs.common.ids import entity_id
from simulator.fakecrm.state import CrmState
from simulator.senders import Request
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.records import DEAL_IDS, deal

pytestmark = pytest.mark.asyncio

DEAL = DEAL_IDS["salesforce"]
ORGANISATION = "00D7F00000107XsUAI"


def _event(change_type: str, at: datetime, *, sequence: int = 1, **header: Any) -> dict[str, Any]:
    told = {
        "entityName": "OpportunityChangeEvent",
        "recordIds": [DEAL],
        "changeType": change_type,
        "transactionKey": f"0000-{change_type}-{clock.to_millis(at)}",
        "sequenceNumber": sequence,
        "commitTimestamp": clock.to_millis(at),
        "commitNumber": 17272018345,
    }
    return {"ChangeEventHeader": told | header}


async def _post(gateway: Gateway, *events: dict[str, Any], **changes: Any) -> httpx.Response:
    body = {"organizationId": ORGANISATION, "events": events} | changes
    return await _post_raw(gateway, orjson.dumps({name: value for name, value in body.items() if value is not None}))


async def _post_raw(gateway: Gateway, body: bytes) -> httpx.Response:
    headers = {"Content-Type": "application/json; charset=UTF-8"}
    return await gateway.send(Request("POST", gateway.connection("salesforce").url, headers, body))


async def _settle(gateway: Gateway) -> None:
    await gateway.understand()
    while await gateway.fetch():
        pass


async def _events(gateway: Gateway) -> list[dict[str, Any]]:
    return [orjson.loads(row["data"]) for row in await gateway.rows("SELECT data FROM outbox ORDER BY position")]


async def _outcomes(gateway: Gateway) -> list[str]:
    rows = await gateway.rows("SELECT outcome FROM delivery_item ORDER BY delivery_id, position")
    return [row["outcome"] for row in rows]


@pytest.mark.parametrize("change_type", ["CREATE", "UPDATE", "GAP_UPDATE"])
async def test_a_change_event_brings_the_record_as_salesforce_has_it(
    gateway: Gateway, crm: CrmState, change_type: str
) -> None:
    record = deal("salesforce")
    crm.put_deal("salesforce", record)
    answer = await _post(gateway, _event(change_type, record.changed_at) | {"Amount": 1.0})
    assert (answer.status_code, answer.json()) == (200, {"stored": True})
    assert answer.headers["content-type"] == "application/json"
    await _settle(gateway)
    (event,) = await _events(gateway)
    assert (event["amount"], event["stage"], event["deleted"]) == ("1234.50", "Propose", False)
    assert event["deal_id"] == str(entity_id("sf", "deal", DEAL))
    assert await _outcomes(gateway) == ["applied"]
    assert await gateway.value("SELECT state FROM delivery") == "processed"


@pytest.mark.parametrize("change_type", ["DELETE", "GAP_DELETE"])
async def test_a_deletion_is_one_because_salesforce_says_so(gateway: Gateway, crm: CrmState, change_type: str) -> None:
    before = deal("salesforce")
    crm.put_deal("salesforce", before)
    await _post(gateway, _event("UPDATE", before.changed_at))
    await _settle(gateway)
    await _post(gateway, _event(change_type, before.changed_at + timedelta(seconds=2)))
    await _settle(gateway)
    assert [event["deleted"] for event in await _events(gateway)] == [False], "the event alone deletes nothing"
    gone = replace(before, deleted=True, changed_at=before.changed_at + timedelta(seconds=3))
    crm.put_deal("salesforce", gone)
    await _post(gateway, _event(change_type, gone.changed_at))
    await _settle(gateway)
    assert [event["deleted"] for event in await _events(gateway)] == [False, True]


async def test_a_return_from_deletion_stands_and_so_does_a_change_in_its_second(
    gateway: Gateway, crm: CrmState
) -> None:
    before = deal("salesforce", changed_at=clock.now().replace(microsecond=0) - timedelta(minutes=1))
    gone = replace(before, deleted=True, changed_at=before.changed_at + timedelta(seconds=10))
    crm.put_deal("salesforce", gone)
    await _post(gateway, _event("DELETE", gone.changed_at))
    await _settle(gateway)
    back_at = before.changed_at + timedelta(seconds=20)
    crm.put_deal("salesforce", before)  # with the time it had before the deletion
    await _post(gateway, _event("UNDELETE", back_at + timedelta(milliseconds=700)))
    await _settle(gateway)
    crm.put_deal("salesforce", replace(before, stage="Negotiate", changed_at=back_at))
    await _post(gateway, _event("UPDATE", back_at + timedelta(milliseconds=900)))
    await _settle(gateway)
    assert await _outcomes(gateway) == ["applied", "applied", "applied"]
    (held,) = await gateway.rows("SELECT deleted, canonical->>'stage' AS stage FROM source_record")
    assert held == {"deleted": False, "stage": "Negotiate"}


async def test_a_repeated_event_is_a_duplicate_in_whatever_body_it_comes(gateway: Gateway, crm: CrmState) -> None:
    record = deal("salesforce")
    crm.put_deal("salesforce", record)
    event = _event("UPDATE", record.changed_at)
    for replay_id in range(2):
        await _post(gateway, {"payload": event, "event": {"replayId": replay_id}})
    await _post(gateway, event, _event("UPDATE", record.changed_at, sequence=2))
    await _settle(gateway)
    assert await _outcomes(gateway) == ["applied", "duplicate", "duplicate", "applied"]
    assert len(await _events(gateway)) == 1


async def test_what_names_no_records_is_parked_and_its_neighbours_take_effect(gateway: Gateway, crm: CrmState) -> None:
    record = deal("salesforce")
    crm.put_deal("salesforce", record)
    wildcard, overflow = (
        _event("UPDATE", record.changed_at, sequence=2, recordIds=["006*"]),
        _event("GAP_OVERFLOW", record.changed_at, sequence=3, recordIds=["000000000000000AAA"]),
    )
    unknown = _event("UPDATE", record.changed_at, sequence=4, entityName="Case")
    await _post(gateway, wildcard, overflow, unknown, {"Amount": 1}, _event("UPDATE", record.changed_at))
    await _settle(gateway)
    assert await _outcomes(gateway) == ["parked", "parked", "ignored", "parked", "applied"]
    assert await gateway.value("SELECT state FROM delivery") == "parked"
    advices = await gateway.rows("SELECT advice FROM delivery_item WHERE outcome = 'parked' ORDER BY position")
    assert ["that changed around" in row["advice"] for row in advices] == [True, True, False]
    assert len(await _events(gateway)) == 1


@pytest.mark.parametrize("named", [None, "", "00D7F00000107XtUAI"])
async def test_a_callout_that_does_not_name_this_organisation_is_refused_and_not_stored(
    gateway: Gateway, named: str | None
) -> None:
    answer = await _post(gateway, _event("UPDATE", clock.now()), organizationId=named)
    assert answer.status_code == 403
    assert await gateway.value("SELECT count(*) FROM delivery") == 0


async def test_a_callout_that_is_not_json_is_kept_and_parked(gateway: Gateway) -> None:
    assert (await _post_raw(gateway, b"<notifications/>")).status_code == 200
    await gateway.understand()
    (item,) = await gateway.rows("SELECT outcome, reason FROM delivery_item")
    assert item["outcome"] == "parked"
    assert "not JSON" in item["reason"]
