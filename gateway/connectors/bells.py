"""Wake-ups between the parts of one process. A bell saves time; the poll of whoever waits is the guarantee."""

import asyncio
import contextlib

from libs.common.runtime import Runtime

ARRIVED = "gateway.deliveries_arrived"
SIGNALLED = "gateway.fetches_signalled"


def bell(runtime: Runtime, name: str) -> asyncio.Event:
    event: asyncio.Event = runtime.state.setdefault(name, asyncio.Event())
    return event


async def wait(event: asyncio.Event, timeout_s: float) -> None:
    """Return when rung or after `timeout_s` seconds; the bell is silent again then."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), timeout_s)
    event.clear()
