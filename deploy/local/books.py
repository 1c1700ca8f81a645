"""What the system's books say: deliveries, deals, forecast and what is on its way, read from the databases as their owner."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from deploy.local.components import PACKAGES, database
from deploy.local.stack import Stack
from services.forecast.rollup import repository as rollup
from simulator.records import DealRecord

CONSUMERS = ("leads", "deals", "pricing", "forecast")
Version = tuple[UUID, int, datetime, datetime]
"""Deal, version, valid from, recorded at."""

T = TypeVar("T")


@dataclass(frozen=True)
class Page:
    """One reading of all books. `unsettled` is what is still on its way, by name; `told_twice` are statements told again.

    A statement is an event of one type about one version of one thing; it may reach a broker often, but is made once.
    """

    unsettled: dict[str, int]
    deliveries: int
    parked: int
    dead: int
    deals: dict[UUID, Any]
    forecast: dict[UUID, Any]
    versions: set[Version]
    forecast_versions: set[Version]
    wrong_cells: int
    told_twice: dict[str, int]


def read(stack: Stack) -> Page:
    """Needs the databases up, nothing else."""

    async def all_of_them() -> Page:
        found = dict(zip(PACKAGES, await asyncio.gather(*(_of_one(stack, name) for name in PACKAGES)), strict=True))
        (unsettled, parked, deliveries), deals, forecast = (
            found[name].own for name in ("gateway", "deals", "forecast")
        )
        return Page(
            unsettled=unsettled | deals[2],
            deliveries=deliveries,
            parked=parked,
            dead=sum(each.dead for each in found.values()),
            deals=deals[0],
            versions=deals[1],
            forecast=forecast[0],
            forecast_versions=forecast[1],
            wrong_cells=forecast[2],
            told_twice={what: count for each in found.values() for what, count in each.told_twice.items()},
        )

    return asyncio.run(all_of_them())


def unsettled(stack: Stack) -> dict[str, int]:
    """What of deliveries and edits is on its way, by name: much cheaper to ask than for everything."""

    async def asked() -> dict[str, int]:
        (deliveries, *_), edits = await asyncio.gather(
            within(stack, "gateway", _gateway), within(stack, "deals", _edits)
        )
        return {**deliveries, **edits}

    return asyncio.run(asked())


class _Found(NamedTuple):
    """What one component's database says."""

    own: Any
    dead: int
    told_twice: dict[str, int]


async def _of_one(stack: Stack, name: str) -> _Found:
    async def work(connection: AsyncConnection) -> _Found:
        own = await _OWN[name](connection) if name in _OWN else None
        dead = await _dead_letters(connection) if name in CONSUMERS else 0
        return _Found(own, dead, await _told_twice(connection))

    return await within(stack, name, work)


async def within(stack: Stack, component: str, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """What `work` reads in one snapshot of a component's database."""
    engine = create_async_engine(stack.postgres.url(database(component), owner=True), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            return await work(await connection.execution_options(isolation_level="REPEATABLE READ"))
    finally:
        await engine.dispose()


def is_the_deal(row: Any, record: DealRecord) -> bool:
    """Whether a deal stands in our books as its CRM holds it."""
    if row.removed or record.deleted:
        return bool(row.removed == record.deleted)
    # A closed deal of Pipedrive's has no stage of its own.
    stage = row.stage if record.state == "open" else record.stage
    return bool((row.amount, row.state, stage) == (record.amount, record.state, record.stage))


def misnumbered(versions: Iterable[Version]) -> dict[UUID, list[int]]:
    """Deals whose versions are not counted from 1 without a gap."""
    numbers: dict[UUID, list[int]] = defaultdict(list)
    for deal, version, *_ in versions:
        numbers[deal].append(version)
    return {deal: sorted(found) for deal, found in numbers.items() if sorted(found) != list(range(1, len(found) + 1))}


def times_of(versions: Iterable[Version]) -> dict[UUID, set[datetime]]:
    """The instants at which each deal's timeline has an entry."""
    times: dict[UUID, set[datetime]] = defaultdict(set)
    for deal, _, valid_from, _ in versions:
        times[deal].add(valid_from)
    return times


async def _gateway(connection: AsyncConnection) -> tuple[dict[str, int], int, int]:
    rows = await connection.execute(
        text(
            """
            SELECT (SELECT count(*) FROM delivery WHERE state = 'accepted'),
                   (SELECT count(*) FROM delivery_item WHERE outcome = 'pending'),
                   (SELECT count(*) FROM delivery_item WHERE outcome = 'parked'),
                   (SELECT count(*) FROM delivery)
            """
        )
    )
    unread, pending, parked, deliveries = rows.one()
    return {"deliveries not read": unread, "items waiting for a fetch": pending}, parked, deliveries


_STANDING = "SELECT deal_id, amount, state, stage, removed FROM {table} WHERE version > 0"
_VERSIONS = text("SELECT deal_id, version, valid_from, recorded_at FROM deal_version")


async def _deals(connection: AsyncConnection) -> tuple[dict[UUID, Any], set[Version], dict[str, int]]:
    rows = await connection.execute(text(_STANDING.format(table="deal")))
    standing = {row.deal_id: row for row in rows}
    return standing, {tuple(row) for row in await connection.execute(_VERSIONS)}, await _edits(connection)


async def _edits(connection: AsyncConnection) -> dict[str, int]:
    count = await connection.scalar(text("SELECT count(*) FROM deal_edit WHERE state IN ('pending', 'taken')"))
    return {"edits on their way to a CRM and back": count or 0}


async def _forecast(connection: AsyncConnection) -> tuple[dict[UUID, Any], set[Version], int]:
    rows = await connection.execute(text(_STANDING.format(table="deal_current")))
    standing = {row.deal_id: row for row in rows}
    versions: set[Version] = {tuple(row) for row in await connection.execute(_VERSIONS)}
    async with AsyncSession(bind=connection) as session:
        return standing, versions, len(await rollup.differences(session))


async def _dead_letters(connection: AsyncConnection) -> int:
    return int(await connection.scalar(text("SELECT count(*) FROM dead_letter WHERE state = 'open'")) or 0)


async def _told_twice(connection: AsyncConnection) -> dict[str, int]:
    rows = await connection.execute(
        text("SELECT type, key, aggregate_version, count(*) AS times FROM outbox GROUP BY 1, 2, 3 HAVING count(*) > 1")
    )
    return {f"{row.type} of {row.key}, version {row.aggregate_version},": row.times for row in rows}


_OWN: Final[dict[str, Callable[[AsyncConnection], Awaitable[Any]]]] = {
    "gateway": _gateway,
    "deals": _deals,
    "forecast": _forecast,
}
