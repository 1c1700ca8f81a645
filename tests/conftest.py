"""Fixtures: real PostgreSQL, real broker, apps with real tokens. Nothing of our own is replaced."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import structlog
from hypothesis import HealthCheck, settings
from pytest_socket import socket_allow_hosts

from libs.common import clock
from libs.common.config import CommonSettings
from libs.common.db import Database
from libs.common.process import runtime_for
from libs.common.web.api import create_app
from tests.support.brokers import TestBroker
from tests.support.databases import DatabaseServer, component_of

settings.register_profile(
    "ci",
    max_examples=50,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile(
    "nightly",
    max_examples=2000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# What is logged of an exception is its traceback alone: drawn with everything that stood in its frames it takes minutes.
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_runtest_setup() -> None:
    """Tests speak to this machine only, and pass on any day: FORETELL_CLOCK_OFFSET_S moves a run in time as it does a system."""
    clock.set_offset(float(os.environ.get("FORETELL_CLOCK_OFFSET_S", "0")))
    socket_allow_hosts(["127.0.0.1", "localhost", "::1"], allow_unix_socket=True)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets beside the checkout; required in CI, skipped loudly without it elsewhere."""
    return _beside("data")


@pytest.fixture(scope="session")
def shared_schemas() -> Path:
    """The folder of schemas of custom resources beside the checkout; required and skipped as `shared_data` is."""
    return _beside("schemas/crds")


def _beside(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"{folder} is missing; CI requires it")
        pytest.skip(f"{folder} is missing: the test that needs it is NOT RUN")
    return folder


@pytest.fixture(scope="session")
def database_server() -> Iterator[DatabaseServer]:
    server = DatabaseServer()
    yield server
    server.close()


@pytest.fixture
def settings_for(database_server: DatabaseServer) -> Iterator[Callable[..., CommonSettings]]:
    """`settings_for("deals")`: settings on a fresh, migrated database that is dropped after the test."""
    made: list[CommonSettings] = []

    def make(name: str) -> CommonSettings:
        made.append(database_server.copy_for(name))
        return made[-1]

    yield make
    for used in made:
        database_server.drop(used)


@pytest_asyncio.fixture
async def database_for(settings_for: Callable[..., CommonSettings]) -> AsyncIterator[Callable[[str], Database]]:
    """`database_for("deals")`: a Database on a fresh, migrated database, as the app role."""
    opened: list[Database] = []

    def make(name: str) -> Database:
        opened.append(Database(settings_for(name)))
        return opened[-1]

    yield make
    for database in opened:
        await database.close()


@pytest_asyncio.fixture
async def api_for(settings_for: Callable[..., CommonSettings]) -> AsyncIterator[Callable[..., Any]]:
    """`client, runtime = api_for("deals")`: an HTTP client on the component's real app and database."""
    opened: list[Any] = []

    def make(name: str) -> tuple[httpx.AsyncClient, Any]:
        component = component_of(name)
        runtime = runtime_for(component, settings_for(name))
        transport = httpx.ASGITransport(app=create_app(component, runtime), raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url="http://testserver")
        opened.extend((client, runtime))
        return client, runtime

    yield make
    for thing in opened:
        if isinstance(thing, httpx.AsyncClient):
            await thing.aclose()
        else:
            await thing.database.close()


@pytest.fixture(scope="session")
def broker() -> Iterator[TestBroker]:
    running = TestBroker()
    yield running
    running.close()
