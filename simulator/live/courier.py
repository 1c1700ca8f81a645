"""Delivers changes to the gateway as their CRM would: its concurrency, batches, idea of success, and retries."""

import asyncio
import random
from collections.abc import Sequence

import httpx

from libs.common import clock
from libs.common.observe.log import get_logger
from simulator import senders
from simulator.config import Faults, Provider, SimConnection
from simulator.live.journal import Entry, Journal

log = get_logger(__name__)

RETRIES_S: dict[Provider, tuple[float, ...]] = {
    "hubspot": (5, 20, 60, 300, 900, 3600, 7200, 14_400, 21_600, 28_800),
    "salesforce": (5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, *([7200.0] * 10)),
    "pipedrive": (3, 30, 150),
    "standard": (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400),
}
"""Delays before each retry. HubSpot promises ten over 24 hours at random, the others as their vendors write; then it is given up."""
TIMEOUT_S: dict[Provider, float] = {"hubspot": 5, "salesforce": 60, "pipedrive": 10, "standard": 20}
CONCURRENCY: dict[Provider, int] = {"hubspot": 10, "salesforce": 4, "pipedrive": 4, "standard": 4}
BATCH: dict[Provider, int] = {"hubspot": 25, "salesforce": 100, "pipedrive": 1, "standard": 1}


def succeeded(provider: Provider, status: int, body: bytes) -> bool:
    """What this CRM takes for success: any 2xx, or for Salesforce 200 with an Ack of true."""
    if provider == "salesforce":
        return status == httpx.codes.OK and b"Ack>true<" in body
    return httpx.codes.is_success(status)


class Courier:
    """One per connection. `deliver` hands over an entry; the journal learns when it arrived or was given up."""

    def __init__(self, connection: SimConnection, journal: Journal, faults: Faults, client: httpx.AsyncClient) -> None:
        self._connection, self._journal, self._faults, self._client = connection, journal, faults, client
        self._queue: asyncio.Queue[Entry] = asyncio.Queue()
        self._random = random.Random(connection.key)
        self._tasks: set[asyncio.Task[None]] = set()
        self._failing = False

    def start(self) -> None:
        for _ in range(CONCURRENCY[self._connection.provider]):
            self._spawn(self._work())

    async def stop(self) -> None:
        """Stop at once; what was not delivered stays in the journal for the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def deliver(self, entry: Entry) -> None:
        """Queue it now, or a little later where the faults say so."""
        faults, pick = self._faults, self._random.random()
        if pick < faults.late:
            self._spawn(self._later(entry, self._random.uniform(faults.late_s / 20, faults.late_s)))
        elif pick < faults.late + faults.shuffle:
            self._spawn(self._later(entry, self._random.uniform(0, min(1.5, faults.late_s))))
        else:
            self._queue.put_nowait(entry)
        if self._random.random() < faults.duplicate:
            self._spawn(self._later(entry, self._random.uniform(0, min(3.0, faults.late_s))))

    def _spawn(self, work: object) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _later(self, entry: Entry, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        self._queue.put_nowait(entry)

    async def _work(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while len(batch) < BATCH[self._connection.provider] and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            arrived: set[int] = set()
            if not await self._attempt(batch, arrived, 0):
                self._spawn(self._retry(batch, arrived))  # a waiting retry must not hold a worker

    async def _retry(self, batch: Sequence[Entry], arrived: set[int]) -> None:
        provider = self._connection.provider
        for attempt, delay_s in enumerate(RETRIES_S[provider], 1):
            spread = self._random.uniform(0.5, 1) if provider == "hubspot" else 1.0
            await asyncio.sleep(delay_s * spread * self._faults.retry_scale)
            if await self._attempt(batch, arrived, attempt):
                return
        self._journal.settle([entry.number for entry in batch], dropped=True)
        log.warning("delivery given up", connection=self._connection.key, changes=len(batch))

    async def _attempt(self, batch: Sequence[Entry], arrived: set[int], attempt: int) -> bool:
        """Send what has not arrived yet, freshly signed. True when all of the batch has."""
        changes = [entry.change for entry in batch]
        outgoing = senders.requests(self._connection, changes, at=clock.now(), attempt=attempt)
        for place, request in enumerate(outgoing):
            if place not in arrived and await self._send(request):
                arrived.add(place)
        if len(arrived) < len(outgoing):
            return False
        self._journal.settle([entry.number for entry in batch])
        return True

    async def _send(self, request: senders.Request) -> bool:
        provider = self._connection.provider
        try:
            response = await self._client.request(
                request.method, request.url, headers=request.headers, content=request.body, timeout=TIMEOUT_S[provider]
            )
        except httpx.HTTPError as error:
            return self._told(False, type(error).__name__)
        taken = succeeded(provider, response.status_code, response.content)
        return self._told(taken, f"status {response.status_code}")

    def _told(self, taken: bool, answer: str) -> bool:
        """Log when deliveries begin to fail and when they are taken again, not each one."""
        if taken == self._failing:
            self._failing = not taken
            if taken:
                log.info("deliveries are taken again", connection=self._connection.key)
            else:
                log.warning("deliveries fail, they are repeated", connection=self._connection.key, answer=answer)
        return taken
