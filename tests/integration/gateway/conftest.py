"""A gateway with four connections, driven at its real door; the CRM behind it is the simulated one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy import text

from gateway.connections import service as connections
from gateway.connections.cache import Connections
from gateway.connections.schemas import ConnectionIn
from gateway.connectors.fetching import Fetcher
from gateway.connectors.worker import understand_batch
from gateway.webhooks.routes import keep_storing
from libs.common.config import CommonSettings
from libs.common.process import runtime_for
from libs.common.runtime import Runtime
from libs.common.web.api import create_app
from libs.common.web.auth import Principal
from simulator.config import SimConfig, SimConnection
from simulator.connections import documents
from simulator.fakecrm.app import create_app as create_crm
from simulator.fakecrm.state import CrmState
from simulator.senders import Request
from tests.support.databases import DatabaseServer, component_of

SIMULATED = SimConfig.model_validate(
    {
        "gateway": "http://testserver",
        "port": 1,
        "connections": {
            "hubspot": {
                "key": "hub",
                "client_secret": "hub-secret",
                "api_token": "hub-token",
                "portal_id": "62515",
            },
            "salesforce": {
                "key": "sf",
                "path_secret": "path-secret",
                "api_token": "sf-token",
                "organization_id": "00D7F00000107XsUAI",
            },
            "pipedrive": {"key": "pipe", "username": "foretell", "password": "pipe-secret", "api_token": "pipe-token"},
            "standard": {"key": "std", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
        },
    }
)


@dataclass
class Gateway:
    """The running gateway: its door, its database, and its workers, stepped by hand."""

    client: httpx.AsyncClient
    runtime: Runtime
    crm: httpx.AsyncBaseTransport | None = None

    def connection(self, provider: Any) -> SimConnection:
        return SIMULATED.connection(provider)

    async def send(self, request: Request, **headers: str) -> httpx.Response:
        return await self.client.request(
            request.method, request.url, headers=request.headers | headers, content=request.body
        )

    async def understand(self) -> None:
        """Understand all that is stored, without fetching."""
        database, settings = self.runtime.database, self.runtime.settings
        cache = Connections(database, settings)
        while (await understand_batch(database, settings, cache)).deliveries:
            pass

    async def fetch(self) -> int:
        """Fetch what is due from `crm`, once, and wait for all of it; returns how many records were asked for."""
        database, settings = self.runtime.database, self.runtime.settings
        before = asyncio.all_tasks()
        async with (
            httpx.AsyncClient(transport=self.crm, timeout=5) as http,
            Fetcher(database, settings, Connections(database, settings), http) as fetcher,
        ):
            count = await fetcher.start_due()
            begun = asyncio.all_tasks() - before
            await asyncio.gather(*(task for task in begun if task.get_name().startswith("fetch-")))
            return count

    async def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        async with self.runtime.database.reading() as session:
            return [dict(row) for row in (await session.execute(text(query), parameters)).mappings()]

    async def value(self, query: str, **parameters: Any) -> Any:
        (row,) = await self.rows(query, **parameters)
        (value,) = row.values()
        return value

    async def put_connection(self, document: dict[str, Any]) -> str:
        async with self.runtime.database.transaction() as session:
            return await connections.put(
                session,
                ConnectionIn.model_validate(document),
                settings=self.runtime.settings,
                principal=Principal.system("test"),
            )


MATCH_KEY = "a secret of this deployment"
TABLES = (
    "comparison_wish", "write_back", "reading_refused", "activity_clock",
    "item_edit", "delivery_item", "delivery_claim", "fetch_signal", "source_record", "delivery", "person", "person_erased", "match_secret", "connection",
    "outbox",
)  # fmt: skip


@pytest.fixture(scope="session")
def gateway_settings(database_server: DatabaseServer) -> Iterator[CommonSettings]:
    """One migrated database for all tests of the gateway; each test begins with empty tables."""
    settings = database_server.copy_for("gateway")
    yield settings
    database_server.drop(settings)


@pytest_asyncio.fixture
async def gateway(gateway_settings: CommonSettings) -> AsyncIterator[Gateway]:
    component = component_of("gateway")
    # Tests understand by hand what they have sent; that which is understood at once has its own.
    chosen = {"understand_at_once": 0, "match_key": SecretStr(MATCH_KEY)}
    runtime = runtime_for(component, gateway_settings.model_copy(update=chosen))
    transport = httpx.ASGITransport(app=create_app(component, runtime), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        async with runtime.database.transaction() as session:
            for table in TABLES:
                await session.execute(text(f"DELETE FROM {table}"))  # noqa: S608
        storing = asyncio.create_task(keep_storing(runtime))
        made = Gateway(client, runtime)
        for document in documents(SIMULATED):
            await made.put_connection(document)
        yield made
        storing.cancel()
        await asyncio.gather(storing, return_exceptions=True)
    await runtime.database.close()


@pytest.fixture
def crm(gateway: Gateway) -> CrmState:
    """The simulated CRM that the gateway fetches from."""
    state = CrmState()
    tokens = {each: SIMULATED.connection(each).secrets["api_token"] for each in ("hubspot", "salesforce", "pipedrive")}
    gateway.crm = httpx.ASGITransport(app=create_crm(state, tokens))
    return state
