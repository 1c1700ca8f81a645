"""Two requests that meet: both have read what is there before either has written."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx

from libs.common.runtime import Runtime

_WAITING = """
    SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE NOT granted AND datname = current_database()
"""


async def met(
    runtime: Runtime, table: str, ask: Callable[[], Awaitable[httpx.Response]], *, within_s: float = 15
) -> list[httpx.Response]:
    """The answers to two requests that both wait for somebody else's lock before `table` is written."""
    assert runtime.settings.owner_database_url is not None
    url = runtime.settings.owner_database_url.get_secret_value().replace("+asyncpg", "")
    owner = await asyncpg.connect(url)
    try:
        held: Any = owner.transaction()
        await held.start()
        await owner.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        both = [asyncio.ensure_future(ask()) for _ in range(2)]
        async with asyncio.timeout(within_s):
            while await owner.fetchval(_WAITING) < 2:
                assert not any(each.done() for each in both), "nobody answers before the table is written"
                await asyncio.wait(both, timeout=0.02)
        await held.rollback()
    finally:
        await owner.close()
    return list(await asyncio.gather(*both))
