"""Connections as data: read without secrets, put by address, noted in the audit trail, counted in one statement."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from gateway.auth import service as auth
from gateway.connections import service
from gateway.connections.secrets import WrongSecretsKey
from gateway.deliveries import service as deliveries
from libs.common import clock
from libs.common.web.auth import Principal
from simulator import senders
from simulator.connections import documents
from tests.integration.gateway.conftest import SIMULATED, Gateway
from tests.integration.gateway.records import deal

pytestmark = pytest.mark.asyncio

SECRETS = ("hub-secret", "hub-token", "path-secret", "sf-token", "pipe-secret", "pipe-token", "whsec_", "new-secret")


async def _key(gateway: Gateway, role: str) -> dict[str, str]:
    async with gateway.runtime.database.transaction() as session:
        key = await auth.create_key(session, f"connections-{role}", role=role, scope=[])
    return {"Authorization": f"Bearer {key}"}


def _document(of: str, /, **changes: Any) -> dict[str, Any]:
    (document,) = (each for each in documents(SIMULATED) if each["key"] == of)
    return document | changes


def _without_secrets(of: str, /, **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in _document(of, **changes).items() if name != "secrets"}


async def test_a_connection_is_read_as_it_can_be_put_again(gateway: Gateway) -> None:
    ops = await _key(gateway, "sales_ops")
    for key in ("hub", "sf", "pipe", "std"):
        url = f"/api/v1/connections/{key}"
        shown = (await gateway.client.get(url, headers=ops)).json()
        answer = await gateway.client.put(url, headers=ops, json=shown["document"])
        assert (answer.status_code, answer.json()["result"]) == (200, "unchanged")
        assert answer.json()["connection"] == shown
        assert shown["secrets"] == sorted(_document(key)["secrets"])
        assert not [secret for secret in SECRETS if secret in answer.text]


async def test_a_connection_is_created_changed_and_remapped_by_its_address(gateway: Gateway) -> None:
    ops = await _key(gateway, "sales_ops")
    url = "/api/v1/connections/other"
    document = _document("std", key="other", state="paused")
    mapping = document["mapping"] | {"currency": "USD"}
    puts = [
        document,
        _without_secrets("std", key="other", state="paused", name="Other"),
        _without_secrets("std", key="other", state="paused", name="Other", mapping=mapping),
        _without_secrets("std", key="other", state="paused", name="Other", mapping=mapping),
    ]
    answers = [await gateway.client.put(url, headers=ops, json=each) for each in puts]
    assert [each.json()["result"] for each in answers] == ["created", "changed", "remapped", "unchanged"]
    last = answers[-1].json()["connection"]
    assert (last["mapping_version"], last["name"], last["document"]["mapping"]["currency"]) == (2, "Other", "USD")
    assert last["secrets"] == ["secret"], "left out, the secrets keep their values"
    trail = await gateway.rows(
        "SELECT action, detail FROM audit_entry WHERE object = 'connection:other' ORDER BY at DESC LIMIT 3"
    )
    assert [each["action"] for each in trail] == ["connection.remapped", "connection.changed", "connection.created"]
    assert trail[0]["detail"] == {"state": "paused", "mapping_version": 2}


async def test_secrets_are_replaced_and_never_told(gateway: Gateway) -> None:
    ops = await _key(gateway, "sales_ops")
    document = _document("hub", secrets={"client_secret": ["hub-secret", "new-secret"], "api_token": "hub-token"})
    answer = await gateway.client.put("/api/v1/connections/hub", headers=ops, json=document)
    assert answer.json()["result"] == "changed"
    assert answer.json()["connection"]["secrets"] == ["api_token", "client_secret"]
    wrong = await gateway.client.put(
        "/api/v1/connections/hub", headers=ops, json=document | {"secrets": {"api_token": "hub-token"}}
    )
    assert (wrong.status_code, "secrets.client_secret" in wrong.json()["detail"]) == (422, True)
    found = await gateway.client.get("/api/v1/connections/hub", headers=ops)
    for each in (answer, wrong, found):
        assert not [secret for secret in SECRETS if secret in each.text]


async def test_everybody_signed_in_reads_and_only_sales_ops_put(gateway: Gateway) -> None:
    url, document = "/api/v1/connections/std", _without_secrets("std", name="Renamed")
    assert (await gateway.client.get(url)).status_code == 401
    assert (await gateway.client.put(url, json=document)).status_code == 401
    for role in ("viewer", "seller", "manager", "finance"):
        key = await _key(gateway, role)
        assert (await gateway.client.get(url, headers=key)).status_code == 200
        assert (await gateway.client.put(url, headers=key, json=document)).status_code == 403
    assert await gateway.value("SELECT name FROM connection WHERE key = 'std'") != "Renamed"
    admin = await _key(gateway, "admin")
    assert (await gateway.client.put(url, headers=admin, json=document)).json()["result"] == "changed"


async def test_a_document_of_another_connection_or_with_mistakes_is_refused_with_the_place(gateway: Gateway) -> None:
    ops = await _key(gateway, "sales_ops")
    before = await gateway.rows("SELECT * FROM connection ORDER BY key")

    async def refused(key: str, document: dict[str, Any]) -> tuple[int, str, str]:
        answer = await gateway.client.put(f"/api/v1/connections/{key}", headers=ops, json=document)
        assert answer.headers["content-type"] == "application/problem+json"
        told = answer.json()
        return answer.status_code, told["title"], told["detail"]

    assert await refused("hub", _document("std")) == (
        422, "other key", "The document is of connection 'std', the address of 'hub'.",
    )  # fmt: skip
    status, _, detail = await refused("std", _document("std", mapping={"amounts": "pennies"}))
    assert (status, detail.startswith("body.mapping.amounts: ")) == (422, True)
    status, _, detail = await refused("std", _document("std", name="a\x00b"))
    assert (status, "name holds a character" in detail) == (422, True)
    status, title, _ = await refused("std", _document("std", provider="pipedrive", secrets=None))
    assert (status, title) == (409, "provider is fixed")
    status, title, _ = await refused("fresh", _without_secrets("std", key="fresh"))
    assert (status, title) == (422, "secrets missing")
    assert (await gateway.client.get("/api/v1/connections/fresh", headers=ops)).status_code == 404
    assert await gateway.rows("SELECT * FROM connection ORDER BY key") == before


async def test_what_came_from_each_connection_is_counted_whatever_its_age(gateway: Gateway) -> None:
    for name in ("D-1", "D-2"):
        await gateway.send(senders.deal_request(gateway.connection("standard"), deal("standard", deal_id=name)))
    await gateway.send(
        senders.deal_request(gateway.connection("standard"), deal("standard", deal_id="D-3", stage="Unheard"))
    )
    await gateway.send(senders.deal_request(gateway.connection("hubspot"), deal("hubspot")))
    await gateway.understand()
    await gateway.send(senders.deal_request(gateway.connection("pipedrive"), deal("pipedrive")))

    async def counted(since_hours: int) -> dict[str, tuple[int, ...]]:
        async with gateway.runtime.database.reading() as session:
            found = await deliveries.arrived(
                session, principal=Principal.system("test"), since=clock.now() - timedelta(hours=since_hours)
            )
        return {
            key: (each.accepted, each.pending, each.processed, each.parked, each.all_parked, each.waiting)
            for key, each in found.items()
        }

    assert await counted(24) == {
        "hub": (0, 1, 0, 0, 0, 1), "pipe": (1, 0, 0, 0, 0, 1), "sf": (0, 0, 0, 0, 0, 0), "std": (0, 0, 2, 1, 1, 0),
    }  # fmt: skip
    assert await counted(-1) == {
        "hub": (0, 0, 0, 0, 0, 1), "pipe": (0, 0, 0, 0, 0, 1), "sf": (0, 0, 0, 0, 0, 0), "std": (0, 0, 0, 0, 1, 0),
    }  # fmt: skip
    async with gateway.runtime.database.reading() as session:
        found = await deliveries.arrived(session, principal=Principal.system("test"), since=clock.now())
    assert (found["sf"].last_at, found["std"].oldest_waiting_at) == (None, None)
    assert found["hub"].oldest_waiting_at == found["hub"].last_at


async def test_the_key_of_secrets_is_replaced_while_deliveries_go_on(gateway: Gateway) -> None:
    """As docs/runbooks/rotation.md does it: both keys, seal anew, the new key alone."""
    settings = gateway.runtime.settings
    old, new = settings.secrets_key, SecretStr(Fernet.generate_key().decode())
    both = settings.model_copy(update={"secrets_key": SecretStr(f"{new.get_secret_value()},{old.get_secret_value()}")})
    alone = settings.model_copy(update={"secrets_key": new})
    database = gateway.runtime.database

    async def readable(by: Any) -> int:
        async with database.reading() as session:
            return len(await service.load(session, settings=by))

    connections = await readable(settings)
    assert await readable(both) == connections > 3, "before anything is sealed anew both keys are read"
    with pytest.raises(WrongSecretsKey):
        await readable(alone)

    async with database.transaction() as session:
        assert await service.seal_anew(session, settings=both, principal=Principal.system("gateway")) == connections

    assert await readable(alone) == await readable(both) == connections
    with pytest.raises(WrongSecretsKey):
        await readable(settings)
