"""Fetches signalled records back from their CRM and applies what it answers."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Self, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
from prometheus_client import Counter, Histogram

from gateway.config import Settings
from gateway.connections.cache import Connections
from gateway.connections.schemas import GENERIC
from gateway.connections.service import Connection
from gateway.connectors import beside, reads, records, repository, signals
from gateway.connectors.client import FetchFailed, NotAllowed
from gateway.connectors.edits import edited
from gateway.connectors.items import FETCHED, PARTS, Fetched, FullRecord, ObjectType
from gateway.connectors.outcomes import Outcome, parked, unforeseen
from gateway.connectors.providers import PROVIDERS, provider_of
from gateway.connectors.signals import Cause, Due
from gateway.connectors.understanding import mapped_or_parked
from gateway.mapping.values import MappingError
from libs.common import clock, crash
from libs.common.db import Database, is_passing
from libs.common.observe.log import get_logger

log = get_logger(__name__)

LEASED_AT_ONCE = 400
"""Records of one connection."""
MAX_ABSENCES = 5
"""A record that the CRM does not know, neither live nor archived, so many times in a row is parked: no delete is made up."""
MAX_DELAY_S = 60.0

FETCHES = Counter("gateway_fetches_total", "Batches asked back from CRMs, by result", ["provider", "result"])
FETCH_DURATION = Histogram("gateway_fetch_seconds", "Duration of one batch read", ["provider"])
for _provider in (*PROVIDERS, GENERIC):
    for _result in ("answered", "failed"):
        FETCHES.labels(_provider, _result)


class Fetcher:
    """Works through due signals; one per process. Each connection is worked through by itself, so that a slow CRM delays no other.

    `ended` is rung whenever a connection can be given more.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        connections: Connections,
        http: httpx.AsyncClient,
        ended: asyncio.Event | None = None,
    ) -> None:
        self._connections = connections
        self._database = database
        self._settings = settings
        self._http = http
        self._ended = ended or asyncio.Event()
        self._zone = ZoneInfo(settings.org_timezone)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._failed: list[BaseException] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """What runs is finished when the database failed a new start (its answers are at hand), and dropped otherwise."""
        running = list(self._running.values())
        if kind is None or not issubclass(kind, Exception):
            for task in running:
                task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def start_due(self) -> int:
        """Begin to fetch what is due of connections that are idle; returns how many records. Raises what fetches begun earlier raised."""
        self._raise_failure()
        lease_s = self._settings.fetch_timeout_s * 3 + 5
        until = clock.monotonic() + lease_s
        async with self._database.transaction() as session:
            due = await signals.lease(session, limit=LEASED_AT_ONCE, lease_s=lease_s, busy=list(self._running))
            connections = await self._connections.up_to(session, {(each.connection, each.changed_at) for each in due})
        groups: dict[str, list[Due]] = defaultdict(list)
        for each in due:
            groups[each.connection].append(each)
        for key, rows in groups.items():
            task = asyncio.create_task(self._fetch_all(connections[key], rows, until), name=f"fetch-{key}")
            self._running[key] = task
            task.add_done_callback(partial(self._end, key))
        return len(due)

    def _end(self, key: str, task: asyncio.Task[None]) -> None:
        del self._running[key]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed.append(error)
        self._ended.set()

    def _raise_failure(self) -> None:
        failed, self._failed = self._failed, []
        for error in failed:
            raise error

    async def _fetch_all(self, connection: Connection, due: Sequence[Due], until: float) -> None:
        """One connection's leased records, in batches of the provider's size."""
        size, slots = provider_of(connection).fetch_batch, asyncio.Semaphore(self._settings.fetch_concurrency)
        groups: dict[str, list[Due]] = defaultdict(list)
        for each in due:
            groups[each.object_type].append(each)
        ended = await asyncio.gather(
            *(
                self._fetch_batch(connection, rows[start : start + size], until, slots)
                for rows in groups.values()
                for start in range(0, len(rows), size)
            ),
            return_exceptions=True,
        )
        for error in ended:
            if isinstance(error, BaseException):
                raise error

    async def _fetch_batch(
        self, connection: Connection, due: Sequence[Due], until: float, slots: asyncio.Semaphore
    ) -> None:
        async with slots:
            try:
                fetched = await self._ask(connection, due)
            except NotAllowed as error:
                FETCHES.labels(connection.provider, "failed").inc()
                reason = str(error)
                await _while_leased(until, lambda: self._refused(connection, due, reason))
                return
            except FetchFailed as error:
                FETCHES.labels(connection.provider, "failed").inc()
                delay_s = error.retry_after_s or min(MAX_DELAY_S, 0.25 * 2 ** min(due[0].attempts, 10))
                log.warning("fetch failed", connection=connection.key, reason=str(error)[:300], retry_in_s=delay_s)
                reason = str(error)
                await _while_leased(until, lambda: self._postpone(due, delay_s, reason))
                return
        FETCHES.labels(connection.provider, "answered").inc()
        await _while_leased(until, lambda: self._apply(connection, due, fetched))

    async def _refused(self, connection: Connection, due: Sequence[Due], reason: str) -> None:
        """What the connection may not read is put off as a whole if it can do without, else like any failure."""
        object_type = due[0].object_type
        log.warning("not allowed to read", connection=connection.key, object_type=object_type, reason=reason[:300])
        if object_type not in reads.OBJECTS:
            await self._postpone(due, MAX_DELAY_S, reason)
            return
        async with self._database.transaction() as session:
            await beside.refuse(session, connection.key, object_type, reason)
            if object_type not in PARTS:  # deliveries wait for these, and would seem to be on their way
                held = await signals.lock(session, due)
                touched = await signals.answer(session, dict.fromkeys(held, _not_allowed(reason)))
                await repository.settle(session, touched)

    async def _postpone(self, due: Sequence[Due], delay_s: float, reason: str) -> None:
        async with self._database.transaction() as session:
            await signals.postpone(session, due, delay_s=delay_s, reason=reason)

    async def _ask(self, connection: Connection, due: Sequence[Due]) -> Fetched:
        """Raises FetchFailed; an answer in an unforeseen form counts as one, so that it is asked for again."""
        provider = provider_of(connection)
        client = provider.client(self._http, connection.credentials)
        if provider.fetch is None or client is None:
            raise FetchFailed("the connection has no address to ask, or no secret to ask with")
        object_type = cast("ObjectType", due[0].object_type)
        try:
            with FETCH_DURATION.labels(connection.provider).time():
                return await provider.fetch(client, connection.mapping, object_type, [each.external_id for each in due])
        except (KeyError, TypeError, AttributeError, ValueError, MappingError) as error:
            raise FetchFailed(f"the answer cannot be read: {type(error).__name__} {error}") from error

    async def _apply(self, connection: Connection, due: Sequence[Due], fetched: Fetched) -> None:
        """Apply a batch in one transaction; if something in it cannot be stored, record by record."""
        try:
            await self._commit(connection, due, fetched)
        except Exception as error:
            if is_passing(error):
                raise
            if len(due) > 1:
                for each in due:
                    await self._apply(connection, [each], fetched)
                return
            log.error("fetched record not stored", connection=connection.key, exc_info=error)
            async with self._database.transaction() as session:
                held = await signals.lock(session, due)
                touched = await signals.answer(session, {each: unforeseen(error) for each in held})
                await repository.settle(session, touched)

    async def _commit(self, connection: Connection, due: Sequence[Due], fetched: Fetched) -> None:
        found = {each.external_id: each for each in fetched.records}
        async with self._database.transaction() as session:
            mine = await signals.lock(session, due)
            causes = await signals.causes(session, mine)
            outcomes: dict[Due, Outcome] = {}
            incoming = []
            for each in mine:
                record = found.get(each.external_id)
                if record is None:
                    continue
                cause = causes.get(each.key, Cause(UUID(int=0), each.received_at))
                mapped = mapped_or_parked(
                    edited(_as_fetched(record, each), cause.edit),
                    connection,
                    zone=self._zone,
                    delivery_id=cause.delivery_id,
                    received_at=cause.received_at,
                    traceparent=cause.traceparent,
                )
                if isinstance(mapped, Outcome):
                    outcomes[each] = mapped
                else:
                    incoming.append((each, replace(mapped, told_at=cause.told_at)))
            applied = await records.apply(session, [mapped for _, mapped in incoming])
            outcomes |= {each: outcome for (each, _), outcome in zip(incoming, applied, strict=True)}
            await beside.allow(session, connection.key, cast("ObjectType", due[0].object_type))
            seen = [(connection, mapped, outcome) for (_, mapped), outcome in zip(incoming, applied, strict=True)]
            await beside.ask(session, seen)
            again = [each for each in mine if each.external_id not in found and each.absences + 1 < MAX_ABSENCES]
            outcomes |= {each: _absent(each) for each in mine if each.external_id not in found and each not in again}
            touched = await signals.answer(session, outcomes)
            if again:
                delay_s = 0.25 * 2 ** min(each.absences for each in again)
                await signals.postpone(
                    session, again, delay_s=delay_s, reason="the CRM does not know it yet", absent=True
                )
            await repository.settle(session, touched)
            crash.point("gateway.fetched_not_committed")


