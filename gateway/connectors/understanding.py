"""Reads stored deliveries: parses, claims, maps, and puts canonical changes into the outbox, in one transaction per batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.connections.cache import Connections
from gateway.connections.service import Connection
from gateway.connectors import beside, records, repository, wanted
from gateway.connectors.edits import edited
from gateway.connectors.edits import newest as newest_edits
from gateway.connectors.items import FullRecord, Ignored, Item, Signal, StoredDelivery, Unreadable, UnreadableBody
from gateway.connectors.outcomes import Outcome, parked, unforeseen, unmappable
from gateway.connectors.providers import provider_of
from gateway.connectors.records import Incoming
from gateway.connectors.repository import Unread, Wanted
from gateway.mapping.canonical import Context, without_person_data
from gateway.mapping.objects import to_canonical
from gateway.mapping.values import MappingError
from libs.common import clock, crash
from libs.common.observe.log import get_logger

log = get_logger(__name__)

CRM_RESOLUTION = timedelta(seconds=1)
"""No CRM that can be asked back has a coarser clock."""


@dataclass
class Entry:
    """An item on its way to an outcome. `item` is None for a delivery that holds none, or cannot be read at all."""

    delivery: Unread
    position: int
    item: Item | None
    outcome: Outcome | None = None
    incoming: Incoming | None = None


@dataclass(frozen=True, slots=True)
class Understood:
    """How much a batch held."""

    deliveries: int
    signals: int


async def understand(
    session: AsyncSession,
    cache: Connections,
    *,
    zone: ZoneInfo,
    limit: int,
    only: Sequence[UUID] | None = None,
) -> Understood:
    """Understand the oldest unread deliveries, or those of `only`; the caller's transaction commits all of it or nothing."""
    deliveries = await repository.lock_unread(session, limit=limit, only=only)
    if not deliveries:
        return Understood(0, 0)
    connections = await cache.up_to(session, {(each.connection, each.changed_at) for each in deliveries})
    read = {each.id: parse(each, connections[each.connection]) for each in deliveries}
    edits = await newest_edits(session, [each.id for each in deliveries if each.item_count is not None])
    settled = await repository.settled_positions(session, deliveries)
    open_entries = [
        each for entries in read.values() for each in entries if (each.delivery.id, each.position) not in settled
    ]
    await _mark_duplicates(session, open_entries)
    for each in open_entries:
        each.item = edited(each.item, edits.get((each.delivery.id, each.position)))
        _map(each, connections[each.delivery.connection], zone)
    signals = await _signal(session, open_entries)
    waiting = [each for each in open_entries if each.incoming is not None]
    outcomes = await records.apply(session, [each.incoming for each in waiting if each.incoming is not None])
    for each, outcome in zip(waiting, outcomes, strict=True):
        each.outcome = outcome
    signals += await _ask_about_ties(session, waiting, connections)
    seen = [(connections[e.incoming.connection], e.incoming, e.outcome) for e in waiting if e.incoming and e.outcome]
    signals += await beside.ask(session, seen)
    await repository.tell(session, [vars(each) for each in open_entries], _item_counts(read, settled))
    crash.point("gateway.parsed_not_committed")
    return Understood(len(deliveries), signals)


def _item_counts(read: Mapping[UUID, Sequence[Entry]], settled: set[tuple[UUID, int]]) -> dict[UUID, int]:
    """Items per delivery; a replay may find fewer than were settled before, and those still count."""
    counts = {delivery: len(entries) for delivery, entries in read.items()}
    for delivery, position in settled:
        counts[delivery] = max(counts[delivery], position + 1)
    return counts


def parse(delivery: Unread, connection: Connection) -> list[Entry]:
    """The items of a delivery; whatever cannot be read is parked, with a reason, as one item."""
    stored = StoredDelivery(
        headers=delivery.headers,
        body=delivery.body or b"",
        received_at=delivery.received_at,
        settings=connection.credentials.settings,
    )
    try:
        items = wanted.parse(stored.body) if wanted.MARK in stored.headers else provider_of(connection).parse(stored)
    except UnreadableBody as error:
        advice = "Compare the body with what this CRM documents; replay after a fix."
        return [Entry(delivery, 0, None, parked(str(error), advice))]
    except Exception as error:
        log.error("parser failed", connection=connection.key, delivery=str(delivery.id), exc_info=error)
        return [Entry(delivery, 0, None, unforeseen(error))]
    if not items:
        return [Entry(delivery, 0, None, Outcome("ignored", reason="the delivery holds no items"))]
    return [Entry(delivery, position, item) for position, item in enumerate(items)]


