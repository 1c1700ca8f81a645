"""Waking the relay after a commit: at once inside a process, by one coalesced NOTIFY across processes."""

import asyncio
import contextlib

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

CHANNEL = "foretell_outbox"
COALESCE_S = 0.005


class Wake:
    """`poke` after a commit; `wait` before the next look. The timeout of `wait` is the guarantee, poking only saves time."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._to_notify = asyncio.Event()

    def poke(self) -> None:
        self._event.set()
        self._to_notify.set()

    async def wait(self, timeout_s: float) -> None:
        """Return when poked or after `timeout_s` seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), timeout_s)
        self._event.clear()

    async def notify_others(self, engine: AsyncEngine) -> None:
        """Pass pokes on to other processes: at most one NOTIFY per 5 ms, on a connection of its own.

        Inside the writing transactions a NOTIFY would make their commits queue for one lock.
        """
        while True:
            await self._to_notify.wait()
            self._to_notify.clear()
            with contextlib.suppress(OSError, DBAPIError):
                async with engine.connect() as opened:
                    connection = await opened.execution_options(isolation_level="AUTOCOMMIT")
                    await connection.execute(text(f"NOTIFY {CHANNEL}"))
            await asyncio.sleep(COALESCE_S)
