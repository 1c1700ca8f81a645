"""What a statement costs through SQLAlchemy's session and through the driver, side by side in one run."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import text

from libs.common.config import CommonSettings
from libs.common.db import Database
from libs.common.sql import Query
from tests.support.databases import MESSAGING, DatabaseServer

STATEMENT = "SELECT n.a, n.b FROM unnest(cast(:a AS text[]), cast(:b AS bigint[])) AS n (a, b)"
GIVEN = {"a": ["one", "two", "three", "four"], "b": [1, 2, 3, 4]}
IN_ONE_TRANSACTION = 10
TRANSACTIONS = 60
ROUNDS = 3

Statements = Callable[[Any], Awaitable[Any]]


async def _cpu_s(database: Database, statements: Statements) -> float:
    begun = time.process_time()
    for _ in range(TRANSACTIONS):
        async with database.transaction() as session:
            for _ in range(IN_ONE_TRANSACTION):
                await statements(session)
    return time.process_time() - begun


async def _ratio(database: Database) -> float:
    """Processor time of the session's statements in multiples of the driver's: the best of rounds that take turns."""
    by_session, by_driver = text(STATEMENT), Query(STATEMENT)

    async def session_way(session: Any) -> None:
        (await session.execute(by_session, GIVEN)).all()

    async def driver_way(session: Any) -> None:
        await by_driver.rows(session, GIVEN)

    ways = (session_way, driver_way)
    took = [[await _cpu_s(database, way) for way in ways] for _ in range(ROUNDS + 1)][1:]
    return min(each[0] for each in took) / min(each[1] for each in took)


async def _measured(settings: CommonSettings) -> float:
    database = Database(settings)
    try:
        return await _ratio(database)
    finally:
        await database.close()


def test_the_driver_takes_markedly_less_processor_time_than_the_session() -> None:
    server = DatabaseServer()
    try:
        ratio = asyncio.run(_measured(server.copy_for(MESSAGING)))
    finally:
        server.close()
    sys.stdout.write(f"the session takes {ratio:.1f} times the processor time of the driver\n")
    assert ratio > 1.4, f"the session takes {ratio:.1f} times the driver's processor time"
