"""Applies mapped records: the newest by clock is kept, every version that is not known yet leaves as an event."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.connectors import versions
from gateway.connectors.items import FETCHED, FullRecord
from gateway.connectors.observation import unobserved_since
from gateway.connectors.outcomes import Outcome
from gateway.connectors.parts import after_what_is_known
from gateway.connectors.versions import Version
from gateway.mapping.canonical import Mapped
from libs.common.events.base import Cause
from libs.common.events.crm import RecordClock
from libs.common.ids import normalise_external_id
from libs.common.messaging import outbox
from libs.common.observe import tracing
from libs.common.sql import Query

Key = tuple[str, str, str]
_NEVER = (datetime.min.replace(tzinfo=UTC), -1, -1, "")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A mapped record with where it came from. `kept` is the provider's record without person data.

    `told_at`: when the changes happened that the CRM told of by signals which this record answers; none where it was delivered.
    """

    mapped: Mapped
    connection: str
    delivery_id: UUID
    received_at: datetime
    kept: dict[str, Any] | None
    traceparent: str | None = None
    told_at: Sequence[datetime] = ()

    @property
    def key(self) -> Key:
        source = self.mapped.source
        return (self.connection, source.object_type, normalise_external_id(source.external_id))


@dataclass
class _Row:
    """A source record as locked, then as it will be stored. `previous`: when the version before the newest one began."""

    version: int
    order: tuple[Any, ...]
    previous: datetime | None = None
    unobserved: datetime | None = None
    newest: Incoming | None = None
    event_id: UUID | None = None
    left: list[Version] = field(default_factory=list)


async def apply(session: AsyncSession, incoming: Sequence[Incoming]) -> list[Outcome]:
    """One outcome per record, in their order. Events enter the outbox; older versions too, since history wants them."""
    if not incoming:
        return []
    rows = await _locked(session, incoming)
    await outbox.stamp(session)
    outcomes = [_apply_one(session, rows[each.key], each) for each in incoming]
    await _store(session, {key: row for key, row in rows.items() if row.newest is not None or row.left})
    await versions.keep(session, [version for row in rows.values() for version in row.left])
    await _store_people(session, incoming)
    return outcomes


def _apply_one(session: AsyncSession, row: _Row, each: Incoming) -> Outcome:
    mapped = after_what_is_known(None if row.order == _NEVER else row.order, each.mapped)
    order = mapped.clock.order()
    crm_time = mapped.clock.crm_time
    unobserved = unobserved_since(crm_time, each.told_at, seen_at=(row.order[0], row.previous))
    is_known = order == row.order or _is_known(mapped.clock, row)
    if is_known and not _reveals_a_gap(unobserved, each, row):
        return Outcome(
            "duplicate",
            reason="this version of the record is known already",
            entity_id=mapped.entity_id,
            crm_time=crm_time,
            event_id=row.event_id,
        )
    is_tied = _is_tied(mapped.clock, row)
    event_id = None
    if order[:2] == row.order[:2]:
        unobserved = row.unobserved  # the same version understood by another mapping
    if mapped.event is not None:
        event = mapped.event.model_copy(update={"unobserved_since": unobserved})
        mapped = replace(mapped, event=event)
        row.version += 1
        with tracing.continued("understand", each.traceparent):
            event_id = outbox.add(
                session,
                event,
                key=mapped.entity_id,
                version=row.version,
                occurred_at=crm_time,
                cause=Cause(connection=each.connection, delivery=each.delivery_id),
            )
        row.left.append(
            Version(event_id, *each.key, each.delivery_id, each.received_at, _changed_by(mapped.source), event)
        )
    is_newest = order > row.order
    if is_newest:
        if crm_time > row.order[0]:
            row.previous = row.order[0] if row.order != _NEVER else None
            row.unobserved = None
        row.unobserved = min((at for at in (unobserved, row.unobserved) if at), default=None)
        row.order, row.newest, row.event_id = order, replace(each, mapped=mapped), event_id
    elif row.order[0] > crm_time:
        row.previous = max(crm_time, row.previous or crm_time)
    return Outcome(
        "applied" if is_newest else "superseded",
        reason=None if is_newest else "a newer version of the record was there before",
        entity_id=mapped.entity_id,
        event_id=event_id,
        crm_time=crm_time,
        is_tied=is_tied,
    )


