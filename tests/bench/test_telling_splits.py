"""What the teller of splits costs when one deal of many has changed, beside comparing all of them, in one run."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

from sqlalchemy import text

from libs.common.config import CommonSettings
from libs.common.db import Database
from libs.common.web.auth import Principal
from services.deals.credit import repository
from services.deals.credit import told as telling
from tests.support.databases import DatabaseServer

SPLIT_DEALS = 20_000
ROUNDS = 3
SYSTEM = Principal.system("deals")

_SAID = """
    INSERT INTO deal_statement
    SELECT gen_random_uuid(), deal_id, :version, 'revenue', '',
           jsonb_build_object('shares', jsonb_build_array(jsonb_build_object('person_id', deal_id, 'share', '1'))),
           now(), 'nora', '', now()
    FROM {deals}
"""
_MANY = _SAID.format(deals="(SELECT gen_random_uuid() AS deal_id FROM generate_series(1, :deals)) many")
_ONE = _SAID.format(deals="(SELECT deal_id FROM split_told ORDER BY deal_id LIMIT 1) one")
_TOLD = """
    INSERT INTO split_told SELECT deal_id, 1, md5(entry_id::text), now() FROM deal_statement WHERE version = 1
"""


async def _took_s(work: Callable[[], Awaitable[int]], tells: int) -> float:
    begun = time.perf_counter()
    assert await work() == tells
    return time.perf_counter() - begun


async def _given(database: Database, split_deals: int) -> list[UUID]:
    """Deals of whose splits all is told, and nothing marked."""
    async with database.transaction() as session:
        await session.execute(text(_MANY), {"version": 1, "deals": split_deals})
        await session.execute(text(_TOLD.replace(":", "\\:")))
        await session.execute(text("DELETE FROM split_mark"))
        return list((await session.scalars(text("SELECT deal_id FROM split_told"))).all())


async def _measured(settings: CommonSettings, split_deals: int) -> tuple[float, float]:
    """Seconds of comparing everything and of telling what is marked: the best of rounds that take turns."""
    database = Database(settings)
    try:
        deals = await _given(database, split_deals)

        async def compare_all() -> int:
            async with database.reading() as session:
                return len(await repository.untold(session, deals))

        async def tell_marked() -> int:
            async with database.transaction() as session:
                return await telling.tell(session, principal=SYSTEM)

        took = []
        for version in range(2, ROUNDS + 2):
            async with database.transaction() as session:
                await session.execute(text(_ONE), {"version": version})
            took.append((await _took_s(compare_all, 1), await _took_s(tell_marked, 1)))
        return min(each for each, _ in took), min(each for _, each in took)
    finally:
        await database.close()


def run(split_deals: int) -> float:
    server = DatabaseServer()
    try:
        everything, marked = asyncio.run(_measured(server.copy_for("deals"), split_deals))
    finally:
        server.close()
    sys.stdout.write(
        f"{split_deals} split deals, one changed: comparing all {everything * 1000:.1f} ms, telling what is marked "
        f"{marked * 1000:.1f} ms, {everything / marked:.0f} times less\n"
    )
    return everything / marked


def test_telling_of_one_split_costs_a_fraction_of_comparing_all() -> None:
    ratio = run(SPLIT_DEALS)
    assert ratio > 3, f"telling of one changed split takes only {ratio:.1f} times less than comparing all"
