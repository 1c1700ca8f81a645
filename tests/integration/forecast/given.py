"""Deals and organisations as the forecast's handlers get them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import text

from libs.common import clock
from libs.common.db import Database
from libs.common.events.base import Cause, EventData, Received
from libs.common.events.deals import DealChanged, DealState, PersonPlaced, UnitChanged
from libs.common.ids import NAMESPACE, ROOT_UNIT, new_id, unit_id
from services.forecast.consumers import HANDLERS

AT = datetime(2024, 11, 2, 9, tzinfo=UTC)
TODAY = "2024-11-20"


def named(name: str) -> UUID:
    return uuid5(NAMESPACE, f"test:{name}")


def received(data: EventData, key: UUID, version: int = 1, *, partition: int = 0, at: datetime = AT) -> Received[Any]:
    return Received(
        data=data,
        id=new_id(),
        type=data.TYPE,
        key=key,
        occurred_at=at,
        recorded_at=at,
        aggregate_version=version,
        topic=data.TOPIC.name,
        partition=partition,
        cause=Cause(connection="crm", delivery=new_id()),
    )


def state(name: str, version: int = 1, **fields: Any) -> DealState:
    given: dict[str, Any] = {
        "deal_id": named(name),
        "version": version,
        "valid_from": AT,
        "stage_entered_at": AT,
        "created_at": AT,
        "name": name,
        "currency": "EUR",
        "category": "commit",
        "close_date": date(2024, 12, 10),
        "stage_probability": Decimal("0.5"),
        "amount": Decimal(1000),
    }
    return DealChanged(**(given | fields))


def deal(
    name: str, version: int = 1, *, partition: int = 0, recorded_at: datetime = AT, **fields: Any
) -> Received[Any]:
    data = state(name, version, **fields)
    return received(data, data.deal_id, version, partition=partition, at=recorded_at)


async def handle(database: Database, events: Sequence[Received[Any]]) -> None:
    """Hand a batch of events to their handler in one transaction."""
    async with database.transaction() as session:
        await HANDLERS[type(events[0].data)](session, events)


async def organisation(database: Database, teams: dict[str, list[str]], *, at: datetime = AT) -> None:
    """Teams by path, each with the people in it, since `at` and known since then."""
    paths = {part for path in teams for part in ("/".join(path.split("/")[: depth + 1]) for depth in range(3))}
    units = [
        UnitChanged(
            unit_id=unit_id(path),
            version=1,
            valid_from=at,
            parent_id=unit_id(path.rpartition("/")[0]) if "/" in path else ROOT_UNIT,
            name=path.rpartition("/")[2],
            kind="team" if "/" in path else "region",
        )
        for path in sorted(paths)
    ]
    await handle(database, [received(unit, unit.unit_id, at=at) for unit in units])
    people = [
        PersonPlaced(person_id=named(person), version=1, valid_from=at, unit_id=unit_id(path))
        for path, persons in teams.items()
        for person in persons
    ]
    await handle(database, [received(placed, placed.person_id, at=at) for placed in people])


async def rows(database: Database, statement: str) -> list[dict[str, Any]]:
    async with database.reading() as session:
        return [dict(row) for row in (await session.execute(text(statement))).mappings()]


@contextmanager
def at(instant: datetime) -> Iterator[None]:
    """The clock shows this instant, and goes on from there."""
    clock.set_offset(0)
    clock.set_offset((instant - clock.now()).total_seconds())
    try:
        yield
    finally:
        clock.set_offset(0)


async def told(database: Database, kind: str) -> list[dict[str, Any]]:
    """The payloads of the events of a type that wait in the outbox, in order."""
    statement = "SELECT convert_from(data, 'UTF8')::jsonb AS data FROM outbox WHERE type = :kind ORDER BY position"
    async with database.reading() as session:
        return [row.data for row in await session.execute(text(statement), {"kind": kind})]
