"""Sales ops find deliveries, see what waits, and read a selection of parked ones again."""

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from typer.testing import CliRunner

from gateway.auth import service as auth
from gateway.deliveries import service
from gateway.deliveries.asked import Selection
from gateway.deliveries.cli import app, line
from libs.common import clock
from libs.common.web.auth import Principal
from simulator import senders
from simulator.connections import documents
from simulator.fakecrm.state import CrmState
from tests.integration.gateway.conftest import SIMULATED, Gateway
from tests.integration.gateway.records import deal, lead

pytestmark = pytest.mark.asyncio

SYSTEM = Principal.system("test")


async def key_of(gateway: Gateway, role: str) -> dict[str, str]:
    async with gateway.runtime.database.transaction() as session:
        key = await auth.create_key(session, f"test-{role}", role=role, scope=[])
    return {"Authorization": f"Bearer {key}"}


async def _found(gateway: Gateway, **asked: Any) -> list[str]:
    """The bodies' connections and first external ids of what is found, newest first."""
    async with gateway.runtime.database.reading() as session:
        page = await service.listed(session, Selection(**asked), principal=SYSTEM)
    rows = await gateway.rows("SELECT delivery_id, external_id FROM delivery_item WHERE position = 0")
    ids = {row["delivery_id"]: row["external_id"] for row in rows}
    return [ids[each.id] for each in page.items]


def _moonshot(identifier: str, stage: str = "Moonshot") -> Any:
    return deal("standard", deal_id=identifier, stage=stage)


async def _send_standard(gateway: Gateway, *records: Any) -> None:
    for each in records:
        # A stage that the simulator has no name for is written into the body as it stands.
        await gateway.send(senders.deal_request(gateway.connection("standard"), each, event="created"))
    await gateway.understand()


async def test_deliveries_are_found_by_record_state_reason_and_time(gateway: Gateway) -> None:
    await _send_standard(gateway, deal("standard", deal_id="D-1"), _moonshot("D-2"), _moonshot("D-3", "Orbit"))
    salesforce = deal("salesforce")
    await gateway.send(senders.deal_request(gateway.connection("salesforce"), salesforce))
    await gateway.understand()

    assert await _found(gateway, external_id="D-2") == ["D-2"]
    assert await _found(gateway, state="parked") == ["D-3", "D-2"]
    assert await _found(gateway, text="moonSHOT") == ["D-2"]
    assert await _found(gateway, text="100%") == []
    assert await _found(gateway, connection="std", state="processed") == ["D-1"]
    assert await _found(gateway, external_id=salesforce.deal_id[:15]) == [salesforce.deal_id]
    times = await gateway.rows("SELECT received_at FROM delivery ORDER BY received_at")
    second, last = times[1]["received_at"], times[3]["received_at"]
    assert await _found(gateway, since=second, until=last) == ["D-3", "D-2"]
    assert await _found(gateway, until=times[0]["received_at"]) == []

    viewer = await key_of(gateway, "viewer")
    since = quote(second.isoformat())
    answer = await gateway.client.get(f"/api/v1/deliveries?text=stage&since={since}&external_id=D-3", headers=viewer)
    assert [each["state"] for each in answer.json()["items"]] == ["parked"]
    assert (await gateway.client.get("/api/v1/deliveries?since=yesterday", headers=viewer)).status_code == 422