def _changed_by(source: FullRecord) -> str | None:
    """Who changed a version, in words: the CRM's user, and who of ours edited what it sent."""
    if source.edited_by is None:
        return source.actor
    return f"{source.actor or 'unknown'}, edited here by {source.edited_by}"


def _reveals_a_gap(unobserved: datetime | None, each: Incoming, row: _Row) -> bool:
    """Whether signals that came late tell of a change before the known version that nobody saw."""
    clock = each.mapped.clock
    is_later = each.mapped.event is not None and clock.order() > row.order
    return is_later and unobserved is not None and unobserved < (row.unobserved or clock.crm_time)


def _is_known(clock: RecordClock, row: _Row) -> bool:
    """Whether a fetch shows what is known already. Fetches of one record are applied in the order they were asked for."""
    return clock.sequence >= FETCHED and (clock.crm_time, clock.mapping_version, clock.digest) == (
        row.order[0],
        row.order[2],
        row.order[3],
    )


def _is_tied(clock: RecordClock, row: _Row) -> bool:
    """Whether a delivered record says something else than the known one although neither clock is the later."""
    crm_time, sequence, _, digest = row.order
    is_delivered, is_undecided = clock.sequence < FETCHED, sequence == clock.sequence or sequence >= FETCHED
    return is_delivered and is_undecided and clock.crm_time == crm_time and clock.digest != digest


_LOCK = Query(
    """
    INSERT INTO source_record AS s (connection, object_type, external_id, entity_id)
    SELECT n.connection, n.object_type, n.external_id, n.entity_id
    FROM unnest(cast(:connections AS text[]), cast(:types AS text[]), cast(:ids AS text[]), cast(:entities AS uuid[]))
      AS n (connection, object_type, external_id, entity_id)
    ORDER BY 1, 2, 3
    ON CONFLICT (connection, object_type, external_id) DO UPDATE SET version = s.version
    RETURNING connection, object_type, external_id, version, crm_time, sequence, mapping_version, digest, event_id,
        previous_crm_time, unobserved_since
    """
)
"""The update changes nothing; it locks the row and shows it as the last transaction left it, which DO NOTHING would not."""


async def _locked(session: AsyncSession, incoming: Sequence[Incoming]) -> dict[Key, _Row]:
    """The rows of all records, made where new, locked in the order of their keys."""
    entities = {each.key: each.mapped.entity_id for each in incoming}
    found = await _LOCK.rows(session, _names(entities) | {"entities": list(entities.values())})
    return {
        (row.connection, row.object_type, row.external_id): _Row(
            version=row.version,
            order=_NEVER if row.crm_time is None else (row.crm_time, row.sequence, row.mapping_version, row.digest),
            event_id=row.event_id,
            previous=row.previous_crm_time,
            unobserved=row.unobserved_since,
        )
        for row in found
    }


_UPDATE = Query(
    """
    UPDATE source_record s
    SET version = n.version, crm_time = n.crm_time, sequence = n.sequence, mapping_version = n.mapping_version,
        digest = n.digest, deleted = n.deleted, merged_into = n.merged_into, record = n.record::jsonb, canonical = n.canonical::jsonb,
        delivery_id = n.delivery_id, event_id = n.event_id, received_at = n.received_at,
        previous_crm_time = n.previous_crm_time, unobserved_since = n.unobserved_since, actor = n.actor
    FROM unnest(
        cast(:connections AS text[]), cast(:types AS text[]), cast(:ids AS text[]), cast(:versions AS bigint[]),
        cast(:times AS timestamptz[]), cast(:sequences AS bigint[]), cast(:mappings AS integer[]), cast(:digests AS text[]),
        cast(:deleted AS boolean[]), cast(:merged AS text[]), cast(:records AS text[]), cast(:canonicals AS text[]), cast(:deliveries AS uuid[]),
        cast(:events AS uuid[]), cast(:received AS timestamptz[]), cast(:previous AS timestamptz[]),
        cast(:unobserved AS timestamptz[]), cast(:actors AS text[])
    ) AS n (connection, object_type, external_id, version, crm_time, sequence, mapping_version, digest, deleted, merged_into, record,
            canonical, delivery_id, event_id, received_at, previous_crm_time, unobserved_since, actor)
    WHERE s.connection = n.connection AND s.object_type = n.object_type AND s.external_id = n.external_id
    """
)
_COUNT_UP = Query(
    """
    UPDATE source_record s SET version = n.version, previous_crm_time = n.previous_crm_time
    FROM unnest(
        cast(:connections AS text[]), cast(:types AS text[]), cast(:ids AS text[]), cast(:versions AS bigint[]),
        cast(:previous AS timestamptz[])
    ) AS n (connection, object_type, external_id, version, previous_crm_time)
    WHERE s.connection = n.connection AND s.object_type = n.object_type AND s.external_id = n.external_id
    """
)


