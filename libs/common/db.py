"""A component's database: engine, transactions that carry their events, and which errors are worth a retry."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from asyncpg.transaction import Transaction
from sqlalchemy import PoolProxiedConnection, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.util import greenlet_spawn

from libs.common import sql
from libs.common.config import CommonSettings
from libs.common.messaging import outbox
from libs.common.messaging.wake import Wake

SETTINGS = "foretell.settings"
"""Under this name `session.info` holds the settings of the process, for handlers, which get nothing but a session."""

MAX_OVERFLOW = 4
_PLAN_EACH = text("SET LOCAL plan_cache_mode = auto")
_PASSING_CLASSES = ("08", "28", "53", "57", "58")
_PASSING_STATES = ("40001", "40P01", "55000", "55P03", "25006", "25P03", "3D000")
"""55000: so a database that an administrator has closed refuses connections."""


class Database:
    """Connections to one component's database. `transaction` is the only place that commits."""

    def __init__(self, settings: CommonSettings, wake: Wake | None = None) -> None:
        self.url = settings.database_url.get_secret_value()
        self.wake = wake or Wake()
        connect_args = {
            "timeout": 5,
            "server_settings": {
                "application_name": "foretell",
                "timezone": "UTC",
                "idle_in_transaction_session_timeout": "60000",
                # A few statements run again and again, mostly over arrays: planning them anew costs more than it ever saves.
                "plan_cache_mode": "force_generic_plan",
            },
        }
        self._connections = settings.database_pool_size + MAX_OVERFLOW + 1
        """More than the pool holds: after so many dead ones there was a new one among them."""
        self.engine: AsyncEngine = create_async_engine(
            self.url,
            pool_size=settings.database_pool_size,
            max_overflow=MAX_OVERFLOW,
            pool_timeout=10,
            pool_pre_ping=False,
            connect_args=connect_args,
        )
        self._direct: AsyncEngine = create_async_engine(self.url, poolclass=NullPool, connect_args=connect_args)
        options: dict[str, Any] = {"expire_on_commit": False, "autoflush": False, "info": {SETTINGS: settings}}
        self._sessions = async_sessionmaker(self.engine, **options)
        # The same pool; `transaction` begins and ends transactions by the driver, SQLAlchemy then must not.
        self._writing = async_sessionmaker(self.engine.execution_options(isolation_level="AUTOCOMMIT"), **options)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session whose state and events are committed together at the end, or not at all."""
        async with self._writing() as session:
            begun = await self._begin(session)
            try:
                yield session
                await session.flush()
                written = await outbox.write(session)
                await begun.commit()
            except BaseException:
                await self._undo(session, begun)
                raise
            finally:
                outbox.forget(session)
            # Nothing is left to be committed: this tells those who listen for a commit.
            await session.commit()
            if written:
                self.wake.poke()

    async def _begin(self, session: AsyncSession) -> Transaction:
        """Begin a transaction; on another connection where the pool's had died unnoticed, as all do in a restart."""
        for _ in range(self._connections):
            connection = await session.connection()
            driver: Any = (await connection.get_raw_connection()).driver_connection
            try:
                begun: Transaction = driver.transaction()
                await begun.start()
            except BaseException as error:
                # Also when it was cancelled: the driver would take the connection for one inside a transaction ever after.
                await connection.invalidate()
                if not is_passing(error):
                    raise
                await session.close()
                continue
            sql.keep_driver(session, driver)
            return begun
        raise OSError("no connection to the database can begin a transaction")

    async def _undo(self, session: AsyncSession, begun: Transaction) -> None:
        """Roll back; a connection that could not, or was not given the time, is never used again."""
        try:
            await begun.rollback()
        except BaseException as error:
            await (await session.connection()).invalidate()
            if not is_passing(error):
                raise

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session on one consistent snapshot that cannot write."""
        async with self._sessions() as session:
            await session.connection(
                execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            )
            # Questions of people differ: each is worth a plan of its own.
            await session.execute(_PLAN_EACH)
            yield session

    @asynccontextmanager
    async def glance(self) -> AsyncIterator[AsyncSession]:
        """A session for a reading of one statement by `sql.Query`: its own snapshot is all it needs, so no transaction begins.

        Each further statement sees what is committed by then.
        """
        pooled = await self._living()
        session = self._writing()
        try:
            # The session only carries the connection: that it has one of its own would cost more than the statement.
            sql.keep_driver(session, pooled.driver_connection)
            yield session
        except BaseException as error:
            # SQLAlchemy has not seen what the driver met; a cancelled statement may still be running.
            if is_passing(error) or not isinstance(error, Exception):
                await greenlet_spawn(pooled.invalidate)
            raise
        finally:
            await greenlet_spawn(pooled.close)
            if session.in_transaction():
                await session.close()

    async def _living(self) -> PoolProxiedConnection:
        """A connection of the pool that has not died unnoticed."""
        for _ in range(self._connections):
            pooled = await self.engine.raw_connection()
            driver: Any = pooled.driver_connection
            if not driver.is_closed():
                return pooled
            await greenlet_spawn(pooled.invalidate)
        raise OSError("no connection to the database is alive")

    @asynccontextmanager
    async def direct(self) -> AsyncIterator[AsyncConnection]:
        """A connection of its own outside the pool, autocommitting: for session locks and LISTEN."""
        async with self._direct.connect() as connection:
            yield await connection.execution_options(isolation_level="AUTOCOMMIT")

    async def close(self) -> None:
        await self.engine.dispose()
        await self._direct.dispose()


def is_passing(error: BaseException) -> bool:
    """True for trouble of the infrastructure (connection, sign-in, deadlock, full disk, restart): the same work can be tried again."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_passing(part) for part in error.exceptions)
    if isinstance(error, (InterfaceError, PoolTimeout, OSError, asyncio.TimeoutError, TimeoutError)):
        return True
    if isinstance(error, asyncpg.InternalClientError):
        # So asyncpg refuses a statement between the server's farewell (shutdown, an ended session) and the end of the connection.
        return True
    if isinstance(error, asyncpg.InterfaceError):
        # What the driver itself refuses to send is an InterfaceError too, but will be refused again.
        return not isinstance(error, ValueError)
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        state = getattr(error.orig, "sqlstate", None) or ""
        if state:
            return state[:2] in _PASSING_CLASSES or state in _PASSING_STATES
        return isinstance(error, OperationalError)
    state = getattr(error, "sqlstate", None) or ""
    return state[:2] in _PASSING_CLASSES or state in _PASSING_STATES


async def revision(session: AsyncSession) -> str | None:
    """The database's schema revision; None before the first migration."""
    exists = await session.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
    if not exists:
        return None
    found: str | None = await session.scalar(text("SELECT version_num FROM alembic_version"))
    return found
