"""Tells open pages that numbers moved. A nudge carries no number: the page reads again, with the rights of its user."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import Gauge

from libs.common.messaging.kafka import tail
from libs.common.messaging.topics import FORECAST_EVENTS
from libs.common.observe.log import get_logger
from libs.common.runtime import Runtime

log = get_logger(__name__)

open_pages = Gauge("gateway_open_pages", "Pages that listen for nudges")

FEWEST_S = 0.5
"""Seconds between two nudges of one page; what moves in between is one nudge."""
RETRY_S = 2.0


class Nudges:
    """Follows the forecast's events while at least one page listens, and wakes all pages on each."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._listeners: set[asyncio.Event] = set()
        self._following: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self.is_following = False
        """Whether the events can be followed now; pages show "paused" when not."""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[asyncio.Event]:
        """An event that is set when numbers moved; the listener clears it."""
        moved = asyncio.Event()
        self._listeners.add(moved)
        open_pages.set(len(self._listeners))
        if self._ending is None:
            self._ending = asyncio.create_task(self._end_with_process(), name="end streams with the process")
        if self._following is None or self._following.done():
            self._following = asyncio.create_task(self._follow(), name="follow forecast events")
        try:
            yield moved
        finally:
            self._listeners.discard(moved)
            open_pages.set(len(self._listeners))
            if not self._listeners and self._following is not None:
                self._following.cancel()
                self._following = None

    async def _follow(self) -> None:
        while True:
            try:
                self._change(following=True)
                async for _ in tail(self._runtime.settings, FORECAST_EVENTS):
                    self._wake()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever broke, the pages go on without nudges until it heals
                log.warning("forecast events cannot be followed", error=repr(error))
            self._change(following=False)
            await asyncio.sleep(RETRY_S)

    def _change(self, *, following: bool) -> None:
        self.is_following = following
        self._wake()

    @property
    def is_stopping(self) -> bool:
        """Whether the process was asked to stop; then every stream ends, and pages connect again elsewhere."""
        return self._runtime.stopping.is_set()

    async def _end_with_process(self) -> None:
        await self._runtime.stopping.wait()
        self._wake()

    def _wake(self) -> None:
        for listener in self._listeners:
            listener.set()


def nudges_of(runtime: Runtime) -> Nudges:
    """The process's one follower, made at its first use."""
    found: Nudges = runtime.state.setdefault("nudges", Nudges(runtime))
    return found


async def stream(nudges: Nudges, *, beat_s: float = 15.0) -> AsyncIterator[str]:
    """Names of messages for one page: `moved`, `paused`, and `beat` when nothing happened for a while. Ends with the process."""
    async with nudges.listening() as moved:
        yield "moved" if nudges.is_following else "paused"  # a page that comes back may have missed something
        while not nudges.is_stopping:
            try:
                await asyncio.wait_for(moved.wait(), timeout=beat_s)
            except TimeoutError:
                yield "beat" if nudges.is_following else "paused"
                continue
            if nudges.is_stopping:
                return
            moved.clear()
            yield "moved" if nudges.is_following else "paused"
            await asyncio.sleep(FEWEST_S)
