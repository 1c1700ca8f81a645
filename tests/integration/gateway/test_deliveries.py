"""Sales ops look at deliveries, mend a mapping, and replay."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest

from gateway.auth import service as auth
from gateway.connections.cache import Connections
from gateway.connectors.remapping import remap, remap_waiting
from gateway.deliveries import service
from libs.common.ids import entity_id
from simulator import senders
from simulator.connections import documents
from tests.integration.gateway.conftest import SIMULATED, Gateway
from tests.integration.gateway.records import deal

pytestmark = pytest.mark.asyncio


async def _key(gateway: Gateway, role: str) -> dict[str, str]:
    async with gateway.runtime.database.transaction() as session:
        key = await auth.create_key(session, f"test-{role}", role=role, scope=[])
    return {"Authorization": f"Bearer {key}"}


def _document(**mapping: object) -> dict[str, object]:
    (document,) = (each for each in documents(SIMULATED) if each["key"] == "std")
    return document | {"mapping": document["mapping"] | mapping}


async def test_an_unknown_stage_is_parked_with_advice_and_replayed_after_the_mapping_is_mended(
    gateway: Gateway,
) -> None:
    stages = _document()["mapping"]["stages"]  # type: ignore[index]
    await gateway.put_connection(_document(stages={name: stages[name] for name in stages if name != "Propose"}))
    await gateway.send(senders.deal_request(gateway.connection("standard"), deal("standard")))
    await gateway.understand()
    (item,) = await gateway.rows("SELECT outcome, field, value, advice FROM delivery_item")
    assert (item["outcome"], item["field"], item["value"]) == ("parked", "stage", "Propose")
    assert "stages" in item["advice"]

    admin = await _key(gateway, "sales_ops")
    page = (await gateway.client.get("/api/v1/deliveries?state=parked", headers=admin)).json()
    (shown,) = page["items"]
    assert shown["outcomes"] == {"parked": 1}
    assert "stage" in shown["reason"]

    assert await gateway.put_connection(_document()) == "remapped"
    answer = await gateway.client.post(f"/api/v1/deliveries/{shown['id']}/replay", headers=admin)
    assert answer.json() == {"deliveries": 1, "items": 1}
    await gateway.understand()
    detail = (await gateway.client.get(f"/api/v1/deliveries/{shown['id']}", headers=admin)).json()
    assert detail["state"] == "processed"
    assert [each["outcome"] for each in detail["items"]] == ["applied"]
    assert detail["items"][0]["entity_id"] == str(entity_id("std", "deal", "D-114"))
    assert "Bakery" in detail["body"]
    again = await gateway.client.post(f"/api/v1/deliveries/{shown['id']}/replay", headers=admin)
    assert (again.status_code, again.json()["type"]) == (409, "urn:foretell:problem:nothing-parked")


async def test_raw_bodies_are_for_sales_ops_only(gateway: Gateway) -> None:
    await gateway.send(senders.deal_request(gateway.connection("standard"), deal("standard")))
    identifier = await gateway.value("SELECT id FROM delivery")
    viewer = await _key(gateway, "viewer")
    assert (await gateway.client.get(f"/api/v1/deliveries/{identifier}", headers=viewer)).status_code == 403
    assert (await gateway.client.get("/api/v1/deliveries", headers=viewer)).status_code == 200
    assert (await gateway.client.get("/api/v1/deliveries")).status_code == 401


async def test_the_api_never_shows_secrets(gateway: Gateway) -> None:
    answer = await gateway.client.get("/api/v1/connections", headers=await _key(gateway, "admin"))
    assert [each["key"] for each in answer.json()["items"]] == ["hub", "pipe", "sf", "std"]
    for secret in ("hub-secret", "path-secret", "pipe-secret", "whsec_", 'token"'):
        assert secret not in answer.text
    sealed = await gateway.rows("SELECT encode(secrets, 'escape') AS sealed FROM connection")
    assert "secret" not in str([row["sealed"] for row in sealed]).replace("sealed", "")


async def test_every_accepted_item_has_exactly_one_outcome(gateway: Gateway) -> None:
    connection = gateway.connection("standard")
    request = senders.deal_request(connection, deal("standard"))
    for _ in range(2):
        await gateway.send(request)
    await gateway.send(senders.deal_request(gateway.connection("salesforce"), deal("salesforce")))
    await gateway.send(senders.deal_request(gateway.connection("hubspot"), deal("hubspot")))
    await gateway.understand()
    summary = (await gateway.client.get("/api/v1/deliveries/summary", headers=await _key(gateway, "viewer"))).json()
    shown = {each["connection"]: each for each in summary["connections"]}
    assert (shown["std"]["items"], shown["std"]["applied"], shown["std"]["duplicate"]) == (2, 1, 1)
    assert shown["hub"]["pending"] == shown["hub"]["items"] == 3
    assert all(each["is_conserved"] for each in shown.values())
    oldest = await gateway.value("SELECT received_at FROM delivery WHERE connection = 'hub'")
    async with gateway.runtime.database.reading() as session:
        assert await service.origin(session) == oldest
        assert (await service.audit(session)).violations == []
    async with gateway.runtime.database.transaction() as session:
        await (await session.connection()).exec_driver_sql("DELETE FROM delivery_item WHERE outcome = 'duplicate'")
    async with gateway.runtime.database.reading() as session:
        (violation,) = (await service.audit(session)).violations
    assert violation["connection"] == "std"


async def test_a_changed_mapping_supersedes_what_the_old_one_made(gateway: Gateway) -> None:
    await gateway.send(senders.deal_request(gateway.connection("standard"), deal("standard")))
    await gateway.understand()
    stages = _document()["mapping"]["stages"]  # type: ignore[index]
    await gateway.put_connection(_document(stages=stages | {"Propose": {"stage": "Offer", "category": "commit"}}))
    assert await remap(gateway.runtime.database, gateway.runtime.settings, "std") == (1, 0)
    assert await remap(gateway.runtime.database, gateway.runtime.settings, "std") == (0, 0)
    (row,) = await gateway.rows("SELECT canonical, mapping_version, version FROM source_record")
    assert (row["canonical"]["stage"], row["mapping_version"], row["version"]) == ("Offer", 2, 2)
    told = await gateway.rows("SELECT type, data FROM outbox ORDER BY position")
    assert [row["type"] for row in told] == ["crm.deal.changed.v1", "crm.mapping.activated.v1", "crm.deal.changed.v1"]
    assert orjson.loads(told[1]["data"]) == {"connection": "std", "mapping_version": 2, "previous_version": 1}


async def test_a_record_that_was_understood_by_the_old_mapping_while_it_changed_is_mapped_again(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime, connection, first = gateway.runtime, gateway.connection("standard"), deal("standard")
    await gateway.send(senders.deal_request(connection, first))
    await gateway.understand()
    later = deal("standard", changed_at=first.changed_at + timedelta(seconds=1), amount=Decimal(7))
    await gateway.send(senders.deal_request(connection, later))
    stages = _document()["mapping"]["stages"]  # type: ignore[index]
    read_up_to = Connections.up_to

    async def overtaken(*given: Any) -> Any:
        read = await read_up_to(*given)
        await gateway.put_connection(_document(stages=stages | {"Propose": {"stage": "Offer", "category": "commit"}}))
        for _ in range(2):
            await remap_waiting(runtime)
        return read

    monkeypatch.setattr(Connections, "up_to", overtaken)
    await gateway.understand()
    for _ in range(2):
        await remap_waiting(runtime)
    (row,) = await gateway.rows("SELECT canonical, mapping_version FROM source_record")
    assert (row["canonical"]["stage"], row["canonical"]["amount"], row["mapping_version"]) == ("Offer", "7.00", 2)
    assert await gateway.value("SELECT remapped_to FROM connection WHERE key = 'std'") == 2


async def test_names_are_known_by_id(gateway: Gateway) -> None:
    from tests.integration.gateway.records import lead

    await gateway.send(senders.lead_request(gateway.connection("standard"), lead("standard")))
    await gateway.understand()
    known, unknown = await gateway.value("SELECT id FROM person"), entity_id("std", "person", "nobody")
    answer = await gateway.client.get(
        f"/api/v1/people?ids={known}&ids={unknown}", headers=await _key(gateway, "viewer")
    )
    assert answer.json()["items"] == [{"id": str(known), "name": "Ada Brandt"}, {"id": str(unknown), "name": None}]


async def test_a_fault_in_one_delivery_does_not_hold_up_the_others(gateway: Gateway) -> None:
    connection = gateway.connection("standard")
    bad = deal("standard", deal_id="D-0", name="a\x00b", stage="Propose")
    good = deal("standard")
    await gateway.send(senders.deal_request(connection, bad))
    await gateway.send(senders.deal_request(connection, good))
    await gateway.understand()
    states = await gateway.rows("SELECT state FROM delivery ORDER BY id")
    assert states[1]["state"] == "processed"
    assert states[0]["state"] in ("processed", "parked")
    assert await gateway.value("SELECT count(*) FROM delivery WHERE state = 'accepted'") == 0


async def test_who_made_a_change_survives_mapping_it_again_and_what_the_crm_tells_of_care_too(gateway: Gateway) -> None:
    record = deal("standard", changed_by="56", next_step="call", last_activity_at=datetime(2026, 1, 6, tzinfo=UTC))
    await gateway.send(senders.deal_request(gateway.connection("standard"), record))
    await gateway.understand()
    stages = _document()["mapping"]["stages"]  # type: ignore[index]
    await gateway.put_connection(_document(stages=stages | {"Propose": {"stage": "Offer"}}))
    await remap(gateway.runtime.database, gateway.runtime.settings, "std")
    (row,) = await gateway.rows("SELECT canonical FROM source_record")
    told = row["canonical"]
    assert (told["stage"], told["changed_by"]) == ("Offer", str(entity_id("std", "user", "56")))
    assert (told["next_step"], told["last_activity_at"]) == ("call", "2026-01-06T00:00:00Z")
