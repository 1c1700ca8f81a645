"""Changes of deals at a fixed rate, sent as CRMs send: signed, repeated until taken, some twice; and what must come of them.

Arrivals do not wait for answers (an open model): a system that stalls meets all that arrived meanwhile.
"""

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from http.client import HTTPConnection, HTTPException
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit
from uuid import UUID

from deploy.local.crms import Crms
from deploy.local.errors import StartFailed
from libs.common import clock
from libs.common.ids import entity_id, normalise_external_id
from simulator import examples, senders
from simulator.config import PROVIDERS, Provider
from simulator.live.courier import succeeded
from simulator.records import OPEN_STAGES, DealRecord
from simulator.sending.change import Change

REST_S = 2.0
"""Least time between two changes of one deal: some CRMs keep whole seconds."""
RETRY_S = 0.25
GIVE_UP_S = 180.0
"""A change that was not taken so long after it was due: the gateway does not come back."""
_TIMEOUT_S = 10.0
_LINES = 64


class Lines:
    """Connections kept open to the gateway, `count` of them for `send`. Light: the sender shares the cores with what it measures."""

    def __init__(self, count: int) -> None:
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="line")
        self._idle: SimpleQueue[HTTPConnection] = SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown()
        while not self._idle.empty():
            self._idle.get().close()

    async def send(self, request: senders.Request) -> tuple[int, bytes]:
        """Status and body of the answer. Raises OSError or HTTPException when there is none."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.ask, request)

    def ask(self, request: senders.Request) -> tuple[int, bytes]:
        """As `send`, in the thread of the caller."""
        url = urlsplit(request.url)
        try:
            line = self._idle.get_nowait()
        except Empty:
            line = HTTPConnection(url.netloc, timeout=_TIMEOUT_S)
        try:
            line.request(request.method, url.path, request.body, request.headers)
            answer = line.getresponse()
            told = answer.status, answer.read()
        except BaseException:
            line.close()
            raise
        self._idle.put(line)
        return told


@dataclass
class Sent:
    """A change, its intended moment of sending (`due`, monotonic; `due_at`, wall clock), and when it was taken, if it was."""

    provider: Provider
    change: Change
    entity: UUID
    due: float
    due_at: datetime
    taken: float | None = None
    successes: int = 0


@dataclass
class Oracle:
    """What the CRMs hold in the end, and every change there ever was, by our ids."""

    deals: dict[UUID, DealRecord] = field(default_factory=dict)
    changes: dict[UUID, list[Sent]] = field(default_factory=dict)

    def learn(self, sent: Sent) -> None:
        """Take up a change; changes of a deal come in the order of their times."""
        assert isinstance(sent.change.record, DealRecord)  # noqa: S101 - traffic is of deals
        self.deals[sent.entity] = sent.change.record
        self.changes.setdefault(sent.entity, []).append(sent)


class Traffic:
    """Invents changes and sends them. `oracle` knows what was sent; `taken` and `waiting` say what was answered.

    Args:
        start: number after which this traffic numbers its deals, so that two of them share none.
        per_crm: deals of each CRM that change in turn.
        duplicates: share of changes that are sent a second time although they were taken.
        deletions: share of changes that delete their deal, for good (no CRM here but Salesforce keeps all of its).
    """

    def __init__(
        self,
        crms: Crms,
        *,
        seed: int = 1,
        start: int = 0,
        per_crm: int = 200,
        duplicates: float = 0.0,
        deletions: float = 0.0,
    ) -> None:
        self._crms = crms
        self._random = random.Random(seed)  # noqa: S311 - a test's choice, to be repeatable
        self._per_crm = per_crm
        self._duplicates, self._deletions = duplicates, deletions
        self._turn = 0
        self._numbers = dict.fromkeys(PROVIDERS, start)
        self._deals: dict[Provider, list[DealRecord]] = {provider: [] for provider in PROVIDERS}
        self._tasks: set[asyncio.Task[None]] = set()
        self.oracle = Oracle()
        self.sent: list[Sent] = []

    @property
    def taken(self) -> list[Sent]:
        """Changes that were answered with what this CRM calls success."""
        return [each for each in self.sent if each.taken is not None]

    @property
    def waiting(self) -> int:
        """Changes that were not taken yet."""
        return sum(each.taken is None for each in self.sent)

    @property
    def successes(self) -> int:
        """Answers of success, those to repetitions included."""
        return sum(each.successes for each in self.sent)

    def send(self, count: int) -> None:
        """Send so many changes at once and return when all are taken."""
        with self.flowing(rate_per_s=1000, count=count):
            pass

    @contextmanager
    def flowing(self, *, rate_per_s: float, count: int | None = None) -> Iterator[None]:
        """Changes arrive at this rate while the body runs (or until `count` have); afterwards all are taken."""
        stop = threading.Event()
        failures: list[BaseException] = []

        def work() -> None:
            try:
                asyncio.run(self._flow(rate_per_s, count, stop))
            except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
                failures.append(error)

        thread = threading.Thread(target=work, name="traffic", daemon=True)
        thread.start()
        try:
            yield
        finally:
            if count is None:
                stop.set()
            thread.join()
        if failures:
            raise failures[0]

    async def _flow(self, rate_per_s: float, count: int | None, stop: threading.Event) -> None:
        with Lines(_LINES) as http:
            begun, number = time.monotonic(), 0
            begun_at = clock.now()
            while not stop.is_set() and number != count:
                due_in = number / rate_per_s
                await asyncio.sleep(max(0.0, begun + due_in - time.monotonic()))
                self._arrive(http, begun + due_in, begun_at + timedelta(seconds=due_in))
                number += 1
            while self._tasks:
                await asyncio.gather(*self._tasks)
        if self.waiting:
            raise StartFailed(f"{self.waiting} changes were not taken by the gateway within {GIVE_UP_S:.0f} s")

    def _arrive(self, http: Lines, due: float, due_at: datetime) -> None:
        provider = PROVIDERS[self._turn % len(PROVIDERS)]
        self._turn += 1
        change = self._invent(provider)
        record = change.record
        assert isinstance(record, DealRecord)  # noqa: S101 - traffic is of deals
        self._crms.state.put_deal(provider, record)
        entity = entity_id(self._crms.connection(provider).key, "deal", record.deal_id)
        sent = Sent(provider, change, entity, due, due_at)
        self.sent.append(sent)
        self.oracle.learn(sent)
        self._spawn(http, sent)
        if self._random.random() < self._duplicates:
            self._spawn(http, sent, after_s=self._random.random())

    def _spawn(self, http: Lines, sent: Sent, after_s: float = 0.0) -> None:
        task = asyncio.create_task(self._deliver(http, sent, after_s))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, http: Lines, sent: Sent, after_s: float) -> None:
        await asyncio.sleep(after_s)
        attempt = 0
        while time.monotonic() - sent.due < GIVE_UP_S:
            connection = self._crms.connection(sent.provider)
            (request,) = senders.requests(connection, [sent.change], at=clock.now(), attempt=attempt)
            try:
                status, body = await http.send(request)
                if succeeded(sent.provider, status, body):
                    sent.successes += 1
                    sent.taken = sent.taken or time.monotonic()
                    return
            except (OSError, HTTPException):
                pass
            attempt += 1
            await asyncio.sleep(RETRY_S)

    def _invent(self, provider: Provider) -> Change:
        """A new deal until there are enough, then the next in turn that has rested."""
        now = clock.now().replace(microsecond=0)
        deals = self._deals[provider]
        if len(deals) < self._per_crm or (now - deals[0].changed_at).total_seconds() < REST_S:
            made = self._new(provider, now)
            deals.append(made)
            return Change(made, "created")
        before = deals.pop(0)
        if provider != "salesforce" and self._random.random() < self._deletions:
            return Change(replace(before, changed_at=now, deleted=True), "deleted", before)
        stage = self._random.choice((*OPEN_STAGES, *OPEN_STAGES, "Won", "Lost"))
        closed_on = now.date() if stage in ("Won", "Lost") else None
        after = replace(before, changed_at=now, amount=self._amount(before.amount), stage=stage, closed_on=closed_on)
        deals.append(after)
        return Change(after, "changed", before)

    def _amount(self, other_than: Decimal | None = None) -> Decimal:
        while (amount := Decimal(self._random.randrange(1_000_00, 90_000_00)) / 100) == other_than:
            pass
        return amount

    def _new(self, provider: Provider, at: datetime) -> DealRecord:
        self._numbers[provider] += 1
        number = self._numbers[provider]
        external_id = {
            "hubspot": f"77{number:08d}",
            "salesforce": normalise_external_id(f"006{number:012d}"),
            "pipedrive": f"7{number:07d}",
            "standard": f"traffic-{number}",
        }[provider]
        return examples.deal(external_id, at, self._amount(), region=examples.REGIONS[number % len(examples.REGIONS)])