async def test_a_selection_of_parked_deliveries_is_read_again_after_a_dry_run_has_said_which(gateway: Gateway) -> None:
    await _send_standard(gateway, _moonshot("D-1"), _moonshot("D-2"), _moonshot("D-3", "Orbit"))
    ops = await key_of(gateway, "sales_ops")
    asked = {"connection": "std", "text": "Moonshot"}

    dry = (await gateway.client.post("/api/v1/deliveries/replay", json=asked | {"dry_run": True}, headers=ops)).json()
    reasons = dry.pop("reasons")
    assert dry == {"dry_run": True, "deliveries": 2, "items": 2, "remaining": 0, "forgotten": 0}
    assert [(each["connection"], each["items"], each["deliveries"]) for each in reasons] == [("std", 2, 2)]
    assert "Moonshot" in reasons[0]["reason"]
    assert await gateway.value("SELECT count(*) FROM delivery WHERE state = 'parked'") == 3

    (document,) = (each for each in documents(SIMULATED) if each["key"] == "std")
    stages = document["mapping"]["stages"] | {"Moonshot": {"stage": "Qualify", "category": "pipeline"}}
    await gateway.put_connection(document | {"mapping": document["mapping"] | {"stages": stages}})
    done = (await gateway.client.post("/api/v1/deliveries/replay", json=asked, headers=ops)).json()
    assert (done["dry_run"], done["deliveries"], done["items"], done["remaining"]) == (False, 2, 2, 0)
    await gateway.understand()
    assert await _found(gateway, state="processed") == ["D-2", "D-1"]
    assert await _found(gateway, state="parked") == ["D-3"]
    audited = await gateway.rows("SELECT detail FROM audit_entry WHERE action = 'deliveries.replayed'")
    assert audited[-1]["detail"] == {"connection": "std", "text": "Moonshot", "deliveries": 2, "items": 2}


async def test_a_replay_leaves_out_what_was_forgotten_and_says_how_much(gateway: Gateway) -> None:
    await _send_standard(gateway, _moonshot("D-1"), _moonshot("D-2"))
    async with gateway.runtime.database.transaction() as session:
        connection = await session.connection()
        await connection.exec_driver_sql(
            "UPDATE delivery SET body = NULL WHERE id = (SELECT min(id::text)::uuid FROM delivery)"
        )
    async with gateway.runtime.database.transaction() as session:
        done = await service.replay_selected(session, Selection(), dry_run=False, principal=SYSTEM)

    assert (done.deliveries, done.items, done.forgotten) == (1, 1, 1)
    assert [each.items for each in done.reasons] == [1]


async def test_only_sales_ops_replay(gateway: Gateway) -> None:
    viewer = await key_of(gateway, "viewer")
    for dry_run in (True, False):
        answer = await gateway.client.post("/api/v1/deliveries/replay", json={"dry_run": dry_run}, headers=viewer)
        assert answer.status_code == 403
    ops = await key_of(gateway, "sales_ops")
    assert (
        await gateway.client.post("/api/v1/deliveries/replay", json={"conection": "std"}, headers=ops)
    ).status_code == 422


async def test_what_waits_is_shown_with_age_and_reason_and_the_list_is_empty_when_all_is_well(
    gateway: Gateway, crm: CrmState
) -> None:
    viewer = await key_of(gateway, "viewer")

    async def waiting(**parameters: Any) -> list[dict[str, Any]]:
        answer = await gateway.client.get(
            "/api/v1/deliveries/waiting", params={"older_than_s": 0} | parameters, headers=viewer
        )
        assert answer.status_code == 200
        return list(answer.json()["items"])

    hubspot = deal("hubspot")
    await gateway.send(senders.deal_request(gateway.connection("hubspot"), hubspot, event="created"))
    (unread,) = await waiting()
    assert (unread["state"], unread["reason"], unread["attempts"]) == ("accepted", "it has not been read yet", 0)
    assert 0 <= unread["age_s"] < 60
    assert await waiting(older_than_s=60) == []

    await gateway.understand()
    (pending,) = await waiting()
    assert (pending["state"], pending["object_type"], pending["external_id"]) == ("pending", "deal", hubspot.deal_id)
    assert pending["reason"] == "the CRM has not answered the fetch yet"

    await gateway.fetch()  # the CRM does not know the deal yet
    (asked_again,) = await waiting()
    assert asked_again["attempts"] == 1
    assert "does not know it yet" in asked_again["reason"]
    assert asked_again["next_attempt_at"] is not None

    crm.put_deal("hubspot", hubspot)
    async with gateway.runtime.database.transaction() as session:
        await (await session.connection()).exec_driver_sql("UPDATE fetch_signal SET due_at = clock_timestamp()")
    await gateway.fetch()
    assert await waiting() == []