async def _while_leased(until: float, store: Callable[[], Awaitable[None]]) -> None:
    """Store what is in hand, again through trouble of the database: given up, it would come back only when its lease has ended."""
    delay_s = 0.1
    while True:
        try:
            return await store()
        except Exception as error:
            if not is_passing(error) or clock.monotonic() + delay_s > until:
                raise
            log.warning("fetched records are stored again", reason=f"{type(error).__name__}: {error}"[:300])
        await asyncio.sleep(delay_s)
        delay_s = min(delay_s * 2, 1.0)


def _as_fetched(record: FullRecord, due: Due) -> FullRecord:
    """Of two answers with the CRM's same time the one that was asked for later stands.

    A record that came back from deletion may have an older time of its own than its tombstone; its return has not.
    """
    returned = due.restored_at if due.restored_at and not record.deleted else record.crm_time
    return replace(record, sequence=FETCHED + due.lease, crm_time=max(record.crm_time, returned))


def _not_allowed(reason: str) -> Outcome:
    return parked(
        reason, "Give the connection's token the right to read it, or take it out of settings.reads; replay afterwards."
    )


def _absent(due: Due) -> Outcome:
    return parked(
        f"the CRM knows no {due.object_type} {due.external_id}, neither live nor archived",
        "Check that the connection's token may read it; replay afterwards. It is not taken as deleted.",
    )
