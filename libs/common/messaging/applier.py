"""Applying a batch of records in one transaction, down to the one event that cannot be applied."""

import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import crash
from libs.common.db import Database, is_passing
from libs.common.events.base import EventData, Received
from libs.common.messaging import deadletter, envelope, inbox, position
from libs.common.messaging.envelope import Tick
from libs.common.messaging.position import PartitionLost, Place, Position
from libs.common.observe import metrics, tracing
from libs.common.observe.log import get_logger

log = get_logger(__name__)

Handler = Callable[[AsyncSession, Sequence[Received[Any]]], Awaitable[None]]

BRAKE_LETTERS = 50
"""So many dead letters within BRAKE_WINDOW_S pause the consumer: rather a bug of ours than of the events."""
BRAKE_WINDOW_S = 60.0


class Brake(Exception):
    """Too much would be dead-lettered; nothing of the present batch is committed."""


@dataclass
class Applier:
    """Applies records to one component's database. Knows nothing of the broker's connection."""

    database: Database
    handlers: Mapping[type[EventData], Handler]
    _deaths: deque[float] = field(default_factory=deque)

    async def apply(
        self, records: Sequence[Any], moves: Mapping[Place, tuple[Position, Position]], ticks: Mapping[Place, Tick]
    ) -> None:
        """Apply records and move positions in one transaction; bisect down to events that cannot be applied.

        Raises PartitionLost, Brake, and infrastructure errors, all with nothing committed of the failing part.
        """
        try:
            await self._commit(records, moves, ticks)
        except (PartitionLost, Brake):
            raise
        except Exception as error:
            if is_passing(error):
                raise
            if len(records) <= 1:
                await self._bury(records, moves, ticks, error)
                return
            metrics.CONSUMER_RETRIES.labels("bisect").inc()
            for half in _halves(records, moves):
                await self.apply(half.records, half.moves, ticks if half.is_last else {})

    async def _commit(
        self, records: Sequence[Any], moves: Mapping[Place, tuple[Position, Position]], ticks: Mapping[Place, Tick]
    ) -> None:
        async with self.database.transaction() as session:
            claimed = await inbox.claim(session, [envelope.event_id(record) for record in records])
            for handler, events in self._by_handler(records, claimed):
                with tracing.following(events[0].type, ((event.id, event.traceparent) for event in events)):
                    await handler(session, events)
            await position.advance(session, moves, ticks)
            if records:
                crash.point("consumer.applied_not_committed")

    def _by_handler(self, records: Sequence[Any], claimed: set[Any]) -> list[tuple[Handler, list[Received[Any]]]]:
        """Events grouped by their handler, each group in order; repetitions and foreign types left out."""
        groups: dict[Handler, list[Received[Any]]] = {}
        counts = dict.fromkeys(metrics.EVENT_RESULTS, 0)
        for record in records:
            identifier = envelope.event_id(record)
            if identifier not in claimed:
                counts["duplicate"] += 1
                continue
            claimed.discard(identifier)
            event = envelope.read(record)
            handler = self.handlers.get(type(event.data)) if event else None
            if event is None or handler is None:
                counts["ignored"] += 1
                continue
            groups.setdefault(handler, []).append(event)
            counts["applied"] += 1
        if records:
            for result, count in counts.items():
                metrics.EVENTS_CONSUMED.labels(records[0].topic, result).inc(count)
        return list(groups.items())

    async def _bury(
        self,
        records: Sequence[Any],
        moves: Mapping[Place, tuple[Position, Position]],
        ticks: Mapping[Place, Tick],
        error: Exception,
    ) -> None:
        if not records:
            raise error
        self._brake()
        reason = f"{type(error).__name__}: {error}"
        async with self.database.transaction() as session:
            await deadletter.bury(session, records[0], reason)
            await position.advance(session, moves, ticks)
        metrics.DEAD_LETTERS.labels(records[0].topic).inc()
        metrics.EVENTS_CONSUMED.labels(records[0].topic, "dead").inc()
        log.error("event put among the dead letters", type=envelope.type_of(records[0]), reason=reason[:500])

    def _brake(self) -> None:
        now = time.monotonic()
        while self._deaths and now - self._deaths[0] > BRAKE_WINDOW_S:
            self._deaths.popleft()
        if len(self._deaths) >= BRAKE_LETTERS:
            self._deaths.clear()
            raise Brake(f"{BRAKE_LETTERS} dead letters within {BRAKE_WINDOW_S:.0f} s")
        self._deaths.append(now)

    async def replay(self, ids: list[Any] | None = None) -> dict[str, int]:
        """Apply open dead letters again, one transaction each; returns how many were replayed and how many failed."""
        done = {"replayed": 0, "failed": 0}
        async with self.database.reading() as session:
            letters = await deadletter.listing(session, limit=10_000)
        for letter in letters:
            if ids is not None and letter["event_id"] not in ids:
                continue
            try:
                async with self.database.transaction() as session:
                    for record in await deadletter.open_records(session, [letter["event_id"]]):
                        await inbox.claim(session, [letter["event_id"]])
                        event = envelope.read(record)
                        handler = self.handlers.get(type(event.data)) if event else None
                        if event is not None and handler is not None:
                            await handler(session, [event])
                        await deadletter.settle(session, letter["event_id"], "replayed")
                done["replayed"] += 1
            except Exception as error:
                if is_passing(error):
                    raise
                done["failed"] += 1
                log.warning("dead letter still cannot be applied", type=letter["type"], reason=str(error)[:500])
        return done


@dataclass(frozen=True)
class _Half:
    records: Sequence[Any]
    moves: Mapping[Place, tuple[Position, Position]]
    is_last: bool


def _halves(records: Sequence[Any], moves: Mapping[Place, tuple[Position, Position]]) -> tuple[_Half, _Half]:
    """Cut a batch in two whose positions follow each other."""
    middle = len(records) // 2
    first, second = records[:middle], records[middle:]
    between: dict[Place, Position] = {}
    for record in first:
        place = (record.topic, record.partition)
        before, reached = moves[place]
        known = min(before.applied_txid, reached.applied_txid)
        between[place] = replace(reached, next_offset=record.offset + 1, applied_txid=known)
    first_moves = {place: (moves[place][0], reached) for place, reached in between.items()}
    second_moves = {place: (between.get(place, move[0]), move[1]) for place, move in moves.items()}
    return _Half(first, first_moves, is_last=False), _Half(second, second_moves, is_last=True)