async def test_a_paused_connection_explains_what_waits(gateway: Gateway) -> None:
    await gateway.send(senders.lead_request(gateway.connection("standard"), lead("standard")))
    (document,) = (each for each in documents(SIMULATED) if each["key"] == "std")
    await gateway.put_connection(document | {"state": "paused"})
    async with gateway.runtime.database.reading() as session:
        (found,) = (await service.waiting(session, principal=SYSTEM, older_than_s=0)).items
    assert found.reason == "the connection is paused"


async def test_a_search_by_record_uses_its_index(gateway: Gateway) -> None:
    async with gateway.runtime.database.transaction() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        found = await connection.exec_driver_sql(
            "EXPLAIN SELECT 1 FROM delivery d WHERE d.id IN (SELECT m.delivery_id FROM delivery_item m WHERE m.external_id = 'D-1')"
        )
        assert "delivery_item_by_record" in str(found.all())


class Terminal:
    """The gateway's commands in a process-like surrounding: settings from the environment, a loop of their own."""

    def __init__(self, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = gateway.runtime.settings
        monkeypatch.setenv("FORETELL_DATABASE_URL", settings.database_url.get_secret_value())
        monkeypatch.setenv("FORETELL_SECRETS_KEY", settings.secrets_key.get_secret_value())

    async def run(self, *arguments: str) -> tuple[int, list[str]]:
        done = await asyncio.to_thread(CliRunner().invoke, app, list(arguments))
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        return done.exit_code, (done.stdout + done.stderr).splitlines()


async def test_the_terminal_lists_shows_and_replays(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    await _send_standard(gateway, deal("standard", deal_id="D-1"), _moonshot("D-2"))
    terminal = Terminal(gateway, monkeypatch)

    status, lines = await terminal.run("deliveries", "list", "--query", "state:parked since:1h Moonshot")
    assert (status, lines[-1]) == (0, "1 deliveries")
    assert "parked" in lines[0]
    identifier = lines[0].split("  ")[1]

    status, lines = await terminal.run("deliveries", "show", identifier)
    assert status == 0
    assert any("Add it to stages" in each or "stages" in each for each in lines)
    assert "Bakery" in lines[-1]

    status, lines = await terminal.run("deliveries", "replay", "--query", "id:D-2", "--dry-run")
    assert (status, lines[-1]) == (0, "1 parked items in 1 deliveries would be read again")
    status, lines = await terminal.run("deliveries", "replay", "--query", "id:D-2")
    assert (status, lines[-1]) == (0, "1 parked items in 1 deliveries are read again")
    status, lines = await terminal.run("deliveries", "waiting", "--older-than-s", "0")
    assert status == 1
    assert "it has not been read yet" in lines[0]

    status, lines = await terminal.run("deliveries", "tail", "--connection", "std")
    assert status == 0
    assert [each.split("  ")[3] for each in lines] == ["processed", "accepted"]
    status, lines = await terminal.run("deliveries", "tail", "--state", "parkd")
    assert (status, lines) == (1, ["There is no state parkd; there are accepted, pending, processed, parked."])
    status, lines = await terminal.run("deliveries", "list", "--query", "stat:parked")
    assert status == 1
    assert "stat cannot be asked for" in lines[0]


async def test_a_line_tells_what_became_of_a_delivery(gateway: Gateway) -> None:
    await _send_standard(gateway, _moonshot("D-2"))
    async with gateway.runtime.database.reading() as session:
        (each,) = (await service.listed(session, Selection(), principal=SYSTEM)).items
    parts = line(each).split("  ")
    assert parts[2:6] == ["std", "parked", "deal", "parked 1"]
    assert clock.now() - each.received_at < timedelta(minutes=1)