async def _mark_duplicates(session: AsyncSession, entries: Sequence[Entry]) -> None:
    keyed = [
        ((each.delivery.connection, each.item.dedupe_key), (each.delivery.id, each.position), each)
        for each in entries
        if each.item is not None and each.item.dedupe_key is not None
    ]
    owners = await repository.claim(session, [(key, place) for key, place, _ in keyed])
    for key, place, each in keyed:
        owner = owners[key]
        if owner != place:
            each.outcome = Outcome("duplicate", reason=f"the same event came with delivery {owner[0]}")


def _map(entry: Entry, connection: Connection, zone: ZoneInfo) -> None:
    """Gives the entry an outcome, or a record to apply."""
    if entry.outcome is not None:
        return
    match entry.item:
        case Ignored() as item:
            entry.outcome = Outcome("ignored", reason=item.reason)
        case Unreadable() as item:
            entry.outcome = parked(item.reason, item.advice)
        case Signal() as item if not _can_fetch(connection):
            entry.outcome = parked(
                f"{item.object_type} {item.external_id} came without its content",
                "Give the connection settings.api_base and secrets.api_token, or let the CRM send the whole record.",
                crm_time=item.crm_time,
            )
        case FullRecord() as item:
            mapped = mapped_or_parked(
                item,
                connection,
                zone=zone,
                delivery_id=entry.delivery.id,
                received_at=entry.delivery.received_at,
                traceparent=entry.delivery.traceparent,
            )
            if isinstance(mapped, Outcome):
                entry.outcome = mapped
            else:
                entry.incoming = mapped


def _can_fetch(connection: Connection) -> bool:
    provider = provider_of(connection)
    return provider.fetch is not None and provider.can_ask(connection.credentials)


def mapped_or_parked(
    source: FullRecord,
    connection: Connection,
    *,
    zone: ZoneInfo,
    delivery_id: UUID,
    received_at: datetime,
    traceparent: str | None = None,
) -> Incoming | Outcome:
    """The record ready to be applied, or why it is parked; with the delivery that brought it."""
    if source.crm_time > clock.now() + clock.MAX_AHEAD:
        return parked(
            f"the CRM's time {source.crm_time.isoformat()} is in the future",
            "Set the clock of the CRM or of this machine right; replay when that time has come.",
            crm_time=source.crm_time,
        )
    context = Context(
        connection.key,
        connection.provider,
        connection.mapping,
        connection.mapping_version,
        received_at,
        zone,
    )
    try:
        mapped = to_canonical(source, context)
        kept = without_person_data(context, source)
    except MappingError as error:
        return unmappable(error, crm_time=source.crm_time)
    except Exception as error:
        log.error("mapping failed", connection=connection.key, object_type=source.object_type, exc_info=error)
        return unforeseen(error)
    return Incoming(mapped, connection.key, delivery_id, received_at, kept, traceparent)


async def _signal(session: AsyncSession, entries: Sequence[Entry]) -> int:
    """Turns what is still without an outcome into pending items; returns how many records are to be fetched."""
    waiting = [
        (each, each.item, (each.delivery.connection, each.item.object_type, each.item.external_id))
        for each in entries
        if each.outcome is None and isinstance(each.item, Signal)
    ]
    numbers = await repository.signal(
        session, [(key, Wanted(each.delivery.received_at, item.restored_at)) for each, item, key in waiting]
    )
    for each, item, key in waiting:
        each.outcome = Outcome("pending", crm_time=item.crm_time, signalled_seq=numbers[key])
    return len(numbers)


async def _ask_about_ties(
    session: AsyncSession, entries: Sequence[Entry], connections: Mapping[str, Connection]
) -> int:
    """Where two contents have one clock the CRM is asked which stands, once its clock cannot repeat itself any more."""
    return len(
        await repository.signal(
            session,
            [
                (each.incoming.key, Wanted(each.incoming.received_at, not_before=_past(each.incoming)))
                for each in entries
                if each.incoming and each.outcome and each.outcome.is_tied
                if _can_fetch(connections[each.incoming.connection])
            ],
        )
    )


def _past(incoming: Incoming) -> datetime:
    return incoming.mapped.clock.crm_time + CRM_RESOLUTION - clock.offset()
