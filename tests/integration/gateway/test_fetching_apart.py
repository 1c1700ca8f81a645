"""Fetches of one CRM stand in nobody else's way, and survive trouble of the database while the CRM answers."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from gateway.connections.cache import Connections
from gateway.connectors.fetching import Fetcher
from simulator import senders
from simulator.connections import documents
from simulator.fakecrm.state import CrmState
from tests.integration.gateway.conftest import SIMULATED, Gateway
from tests.integration.gateway.records import deal

pytestmark = pytest.mark.asyncio

SLOW_TOKEN = "slow-token"


class _Before(httpx.AsyncBaseTransport):
    """Does something before each answer of the CRM."""

    def __init__(self, inner: httpx.AsyncBaseTransport, act: Callable[[httpx.Request], Any]) -> None:
        self.inner, self.act = inner, act

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self.act(request)
        return await self.inner.handle_async_request(request)


async def _signal(gateway: Gateway, crm: CrmState) -> None:
    crm.put_deal("hubspot", deal("hubspot"))
    await gateway.send(senders.deal_request(gateway.connection("hubspot"), deal("hubspot")))
    await gateway.understand()


async def test_an_answer_is_stored_although_the_database_ended_every_session_meanwhile(
    gateway: Gateway, crm: CrmState
) -> None:
    await _signal(gateway, crm)
    assert gateway.crm is not None
    ended = False

    async def end_sessions(_request: httpx.Request) -> None:
        nonlocal ended
        if ended:
            return
        ended = True
        async with gateway.runtime.database.direct() as connection:
            await connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
                )
            )

    gateway.crm = _Before(gateway.crm, end_sessions)
    assert await gateway.fetch() == 1
    assert await gateway.value("SELECT count(*) FROM fetch_signal") == 0
    assert await gateway.value("SELECT count(*) FROM source_record") == 1


async def test_a_crm_that_does_not_answer_delays_no_other(gateway: Gateway, crm: CrmState) -> None:
    await _signal(gateway, crm)
    (document,) = (each for each in documents(SIMULATED) if each["key"] == "hub")
    secrets = document["secrets"] | {"api_token": SLOW_TOKEN}
    await gateway.put_connection(document | {"key": "slow", "secrets": secrets})
    async with gateway.runtime.database.transaction() as session:
        await session.execute(
            text(
                """
                INSERT INTO fetch_signal (connection, object_type, external_id, signalled_seq, received_at, due_at)
                SELECT 'slow', 'deal', n::text, n, now(), now() - interval '1 hour' FROM generate_series(1, 1000) n
                """
            )
        )
    silent = asyncio.Event()
    asked = 0

    async def hold(request: httpx.Request) -> None:
        nonlocal asked
        if SLOW_TOKEN in request.headers["authorization"]:
            asked += "associations" not in request.url.path
            await silent.wait()

    assert gateway.crm is not None
    database, settings = gateway.runtime.database, gateway.runtime.settings
    async with (
        httpx.AsyncClient(transport=_Before(gateway.crm, hold)) as http,
        Fetcher(database, settings, Connections(database, settings), http) as fetcher,  # type: ignore[arg-type]
    ):
        for _ in range(100):
            await fetcher.start_due()
            if not await gateway.value("SELECT count(*) FROM fetch_signal WHERE connection = 'hub'"):
                break
            await asyncio.sleep(0.02)
    assert asked == settings.fetch_concurrency  # type: ignore[attr-defined]
    assert await gateway.value("SELECT count(*) FROM fetch_signal WHERE connection = 'hub'") == 0
    assert await gateway.value("SELECT count(*) FROM fetch_signal WHERE lease > 0") == 400


async def test_what_is_being_fetched_is_finished_when_the_next_start_fails(gateway: Gateway, crm: CrmState) -> None:
    await _signal(gateway, crm)
    asked, answer = asyncio.Event(), asyncio.Event()

    async def hold(_request: httpx.Request) -> None:
        asked.set()
        await answer.wait()

    assert gateway.crm is not None
    database, settings = gateway.runtime.database, gateway.runtime.settings

    async def work() -> None:
        async with (
            httpx.AsyncClient(transport=_Before(gateway.crm, hold)) as http,  # type: ignore[arg-type]
            Fetcher(database, settings, Connections(database, settings), http) as fetcher,  # type: ignore[arg-type]
        ):
            await fetcher.start_due()
            await asked.wait()
            asyncio.get_running_loop().call_later(0.1, answer.set)
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await work()
    assert await gateway.value("SELECT count(*) FROM fetch_signal") == 0
    assert await gateway.value("SELECT count(*) FROM source_record") == 1
