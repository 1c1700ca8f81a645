"""`make bench-locks`: how long it takes to freeze what the projection says at a lock, of all its five periods.

The history is made like that of `make bench-history`: four years, one deal in twelve still open. The product's own job freezes a lock
in a process that has just begun and has to learn everything, the lock of a week later, and a third in a process that begins again.
"""

import asyncio
import json
import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from pydantic import SecretStr
from sqlalchemy import text

from deploy.local import past as history
from deploy.local.postgres import Postgres
from deploy.local.scratch import scratch_postgres
from libs.common import clock, migrations
from libs.common.db import Database
from libs.common.web.auth import Principal
from services.forecast.config import Settings
from services.forecast.locks import service as locks
from services.forecast.past import service as past
from services.forecast.record import service as record

SPAN_DAYS: Final = 1500
OPEN_DAYS: Final = 725
"""Deals that are older are closed, so that one in twelve is open."""
LOCKS: Final = ("first", "next", "restarted")
SYSTEM: Final = Principal.system("bench")
Say = Callable[[str], None]


def run(*, deals: int, say: Say) -> dict[str, Any]:
    """Make the history and freeze its locks: seconds of each, by name."""
    with scratch_postgres("forecast") as (postgres, _):
        return asyncio.run(_measure(postgres, deals, say))


async def _measure(postgres: Postgres, deals: int, say: Say) -> dict[str, Any]:
    owner_url, url = postgres.url("forecast", owner=True), postgres.url("forecast")
    await migrations.upgrade("services.forecast", owner_url)
    settings = Settings(database_url=SecretStr(url), owner_database_url=SecretStr(owner_url))
    owner = Database(settings.model_copy(update={"database_url": SecretStr(owner_url)}))
    try:
        await history.fill(owner, deals, clock.now(), say, span_days=SPAN_DAYS, open_days=OPEN_DAYS)
        async with owner.transaction() as session:
            is_open = await session.scalar(text("SELECT count(*) FROM deal_current WHERE state = 'open'"))
            begun = clock.now() - timedelta(days=7 * len(LOCKS))
            await session.execute(text("INSERT INTO lock_schedule VALUES (true, :since)"), {"since": begun})
        figures: dict[str, Any] = {"name": "locks", "deals": deals, "open": is_open}
        made = await _made(settings)
        say(f"{deals:,} deals, {is_open:,} of them open; {made} locks wait to be frozen")
        for names in (LOCKS[:2], LOCKS[2:]):
            figures |= await _frozen(settings, names, say)
        async with owner.reading() as session:
            sayings = await session.scalar(text("SELECT count(*) FROM engine_saying"))
        return figures | {"sayings": sayings, "load": round(os.getloadavg()[0], 1)}
    finally:
        await owner.close()


async def _made(settings: Settings) -> int:
    """Locks of the last weeks, to be frozen one at a time."""
    database = Database(settings)
    try:
        return await locks.make_due(database, principal=SYSTEM)
    finally:
        await database.close()


async def _frozen(settings: Settings, names: tuple[str, ...], say: Say) -> dict[str, Any]:
    """Freeze one lock after the other in what is a new process as far as memory goes."""
    database = Database(settings)
    found: dict[str, Any] = {}
    try:
        async with database.reading() as session:
            await past.columns(session)
        for name in names:
            begun = time.perf_counter()
            done = await record.freeze_made(database, principal=SYSTEM, at_once=1)
            found[f"{name}_s"] = round(time.perf_counter() - begun, 2)
            say(f"{done} lock frozen ({name}) in {found[f'{name}_s']} s")
    finally:
        await database.close()
    return found


def line(figures: dict[str, Any]) -> str:
    """The last line of the command."""
    return json.dumps(figures)
