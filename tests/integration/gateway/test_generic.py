"""A CRM that nobody coded for, connected by one YAML document: from its signed deliveries to canonical deals."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest
import yaml
from sqlalchemy import text

from gateway.connections import service
from gateway.connections.cli import parsed
from gateway.connections.service import FetchNotAllowed, SecretsMissing
from gateway.connectors.fetching import MAX_ABSENCES
from gateway.connectors.worker import run_fetching
from libs.common import clock
from libs.common.ids import entity_id
from libs.common.web.auth import Principal
from simulator.senders import Request
from tests.integration.gateway.conftest import Gateway
from tests.support.northwind import NORTHWIND, SECRET, Northwind

pytestmark = pytest.mark.asyncio


@pytest.fixture
def crm() -> Northwind:
    return Northwind()


async def _connect(gateway: Gateway, **changes: Any) -> str:
    (document,) = parsed(NORTHWIND)
    return await gateway.put_connection(document.model_dump(mode="json", exclude_defaults=True) | changes)


async def _events(gateway: Gateway) -> list[dict[str, Any]]:
    return [orjson.loads(row["data"]) for row in await gateway.rows("SELECT data FROM outbox ORDER BY position")]


async def test_a_crm_that_nobody_coded_for_is_connected_by_one_document(gateway: Gateway, crm: Northwind) -> None:
    assert await _connect(gateway) == "created"
    assert await _connect(gateway) == "unchanged"
    answer = await gateway.send(crm.request(crm.change(1, "new"), {"kind": "note", "ref": 1}))
    assert (answer.status_code, answer.json()) == (202, {"ok": True})
    await gateway.understand()
    (deal,) = await _events(gateway)
    assert (deal["amount"], deal["currency"], deal["stage"], deal["state"]) == ("1000.01", "EUR", "Propose", "open")
    assert (deal["stage_probability"], deal["close_date"]) == ("0.4", "2026-12-18")
    assert deal["owner_id"] == str(entity_id("northwind", "user", "5"))
    outcomes = await gateway.rows("SELECT outcome FROM delivery_item ORDER BY position")
    assert [row["outcome"] for row in outcomes] == ["applied", "ignored"]
    assert await gateway.value("SELECT state FROM delivery") == "processed"


async def test_its_deliveries_in_any_order_and_number_end_in_its_state(gateway: Gateway, crm: Northwind) -> None:
    await _connect(gateway)
    history = [
        crm.request(crm.change(1, "new")),
        crm.request(crm.change(2), crm.change(3, cents=5)),
        crm.request(crm.change(4, "del")),
        crm.request(crm.change(5, "undel", stamp=crm.at(3)), crm.change(6, phase="won")),
    ]
    ends = set()
    for order in itertools.permutations(history):
        async with gateway.runtime.database.transaction() as session:
            for table in ("delivery_item", "delivery_claim", "source_record", "delivery", "outbox"):
                await session.execute(text(f"DELETE FROM {table}"))  # noqa: S608
        for request in (*order, order[0], order[2]):
            assert (await gateway.send(request)).status_code == 202
        await gateway.understand()
        (row,) = await gateway.rows("SELECT deleted, digest, canonical->>'state' AS state FROM source_record")
        ends.add((row["deleted"], row["state"], row["digest"]))
        outcomes = await gateway.rows("SELECT outcome, count(*) AS n FROM delivery_item GROUP BY 1")
        counted = {each["outcome"]: each["n"] for each in outcomes}
        repeated = len(orjson.loads(order[0].body)["changes"]) + len(orjson.loads(order[2].body)["changes"])
        assert counted["duplicate"] == repeated
        assert counted["applied"] + counted.get("superseded", 0) == 6
    assert [(deleted, state) for deleted, state, _ in ends] == [(False, "won")]


async def test_what_is_not_signed_as_the_document_says_is_refused_and_nothing_is_stored(
    gateway: Gateway, crm: Northwind
) -> None:
    await _connect(gateway)
    good = crm.request(crm.change(1))
    signature = good.headers["X-North-Signature"]

    def headers(**changes: str) -> dict[str, str]:
        return good.headers | {name.replace("_", "-"): value for name, value in changes.items()}

    refused = [
        Request("POST", good.url, good.headers, good.body + b" "),
        Request("POST", good.url, headers(X_North_Delivery="other"), good.body),
        Request("POST", good.url, headers(X_North_Signature=signature[:-1] + "z"), good.body),
        Request("POST", good.url, headers(X_North_Signature=signature.partition(",")[2]), good.body),
        Request("POST", good.url, headers(X_North_Signature=signature.partition(",")[0]), good.body),
        Request("POST", good.url, {"Content-Type": "application/json"}, good.body),
        Request("POST", good.url, headers(Content_Type="text/plain"), good.body),
        Request("POST", good.url, good.headers, b" " * 2_000_000),
        crm.request(crm.change(1), secret="guessed"),
        crm.request(crm.change(1), at=clock.now() - timedelta(minutes=6)),
        crm.request(crm.change(1), at=clock.now() + timedelta(minutes=6)),
    ]
    for request in refused:
        assert (await gateway.send(request)).status_code == 403
    assert await gateway.value("SELECT count(*) FROM delivery") == 0
    for secret in (SECRET, "the-new-one"):
        assert (await gateway.send(crm.request(crm.change(1), secret=secret))).status_code == 202


async def test_only_what_the_document_names_is_kept_of_a_request(gateway: Gateway, crm: Northwind) -> None:
    await _connect(gateway)
    await gateway.send(crm.request(crm.change(1), delivery="d-1"))
    kept = await gateway.value("SELECT headers FROM delivery")
    assert kept.pop("user-agent").startswith("python-httpx")
    assert kept == {"content-type": "application/json", "x-north-delivery": "d-1", "?tenant": "eu"}


async def _settle(gateway: Gateway, crm: Northwind) -> None:
    gateway.crm = httpx.MockTransport(crm.answer)
    await gateway.understand()
    for _ in range(10):
        await gateway.fetch()
        if not await gateway.value("SELECT count(*) FROM fetch_signal"):
            return
        async with gateway.runtime.database.transaction() as session:
            await session.execute(text("UPDATE fetch_signal SET due_at = clock_timestamp()"))


async def test_items_without_a_record_are_fetched_in_batches(gateway: Gateway, crm: Northwind) -> None:
    document = yaml.safe_load(NORTHWIND)
    document["source"]["fetch"]["batch"] = 2
    await _connect(gateway, source=document["source"])
    touched = [crm.change(1, "upd", ref=ref) for ref in ("77", "78", "79")]
    for each in touched:
        crm.records[each["ref"]] = each.pop("body") | {"stamp": crm.at(9)}
    await gateway.send(crm.request(*touched))
    await _settle(gateway, crm)
    assert len(await _events(gateway)) == 3
    assert [request.url.params["ref"].count(",") + 1 for request in crm.asked] == [2, 1]
    assert {request.headers["authorization"] for request in crm.asked} == {"Bearer only-if-records-are-fetched"}
    assert await gateway.value("SELECT count(*) FROM delivery WHERE state <> 'processed'") == 0


async def test_a_record_that_the_crm_does_not_know_is_parked_and_never_deleted(
    gateway: Gateway, crm: Northwind
) -> None:
    await _connect(gateway)
    known = crm.change(1)
    await gateway.send(crm.request(known))
    touched = crm.change(2, "upd")
    del touched["body"]
    await gateway.send(crm.request(touched))
    await _settle(gateway, crm)
    assert len(crm.asked) == MAX_ABSENCES
    assert await gateway.value("SELECT deleted FROM source_record") is False
    assert await gateway.value("SELECT count(*) FROM delivery WHERE state = 'parked'") == 1


async def test_a_document_that_may_not_be_fetched_by_is_refused_when_it_is_put(gateway: Gateway) -> None:
    document = yaml.safe_load(NORTHWIND)
    for base in ("http://crm.elsewhere", "https://169.254.169.254", "https://[::1]"):
        document["source"]["fetch"]["base"] = base
        with pytest.raises(FetchNotAllowed):
            await _connect(gateway, source=document["source"])


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await holds():  # noqa: ASYNC110 - what is waited for is in another process's reach: there is no event
            await asyncio.sleep(0.1)


async def _answers(gateway: Gateway, request: Request, status: int) -> bool:
    return (await gateway.send(request)).status_code == status


async def test_the_worker_never_asks_an_address_inside(gateway: Gateway, crm: Northwind) -> None:
    document = yaml.safe_load(NORTHWIND)
    document["source"]["fetch"]["base"] = "https://localhost:8080/api"
    await _connect(gateway, source=document["source"])
    touched = crm.change(1, "upd")
    del touched["body"]
    await gateway.send(crm.request(touched))
    await gateway.understand()
    fetching = asyncio.create_task(run_fetching(gateway.runtime))

    async def is_refused() -> bool:
        (row,) = await gateway.rows("SELECT last_error FROM fetch_signal")
        return "no host of the public internet" in (row["last_error"] or "")

    await _until(is_refused)
    fetching.cancel()
    await asyncio.gather(fetching, return_exceptions=True)


async def test_a_changed_document_is_used_at_once_and_keeps_its_secrets(gateway: Gateway, crm: Northwind) -> None:
    await _connect(gateway)
    assert (await gateway.send(crm.request(crm.change(1)))).status_code == 202
    document = yaml.safe_load(NORTHWIND)
    del document["secrets"]
    document["source"]["answers"]["success"] = {"status": 204}
    assert await gateway.put_connection(document) == "changed"
    await _until(lambda: _answers(gateway, crm.request(crm.change(2)), 204))
    document["source"]["auth"] = {"kind": "basic"}
    with pytest.raises(SecretsMissing, match=r"needs secrets\.password, secrets\.username"):
        await gateway.put_connection(document)


async def test_the_api_shows_the_source_and_where_the_secret_of_a_path_belongs(gateway: Gateway) -> None:
    document = yaml.safe_load(NORTHWIND)
    document["source"]["auth"] = {"kind": "path"}
    await _connect(gateway, source=document["source"])
    async with gateway.runtime.database.reading() as session:
        listed = await service.listed(
            session,
            settings=gateway.runtime.settings,
            principal=Principal.system("test"),  # type: ignore[arg-type]
        )
    (shown,) = [each for each in listed if each.key == "northwind"]
    assert shown.webhook_url == "http://testserver/webhooks/northwind/{path_secret}"
    assert shown.settings["source"]["auth"] == [{"kind": "path"}]
    assert SECRET not in shown.model_dump_json()
