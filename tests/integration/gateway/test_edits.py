"""Sales ops mend a parked record by hand; what came stays, everybody can see what was done."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import orjson
import pytest

from gateway.deliveries import service
from libs.common import clock
from libs.common.ids import new_id
from simulator import senders
from simulator.connections import documents
from simulator.fakecrm.state import CrmState
from tests.integration.gateway.conftest import SIMULATED, Gateway
from tests.integration.gateway.records import deal
from tests.integration.gateway.test_deliveries_search import Terminal, key_of

pytestmark = pytest.mark.asyncio
RIGHTS = "crm.rights.changed.v1"
"""Told when a key is made, beside what is told of records."""


async def _parked(gateway: Gateway, *, number: str = "D-1") -> tuple[str, bytes]:
    """A delivery parked because nobody knows its stage: its id and body."""
    record = deal("standard", deal_id=number, stage="Moonshot")
    await gateway.send(senders.deal_request(gateway.connection("standard"), record, event="created"))
    await gateway.understand()
    row = (await gateway.rows("SELECT id, body FROM delivery ORDER BY id DESC LIMIT 1"))[0]
    return str(row["id"]), bytes(row["body"])


async def _edit(
    gateway: Gateway, delivery: str, patch: Any, *, role: str = "sales_ops", reason: str = "typed wrong in the CRM"
) -> httpx.Response:
    answer = await gateway.client.put(
        f"/api/v1/deliveries/{delivery}/items/0/edit",
        json={"patch": patch, "reason": reason},
        headers=await key_of(gateway, role),
    )
    await gateway.understand()
    return answer


async def _item(gateway: Gateway) -> dict[str, Any]:
    (item,) = await gateway.rows("SELECT outcome, reason, value FROM delivery_item")
    return item


async def _outcomes(gateway: Gateway) -> set[str]:
    return {row["outcome"] for row in await gateway.rows("SELECT outcome FROM delivery_item")}


async def _trail(gateway: Gateway, delivery: str) -> list[dict[str, Any]]:
    return await gateway.rows(
        "SELECT action, actor, detail FROM audit_entry WHERE object = :on ORDER BY entry_id", on=f"delivery:{delivery}"
    )


async def test_a_parked_record_is_mended_and_takes_effect(gateway: Gateway) -> None:
    number = f"D-{new_id()}"  # versions of records are never removed, so other tests have left some of D-1
    delivery, body = await _parked(gateway, number=number)

    answer = await _edit(gateway, delivery, {"stage": "Propose"})

    assert answer.status_code == 200
    assert answer.json()["changed"] is True
    assert (await _item(gateway))["outcome"] == "applied"
    event = orjson.loads(await gateway.value("SELECT data FROM outbox WHERE type <> :other", other=RIGHTS))
    assert (event["stage"], event["amount"]) == ("Propose", "1234.50")
    assert bytes(await gateway.value("SELECT body FROM delivery")) == body
    (entry,) = await _trail(gateway, delivery)
    assert entry["action"] == "delivery.item_edited"
    assert entry["detail"]["fields"] == ["stage"]
    assert entry["detail"]["reason"] == "typed wrong in the CRM"
    assert "Propose" not in str(entry["detail"]), "values may be person data"
    headers = await key_of(gateway, "sales_ops")
    shown = (await gateway.client.get(f"/api/v1/deliveries/{delivery}", headers=headers)).json()
    assert shown["items"][0]["edit"]["patch"] == {"stage": "Propose"}
    record = (await gateway.client.get(f"/api/v1/deliveries/records/std/deal/{number}", headers=headers)).json()
    assert "edited here by" in record["fields"][0]["actor"]


async def test_an_edit_that_is_still_unmappable_stays_parked_with_the_new_reason(gateway: Gateway) -> None:
    delivery, _ = await _parked(gateway)
    await _edit(gateway, delivery, {"stage": "Orbit"})
    item = await _item(gateway)
    assert (item["outcome"], item["value"]) == ("parked", "Orbit")

    await _edit(gateway, delivery, {"stage": "Propose"}, reason="read it again")

    assert (await _item(gateway))["outcome"] == "applied"
    trail = await _trail(gateway, delivery)
    assert [entry["detail"]["reason"] for entry in trail] == ["typed wrong in the CRM", "read it again"]
    assert ["Moonshot" in entry["detail"]["was_parked_because"] for entry in trail] == [True, False]


async def test_the_same_edit_twice_changes_nothing(gateway: Gateway) -> None:
    delivery, _ = await _parked(gateway)
    for patch, outcome in (({"stage": "Orbit"}, "parked"), ({"stage": "Propose"}, "applied")):
        first, second = [await _edit(gateway, delivery, patch) for _ in range(2)]
        assert (first.json()["changed"], second.json()["changed"]) == (True, False)
        assert (await _item(gateway))["outcome"] == outcome
    assert await gateway.value("SELECT count(*) FROM outbox WHERE type <> :other", other=RIGHTS) == 1
    assert await gateway.value("SELECT count(*) FROM item_edit WHERE delivery_id = :id", id=delivery) == 2
    assert len(await _trail(gateway, delivery)) == 2


async def test_an_edit_is_of_its_item_alone(gateway: Gateway) -> None:
    first, _ = await _parked(gateway, number="D-1")
    await _parked(gateway, number="D-2")

    await _edit(gateway, first, {"stage": "Propose"})

    rows = await gateway.rows("SELECT external_id, outcome FROM delivery_item ORDER BY external_id")
    assert [(row["external_id"], row["outcome"]) for row in rows] == [("D-1", "applied"), ("D-2", "parked")]


async def test_a_fetched_record_is_mended_when_it_is_fetched_again(gateway: Gateway, crm: CrmState) -> None:
    (document,) = [each for each in documents(SIMULATED) if each["key"] == "hub"]
    stages = {name: meaning for name, meaning in document["mapping"]["stages"].items() if "Propose" not in str(meaning)}
    await gateway.put_connection(document | {"mapping": document["mapping"] | {"stages": stages}})
    crm.put_deal("hubspot", deal("hubspot"))
    await gateway.send(senders.deal_request(gateway.connection("hubspot"), deal("hubspot")))
    await gateway.understand()
    await gateway.fetch()
    assert await _outcomes(gateway) == {"parked"}
    delivery = str(await gateway.value("SELECT id FROM delivery"))

    await _edit(gateway, delivery, {"properties": {"dealstage": next(iter(stages))}})
    await gateway.fetch()

    assert await _outcomes(gateway) == {"applied"}
    assert (
        await gateway.value("SELECT canonical ->> 'amount' FROM source_record WHERE object_type = 'deal'") == "1234.50"
    )


async def test_what_cannot_be_edited_is_said(gateway: Gateway) -> None:
    delivery, _ = await _parked(gateway)

    assert (await _edit(gateway, delivery, {"stage": "Propose"}, role="seller")).status_code == 403
    same = await _edit(gateway, delivery, {"stage": "Moonshot"})
    assert (same.status_code, "leaves the record as it was" in same.json()["detail"]) == (422, True)
    assert (await _edit(gateway, delivery, {})).status_code == 422
    assert (await _edit(gateway, delivery, {"stage": "Propose"}, reason="")).status_code == 422
    assert (await _edit(gateway, delivery, {"name": "x" * 70_000})).status_code == 422
    await _edit(gateway, delivery, {"stage": "Propose"})
    again = await _edit(gateway, delivery, {"stage": "Qualify"})
    assert (again.status_code, "only a parked one" in again.json()["detail"]) == (409, True)
    assert await gateway.value("SELECT count(*) FROM outbox WHERE type <> :other", other=RIGHTS) == 1


async def test_a_newer_state_of_the_crm_stands_above_an_edit(gateway: Gateway) -> None:
    delivery, _ = await _parked(gateway)
    newer = deal("standard", deal_id="D-1", amount=Decimal(9), changed_at=clock.now())
    await gateway.send(senders.deal_request(gateway.connection("standard"), replace(newer, stage="Negotiate")))
    await gateway.understand()

    await _edit(gateway, delivery, {"stage": "Propose"})

    assert await gateway.value("SELECT canonical ->> 'stage' FROM source_record") == "Negotiate"


async def test_an_edit_is_forgotten_with_the_raw_body(gateway: Gateway) -> None:
    delivery, _ = await _parked(gateway)
    await _edit(gateway, delivery, {"stage": "Propose", "name": "Ada"})
    settings = gateway.runtime.settings.model_copy(update={"raw_body_retention_days": -1})
    await service.forget_bodies(replace(gateway.runtime, settings=settings))

    assert await gateway.value("SELECT count(*) FROM item_edit WHERE delivery_id = :id", id=delivery) == 0
    assert len(await _trail(gateway, delivery)) == 1


async def test_the_terminal_mends_too(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    delivery, _ = await _parked(gateway)
    terminal = Terminal(gateway, monkeypatch)
    arguments = ("deliveries", "edit", delivery, "0", "--patch", '{"stage": "Propose"}', "--reason", "misspelt")

    status, lines = await terminal.run(*arguments)
    wrong, said = await terminal.run(*arguments[:5], "{", "--reason", "misspelt")

    assert (status, lines[0]) == (0, "kept; the delivery is read again")
    assert (wrong, said[0].startswith("The edit cannot be used")) == (1, True)
    await gateway.understand()
    assert (await _item(gateway))["outcome"] == "applied"
    _, lines = await terminal.run("deliveries", "show", delivery)
    assert any("misspelt" in line for line in lines)
