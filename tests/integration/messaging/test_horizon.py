"""Up to where the outbox is final: below every transaction that runs in this database, whoever runs it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from libs.common.config import CommonSettings
from libs.common.db import Database
from libs.common.messaging import cursor
from tests.support.databases import MESSAGING, DatabaseServer

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def settings(database_server: DatabaseServer) -> AsyncIterator[CommonSettings]:
    made = database_server.copy_for(MESSAGING)
    yield made
    database_server.drop(made)


async def _horizon(settings: CommonSettings) -> int:
    database = Database(settings)
    try:
        async with database.direct() as connection:
            return (await cursor.look(connection, 0)).oldest
    finally:
        await database.close()


async def _begun(connection: AsyncConnection) -> int:
    return int(str(await connection.scalar(text("SELECT pg_current_xact_id()::text"))))


async def _finished(settings: CommonSettings) -> int:
    """The id of a transaction that began now and has ended."""
    database = Database(settings)
    try:
        async with database.engine.connect() as connection:
            return await _begun(connection)
    finally:
        await database.close()


@pytest.mark.parametrize("role", ["app", "owner"])
async def test_it_stands_at_a_running_transaction_of_any_role(settings: CommonSettings, role: str) -> None:
    url = settings.database_url if role == "app" else settings.owner_database_url
    assert url is not None
    engine = create_async_engine(url.get_secret_value(), poolclass=NullPool)
    async with engine.connect() as connection:
        txid = await _begun(connection)
        await _finished(settings)
        assert await _horizon(settings) == txid
        await connection.rollback()
        assert await _horizon(settings) > txid
    await engine.dispose()


async def test_a_transaction_of_another_database_does_not_hold_it_back(
    settings: CommonSettings, database_server: DatabaseServer
) -> None:
    other = database_server.copy_for(MESSAGING)
    engine = create_async_engine(other.database_url.get_secret_value(), poolclass=NullPool)
    async with engine.connect() as connection:
        txid = await _begun(connection)
        later = await _finished(settings)
        assert await _horizon(settings) > later > txid
    await engine.dispose()
    database_server.drop(other)
