"""Queries through the driver stand in the same transaction as everything else of their session."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from deploy.local.waiting import wait_until
from libs.common.db import Database, is_passing
from libs.common.sql import Query, driver_of
from tests.support.databases import MESSAGING, DatabaseServer

_ADD = Query("INSERT INTO kept SELECT unnest(cast(:numbers AS integer[]))")
_ALL = Query("SELECT number, number::text AS word FROM kept ORDER BY number")


@pytest_asyncio.fixture
async def database(database_server: DatabaseServer) -> AsyncIterator[Database]:
    settings = database_server.copy_for(MESSAGING)
    name = settings.database_url.get_secret_value().rsplit("/", 1)[1]
    database_server.postgres.sql(
        "CREATE TABLE kept (number integer PRIMARY KEY); GRANT ALL ON kept TO foretell_app", database=name
    )
    made = Database(settings)
    yield made
    await made.close()
    database_server.drop(settings)


def test_names_become_numbers_and_casts_stay() -> None:
    query = Query("SELECT :a::text, cast(:b AS text), x.c::int FROM t x WHERE a = :a AND at > '12:30'::time")
    assert query.sent == "SELECT $1::text, cast($2 AS text), x.c::int FROM t x WHERE a = $1 AND at > '12:30'::time"
    assert query.names == ("a", "b")


@pytest.mark.asyncio
async def test_what_it_writes_is_committed_with_the_session(database: Database) -> None:
    async with database.transaction() as session:
        assert await _ADD.run(session, {"numbers": [1, 2]}) == 2
        await session.execute(text("INSERT INTO kept VALUES (3)"))
        assert await _ALL.column(session) == [1, 2, 3]
    async with database.reading() as session:
        rows = await _ALL.rows(session)
    assert [(row.number, row.word) for row in rows] == [(1, "1"), (2, "2"), (3, "3")]


@pytest.mark.asyncio
async def test_what_it_writes_is_undone_with_the_session(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as session:
            await _ADD.run(session, {"numbers": [1]})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with database.reading() as session:
        assert await _ALL.rows(session) == []


async def _add(database: Database, numbers: list[object]) -> None:
    async with database.transaction() as session:
        await _ADD.run(session, {"numbers": numbers})


@pytest.mark.asyncio
async def test_errors_of_the_data_do_not_pass(database: Database) -> None:
    with pytest.raises(asyncpg.PostgresError) as broken:
        await _add(database, [1, 1])
    assert not is_passing(broken.value)
    with pytest.raises(asyncpg.DataError) as refused:
        await _add(database, ["one"])
    assert not is_passing(refused.value)


@pytest.mark.asyncio
async def test_a_lost_connection_passes_and_the_next_transaction_has_another(database: Database) -> None:
    async def lose() -> None:
        async with database.transaction() as session:
            await session.execute(text("SELECT 1"))
            await Query("SELECT pg_terminate_backend(pg_backend_pid())").rows(session)

    with pytest.raises((asyncpg.PostgresError, DBAPIError, OSError)) as lost:
        await lose()
    assert is_passing(lost.value)
    await _add(database, [1])


@pytest.mark.asyncio
async def test_connections_that_died_in_the_pool_are_left_and_not_met_again(database: Database) -> None:
    async with contextlib.AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(database.transaction()) for _ in range(4)]
        drivers = [await driver_of(session) for session in sessions]
    for driver in drivers:
        driver.terminate()
    for number in range(6):
        await _add(database, [number])
    async with database.reading() as session:
        assert await _ALL.column(session) == list(range(6))


@pytest.mark.asyncio
async def test_a_refused_sign_in_passes_and_work_goes_on_when_the_server_lets_in_again(
    database_server: DatabaseServer,
) -> None:
    settings = database_server.copy_for(MESSAGING)
    url = make_url(settings.database_url.get_secret_value()).set(username="kept_out", password="for_now")
    kept_out = settings.model_copy(update={"database_url": SecretStr(url.render_as_string(hide_password=False))})
    database_server.postgres.sql("CREATE ROLE kept_out NOLOGIN PASSWORD 'for_now'")
    database = Database(kept_out)
    try:
        with pytest.raises((asyncpg.PostgresError, DBAPIError)) as refused:
            await _one(database)
        assert is_passing(refused.value)
        database_server.postgres.sql("ALTER ROLE kept_out LOGIN")
        assert await _one(database) == 1
    finally:
        await database.close()
        database_server.postgres.sql("DROP ROLE kept_out")


@pytest.mark.asyncio
async def test_a_database_closed_to_connections_passes_and_work_goes_on_when_it_is_open_again(
    database_server: DatabaseServer,
) -> None:
    settings = database_server.copy_for(MESSAGING)
    name = make_url(settings.database_url.get_secret_value()).database
    database = Database(settings)
    try:
        database_server.postgres.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        with pytest.raises((asyncpg.PostgresError, DBAPIError)) as refused:
            await _one(database)
        assert is_passing(refused.value)
        database_server.postgres.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        assert await _one(database) == 1
    finally:
        await database.close()
        database_server.drop(settings)


async def _one(database: Database) -> int | None:
    async with database.reading() as session:
        found: int | None = await session.scalar(text("SELECT 1"))
        return found


@contextlib.asynccontextmanager
async def _deaf_to_the_end(port: int) -> AsyncIterator[int]:
    """A port in front of PostgreSQL's that carries everything but the end of the connection, which in life comes a little later."""
    opened: list[asyncio.StreamWriter] = []

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_server, from_client = await asyncio.open_connection("127.0.0.1", port)
        opened.extend((writer, from_client))
        await asyncio.gather(carry(reader, from_client), carry(to_server, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in opened:
            writer.close()


@pytest.mark.asyncio
async def test_a_statement_after_the_servers_farewell_passes(
    database_server: DatabaseServer, database: Database
) -> None:
    port = database_server.postgres.port
    async with _deaf_to_the_end(port) as deaf:
        url = database.url.replace(f":{port}/", f":{deaf}/").replace("+asyncpg", "")
        connection = await asyncpg.connect(url)
        pid = await connection.fetchval("SELECT pg_backend_pid()")
        database_server.postgres.sql(f"SELECT pg_terminate_backend({pid})")

        def ended() -> bool:
            living = database_server.postgres.sql("SELECT pid FROM pg_stat_activity").split()
            return str(pid) not in living

        assert await asyncio.to_thread(wait_until, ended, timeout_s=10)
        await asyncio.sleep(0.1)
        assert not connection.is_closed()
        with pytest.raises(Exception) as refused:  # noqa: PT011 - whatever the driver makes of it
            await asyncio.wait_for(connection.fetch("SELECT 1"), timeout=5)
        connection.terminate()
    assert isinstance(refused.value, asyncpg.InternalClientError)
    assert is_passing(refused.value)


@pytest.mark.asyncio
@pytest.mark.parametrize("what", ["a transaction", "a reading"])
async def test_work_cancelled_anywhere_leaves_no_connection_inside_a_transaction(database: Database, what: str) -> None:
    async def work(number: int) -> None:
        if what == "a reading":
            async with database.reading() as session:
                await _ALL.column(session)
        else:
            async with database.transaction() as session:
                await _ADD.run(session, {"numbers": [-number]})

    for number in range(1, 300):
        task = asyncio.create_task(work(number))
        for _ in range(number % 30):
            await asyncio.sleep(0 if number % 2 else 0.0002)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await _add(database, [number])
        async with database.reading() as session:
            assert number in await _ALL.column(session)
