"""Making locks when they are due, later where one was missed, and reading what they froze."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from prometheus_client import Histogram
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.db import Database
from libs.common.events.forecast import ForecastLocked
from libs.common.ids import ROOT_UNIT, new_id
from libs.common.messaging import outbox, position
from libs.common.messaging.topics import DEAL_EVENTS
from libs.common.web.auth import Principal
from libs.common.web.errors import NotFound
from services.forecast.config import Settings, settings_of
from services.forecast.history import repository as history
from services.forecast.locks import freezing, repository
from services.forecast.locks.due import Due, Timetable
from services.forecast.locks.freezing import Frozen
from services.forecast.rates import service as rates
from services.forecast.rollup.standing import METRIC_VERSION

LATE_AFTER = timedelta(minutes=60)
"""A lock that is made after that is late."""
HOPELESS_AFTER = timedelta(minutes=60)
"""So long a lock waits for what was recorded by its instant while nothing at all arrives."""
WATERMARK_OLD = timedelta(minutes=60)
LEAST_COMPLETE = Decimal("0.99")
DELAY = Histogram(
    "forecast_lock_delay_seconds",
    "From the instant at which a lock was due to the commit that holds it",
    buckets=(1, 5, 10, 20, 30, 45, 60, 120, 300, 900, 3600, 4 * 3600, 24 * 3600),
)

_stuck: WeakKeyDictionary[Database, tuple[Mapping[int, int], datetime]] = WeakKeyDictionary()
"""Where the partitions that are behind stood when this process last saw one of them move, and when it did.

Kept by the process, not by the database: while nobody looks, nobody can say that nothing moves.
"""


class LockNotFound(NotFound):
    """No lock of this id."""


def timetable(configured: Settings) -> Timetable:
    hour, minute = configured.lock_time.split(":")
    return Timetable(
        configured.calendar, configured.org_timezone, configured.lock_weekday - 1, time(int(hour), int(minute))
    )


async def make_due(database: Database, *, principal: Principal) -> int:
    """Make every lock that has become due since the last look; returns how many. The first look only begins the timetable.

    A lock is read on one snapshot and then written with its event and the mark in one transaction, so that a process that
    dies in between leaves nothing behind, and two at once leave one lock.

    A lock waits until all that was recorded by its instant is here, however long that takes, as long as something arrives.
    """
    now, made = clock.now(), 0
    async with database.reading() as session:
        since = await repository.checked_to(session)
        configured = settings_of(session)
    if since is None:
        async with database.transaction() as session:
            await repository.check_to(session, now)
        return 0
    for due in timetable(configured).due(since, now):
        async with database.reading() as session:
            behind = await history.behind(session, DEAL_EVENTS.name, DEAL_EVENTS.partitions, due.at)
            if behind and not _is_hopeless(database, behind, now):
                break
            frozen = await freezing.freeze(session, due, principal=principal)
            lock = await _lock(session, due, frozen, now, is_whole=not behind)
        async with database.transaction() as session:
            was_made = await _store(session, lock, frozen, principal=principal)
            await repository.check_to(session, due.at)
        if was_made:
            made += 1
            DELAY.observe((clock.now() - due.at).total_seconds())
    return made


def _is_hopeless(database: Database, behind: Mapping[int, int], now: datetime) -> bool:
    """Whether the partitions that are behind have not moved for so long that waiting for them is of no use."""
    seen, since = _stuck.get(database, ({}, now))
    if seen != behind:
        _stuck[database] = (behind, now)
        return False
    return now - since > HOPELESS_AFTER


async def _lock(session: AsyncSession, due: Due, frozen: Frozen, now: datetime, *, is_whole: bool) -> dict[str, Any]:
    watermark = await _watermark_at(session, due.at)
    completeness = frozen.reading.completeness
    return {
        "lock_id": new_id(),
        "due_at": due.at,
        "kind": due.kind,
        "made_at": now,
        "is_late": now - due.at > LATE_AFTER,
        "state": _state(due.at, watermark, completeness) if is_whole else "incomplete",
        "completeness": completeness,
        "watermark": watermark,
        "currency": frozen.reading.currency,
        "rates_version": await rates.version_at(session, due.at),
        "metric_version": METRIC_VERSION,
        "periods": [period.key for period in due.periods],
    }


async def _watermark_at(session: AsyncSession, at: datetime) -> datetime | None:
    """The arrival of the oldest delivery that was not applied at an instant, from the two clocks: the same whenever asked.

    None while it is not known here whether all that had arrived by then has been applied since.
    """
    current = await position.watermark(session, (DEAL_EVENTS,))
    if current is None:
        return None
    return min(at, current, await repository.oldest_unapplied(session, at) or at)


def _state(due_at: datetime, watermark: datetime | None, completeness: float | None) -> str:
    """Incomplete by what is known, complete only when both are known."""
    if completeness is not None and Decimal(str(completeness)) < LEAST_COMPLETE:
        return "incomplete"
    if watermark is not None and due_at - watermark > WATERMARK_OLD:
        return "incomplete"
    return "unknown" if completeness is None or watermark is None else "complete"


async def _store(session: AsyncSession, lock: dict[str, Any], frozen: Frozen, *, principal: Principal) -> bool:
    if not await repository.add_lock(session, lock):
        return False
    name = {"lock_id": lock["lock_id"]}
    await repository.add_frozen(session, "lock_row", [name | row for row in frozen.rows])
    await repository.add_frozen(
        session,
        "lock_call",
        [name | {"submission_id": each, "stands": stands} for each, stands in frozen.calls.items()],
    )
    await repository.add_frozen(
        session,
        "lock_adjustment",
        [name | {"adjustment_id": each, "delta": delta} for each, delta in frozen.adjustments.items()],
    )
    event = ForecastLocked(**{field: lock[field] for field in ForecastLocked.model_fields})
    outbox.add(
        session,
        event,
        key=ROOT_UNIT,
        version=clock.to_millis(lock["due_at"]),
        occurred_at=lock["due_at"],
        actor=principal.subject,
    )
    return True


async def list_locks(
    session: AsyncSession,
    *,
    before: datetime | None,
    limit: int,
    principal: Principal,  # noqa: ARG001 - that a lock was made is nobody's secret; its rows are
) -> list[dict[str, Any]]:
    """Locks, newest due first."""
    return await repository.locks(session, before=before, limit=limit)


async def read_lock(
    session: AsyncSession,
    lock_id: UUID,
    *,
    period: str | None,
    deal_type: str | None,
    value_basis: str | None,
    parent: UUID | None,
    principal: Principal,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A lock with the rows of nodes within scope. Raises LockNotFound."""
    found = await repository.locks(session, before=None, limit=1, lock_id=lock_id)
    if not found:
        raise LockNotFound(f"There is no lock {lock_id}.")
    basis = value_basis or settings_of(session).call_basis
    return found[0], await repository.rows(
        session, lock_id, period=period, deal_type=deal_type, value_basis=basis, parent=parent, principal=principal
    )


async def frozen_of(
    session: AsyncSession, *, kind: str, node_id: UUID, deal_type: str | None, value_basis: str, principal: Principal
) -> list[dict[str, Any]]:
    """What all locks froze of a node within scope, in the order of their instants."""
    return await repository.frozen_of(
        session, kind=kind, node_id=node_id, deal_type=deal_type, value_basis=value_basis, principal=principal
    )