async def _store(session: AsyncSession, rows: dict[Key, _Row]) -> None:
    older = {key: row for key, row in rows.items() if row.newest is None}
    if older:
        kept = {
            "versions": [row.version for row in older.values()],
            "previous": [row.previous for row in older.values()],
        }
        await _COUNT_UP.run(session, _names(older) | kept)
    newer = {key: (row, row.newest) for key, row in rows.items() if row.newest is not None}
    if not newer:
        return
    clocks = [each.mapped.clock for _, each in newer.values()]
    await _UPDATE.run(
        session,
        _names(newer)
        | {
            "versions": [row.version for row, _ in newer.values()],
            "times": [clock.crm_time for clock in clocks],
            "sequences": [clock.sequence for clock in clocks],
            "mappings": [clock.mapping_version for clock in clocks],
            "digests": [clock.digest for clock in clocks],
            "deleted": [each.mapped.source.deleted for _, each in newer.values()],
            "merged": [each.mapped.source.merged_into for _, each in newer.values()],
            "records": [None if each.kept is None else orjson.dumps(each.kept).decode() for _, each in newer.values()],
            "canonicals": [
                None if each.mapped.event is None else each.mapped.event.model_dump_json() for _, each in newer.values()
            ],
            "deliveries": [each.delivery_id for _, each in newer.values()],
            "events": [row.event_id for row, _ in newer.values()],
            "received": [each.received_at for _, each in newer.values()],
            "previous": [row.previous for row, _ in newer.values()],
            "unobserved": [row.unobserved for row, _ in newer.values()],
            "actors": [each.mapped.source.actor for _, each in newer.values()],
        },
    )


def _names(rows: dict[Key, Any]) -> dict[str, Any]:
    return {
        "connections": [key[0] for key in rows],
        "types": [key[1] for key in rows],
        "ids": [key[2] for key in rows],
    }


_PEOPLE = Query(
    """
    INSERT INTO person (id, connection, kind, external_id, name, email, phone, clock)
    SELECT n.id, n.connection, n.kind, n.external_id, n.name, n.email, n.phone, n.clock
    FROM unnest(
        cast(:ids AS uuid[]), cast(:connections AS text[]), cast(:kinds AS text[]), cast(:externals AS text[]),
        cast(:names AS text[]), cast(:emails AS text[]), cast(:phones AS text[]), cast(:clocks AS timestamptz[])
    ) AS n (id, connection, kind, external_id, name, email, phone, clock)
    ORDER BY n.id
    ON CONFLICT (id) DO UPDATE SET
        name = excluded.name, email = excluded.email, phone = excluded.phone, clock = excluded.clock, updated_at = clock_timestamp()
    WHERE (excluded.clock, excluded.name, excluded.email, excluded.phone) > (person.clock, person.name, person.email, person.phone)
    """
)


async def _store_people(session: AsyncSession, incoming: Sequence[Incoming]) -> None:
    """Keep the newest name, mail and phone of every person met; of two at one time the greater text, so that any order agrees."""
    newest: dict[UUID, Incoming] = {}
    for each in incoming:
        person = each.mapped.person
        if person is not None:
            known = newest.get(person.id)
            if known is None or _person_order(each) > _person_order(known):
                newest[person.id] = each
    if not newest:
        return
    chosen = [(each, each.mapped.person) for each in newest.values() if each.mapped.person is not None]
    await _PEOPLE.run(
        session,
        {
            "ids": [person.id for _, person in chosen],
            "connections": [each.connection for each, _ in chosen],
            "kinds": [person.kind for _, person in chosen],
            "externals": [person.external_id for _, person in chosen],
            "names": [person.name or "" for _, person in chosen],
            "emails": [person.email or "" for _, person in chosen],
            "phones": [person.phone or "" for _, person in chosen],
            "clocks": [each.mapped.clock.crm_time for each, _ in chosen],
        },
    )


def _person_order(each: Incoming) -> tuple[Any, ...]:
    person = each.mapped.person
    return (each.mapped.clock.crm_time, person and (person.name or "", person.email or "", person.phone or ""))
