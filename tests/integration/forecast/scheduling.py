"""Running the real scheduler beside a test until what it waits for has come."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from libs.common import clock


@asynccontextmanager
async def running(
    work: Coroutine[Any, Any, None], *, until: Callable[[], Awaitable[bool]], deadline_s: float = 30
) -> AsyncIterator[None]:
    """`work` runs until `until` is true and through the block, then it is ended. Fails after the deadline."""
    task = asyncio.create_task(work)
    try:
        await wait_for(until, deadline_s=deadline_s)
        assert not task.done(), task
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def wait_for(condition: Callable[[], Awaitable[bool]], *, deadline_s: float = 30) -> None:
    """Returns when the condition is true; fails after the deadline."""
    started = clock.monotonic()
    while not await condition():
        assert clock.monotonic() - started < deadline_s, "what was waited for has not come"
        await asyncio.sleep(0.05)
