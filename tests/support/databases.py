"""Real databases for tests: one server per worker, a migrated template per component, a fresh copy per test."""

import asyncio
import importlib
import secrets
import tempfile
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from deploy.local.children import Terminal
from deploy.local.ports import free_port
from deploy.local.postgres import Passwords, Postgres
from libs.common import migrations
from libs.common.config import CommonSettings
from libs.common.messaging import schema
from libs.common.runtime import Component
from tests.support.keys import SIGNING_KEY, VERIFY_KEYS

MESSAGING = "messaging"
"""A database with the messaging tables and nothing else."""

COMPONENTS = ("gateway", "leads", "deals", "pricing", "forecast")


def package_of(name: str) -> str:
    return name if name == "gateway" else f"services.{name}"


def component_of(name: str) -> Component:
    """The component as its process would import it."""
    component: Component = importlib.import_module(f"{package_of(name)}.component").COMPONENT
    return component


class DatabaseServer:
    """A PostgreSQL server of this test run. Not thread safe."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="foretell-test-")
        home = Path(self._folder.name)
        home.chmod(0o755)
        passwords = Passwords(*(secrets.token_hex(8) for _ in range(3)))
        self.postgres = Postgres(
            home, port=free_port(), passwords=passwords, terminal=Terminal(quiet=True), databases=()
        )
        self.postgres.start()
        self._templates: set[str] = set()
        self._copies = 0

    def close(self) -> None:
        self.postgres.stop()
        self._folder.cleanup()

    def copy_for(self, name: str) -> CommonSettings:
        """Settings of component `name` on a fresh, migrated database."""
        template = f"template_{name}"
        if name not in self._templates:
            self.postgres.create_database(template)
            _in_thread(self._migrate, name, self.postgres.url(template, owner=True))
            self._templates.add(name)
        return self.settings(name, self.copy(template))

    def copy(self, source: str, name: str | None = None) -> str:
        """A copy of a database that nobody is connected to; returns its name."""
        self._copies += 1
        copy = name or f"{source.removeprefix('template_')}_{self._copies}"
        self.postgres.sql(f'CREATE DATABASE "{copy}" OWNER foretell_owner TEMPLATE "{source}" STRATEGY wal_log')
        return copy

    async def _migrate(self, name: str, url: str) -> None:
        if name == MESSAGING:
            await _only_messaging(url)
        else:
            await migrations.upgrade(package_of(name), url)

    def settings(self, name: str, database: str, **overrides: object) -> CommonSettings:
        given: dict[str, object] = {
            "database_url": SecretStr(self.postgres.url(database)),
            "owner_database_url": SecretStr(self.postgres.url(database, owner=True)),
            "internal_verify_keys": VERIFY_KEYS,
            "internal_signing_key": SecretStr(SIGNING_KEY),
            "database_pool_size": 4,
            **_extra(name),
            **overrides,
        }
        return (CommonSettings if name == MESSAGING else component_of(name).settings)(**given)

    def drop(self, settings: CommonSettings) -> None:
        copy = settings.database_url.get_secret_value().rsplit("/", 1)[1]
        self.postgres.sql(f'DROP DATABASE IF EXISTS "{copy}" WITH (FORCE)')


def _extra(name: str) -> dict[str, object]:
    if name != "gateway":
        return {}
    return {
        "public_url": "http://testserver",
        "secrets_key": SecretStr("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
    }


def _in_thread(work: Callable[..., Coroutine[Any, Any, None]], *arguments: Any) -> None:
    """Run a coroutine to its end although a loop may be running in this thread."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(work(*arguments))).result()


async def _only_messaging(url: str) -> None:
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE alembic_version (version_num text)"))
        for statement in schema.CREATE:
            await connection.exec_driver_sql(statement)
    await engine.dispose()
