"""Queries of the connector worker: deliveries to read, claims on items, signals to fetch by, and what became of items."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.connectors.outcomes import Outcome
from libs.common.sql import Query


class Unread(NamedTuple):
    """A delivery to be read. `item_count` is None unless it was read before; `changed_at` is its connection's last change."""

    id: UUID
    connection: str
    received_at: datetime
    headers: Mapping[str, str]
    body: bytes | None
    traceparent: str | None
    item_count: int | None
    changed_at: datetime


_STATE = """CASE WHEN bool_or(outcome = 'pending') THEN 'pending' WHEN bool_or(outcome = 'parked') THEN 'parked' ELSE 'processed' END"""
"""The state of a delivery by its items."""

_DELIVERY = """
    SELECT d.id, d.connection, d.received_at, d.headers, d.body, d.traceparent, d.item_count, c.updated_at AS changed_at
    FROM delivery d JOIN connection c ON c.key = d.connection AND c.state = 'active'
    """
_UNREAD = Query(f"{_DELIVERY} WHERE d.state = 'accepted' ORDER BY d.id LIMIT :limit FOR UPDATE OF d SKIP LOCKED")
_THESE_UNREAD = Query(
    f"{_DELIVERY} WHERE d.state = 'accepted' AND d.id = ANY(cast(:ids AS uuid[])) ORDER BY d.id FOR UPDATE OF d SKIP LOCKED"
)


async def lock_unread(session: AsyncSession, *, limit: int, only: Sequence[UUID] | None = None) -> list[Unread]:
    """The oldest unread deliveries of active connections that no other worker holds; or those of `only`."""
    if only is not None:
        return [Unread._make(row) for row in await _THESE_UNREAD.rows(session, {"ids": list(only)})]
    return [Unread._make(row) for row in await _UNREAD.rows(session, {"limit": limit})]


_SETTLED = Query(
    """
    SELECT delivery_id, position FROM delivery_item
    WHERE delivery_id = ANY(cast(:ids AS uuid[])) AND outcome <> 'parked'
    """
)


async def settled_positions(session: AsyncSession, deliveries: Iterable[Unread]) -> set[tuple[UUID, int]]:
    """Items of these deliveries that a replay must leave as they are: all but the parked ones."""
    again = [each.id for each in deliveries if each.item_count is not None]
    if not again:
        return set()
    return {(row.delivery_id, row.position) for row in await _SETTLED.rows(session, {"ids": again})}


_CLAIM = Query(
    """
    INSERT INTO delivery_claim (connection, dedupe_key, delivery_id, position)
    SELECT n.connection, n.dedupe_key, n.delivery_id, n.position
    FROM unnest(cast(:connections AS text[]), cast(:keys AS text[]), cast(:deliveries AS uuid[]), cast(:positions AS integer[]))
      AS n (connection, dedupe_key, delivery_id, position)
    ORDER BY 1, 2
    ON CONFLICT DO NOTHING
    RETURNING connection, dedupe_key
    """
)
_OWNERS = Query(
    """
    SELECT c.connection, c.dedupe_key, c.delivery_id, c.position
    FROM delivery_claim c
    JOIN unnest(cast(:connections AS text[]), cast(:keys AS text[])) AS n (connection, dedupe_key) USING (connection, dedupe_key)
    """
)

Claim = tuple[str, str]
Place = tuple[UUID, int]


async def claim(session: AsyncSession, wanted: Iterable[tuple[Claim, Place]]) -> dict[Claim, Place]:
    """Who owns each dedupe key after the first to come has claimed it; among equals in `wanted` the first stands."""
    first: dict[Claim, Place] = {}
    for key, place in wanted:
        first.setdefault(key, place)
    if not first:
        return {}
    places = {"deliveries": [place[0] for place in first.values()], "positions": [place[1] for place in first.values()]}
    claimed = {(row.connection, row.dedupe_key) for row in await _CLAIM.rows(session, _names(first) | places)}
    if len(claimed) == len(first):
        return first
    # Read by a statement of its own: the claim does not see an owner that it has only waited for.
    others = await _OWNERS.rows(session, _names(key for key in first if key not in claimed))
    return first | {(row.connection, row.dedupe_key): (row.delivery_id, row.position) for row in others}


def _names(claims: Iterable[Claim]) -> dict[str, Any]:
    keys = list(claims)
    return {"connections": [key[0] for key in keys], "keys": [key[1] for key in keys]}


_SIGNAL = Query(
    """
    INSERT INTO fetch_signal AS f (connection, object_type, external_id, signalled_seq, received_at, restored_at, due_at)
    SELECT n.connection, n.object_type, n.external_id, nextval('fetch_signal_seq'), n.received_at, n.restored_at,
           greatest(clock_timestamp(), n.not_before)
    FROM unnest(
        cast(:connections AS text[]), cast(:types AS text[]), cast(:ids AS text[]), cast(:received AS timestamptz[]),
        cast(:restored AS timestamptz[]), cast(:not_before AS timestamptz[])
    ) AS n (connection, object_type, external_id, received_at, restored_at, not_before)
    ORDER BY 1, 2, 3
    ON CONFLICT (connection, object_type, external_id) DO UPDATE SET
        signalled_seq = nextval('fetch_signal_seq'),
        received_at = least(f.received_at, excluded.received_at),
        restored_at = greatest(f.restored_at, excluded.restored_at)
    RETURNING connection, object_type, external_id, signalled_seq
    """
)


@dataclass(slots=True)
class Wanted:
    """A record to be asked back. `received_at`: the oldest delivery that wants it. `not_before`: asking earlier is too early."""

    received_at: datetime
    restored_at: datetime | None = None
    not_before: datetime | None = None

    def joined(self, other: "Wanted") -> "Wanted":
        """One question for both."""
        restored = [at for at in (self.restored_at, other.restored_at) if at]
        early = self.not_before and other.not_before and min(self.not_before, other.not_before)
        return Wanted(min(self.received_at, other.received_at), max(restored, default=None), early)


RecordKey = tuple[str, str, str]
"""Connection, object type, external id."""


async def signal(session: AsyncSession, signals: Iterable[tuple[RecordKey, Wanted]]) -> dict[RecordKey, int]:
    """Ask for one fetch per record, however many signals there are; a fetch that runs already is followed by one more."""
    merged: dict[RecordKey, Wanted] = {}
    for key, each in signals:
        merged[key] = merged[key].joined(each) if key in merged else each
    if not merged:
        return {}
    found = await _SIGNAL.rows(
        session,
        {
            "connections": [key[0] for key in merged],
            "types": [key[1] for key in merged],
            "ids": [key[2] for key in merged],
            "received": [each.received_at for each in merged.values()],
            "restored": [each.restored_at for each in merged.values()],
            "not_before": [each.not_before for each in merged.values()],
        },
    )
    return {(row.connection, row.object_type, row.external_id): row.signalled_seq for row in found}


_TELL = Query(
    """
    WITH told AS (
        INSERT INTO delivery_item (
            delivery_id, position, connection, received_at, object_type, external_id, dedupe_key, outcome, reason, field, value, advice,
            crm_time, signalled_seq, event_id, entity_id, settled_at
        )
        SELECT n.*, CASE WHEN n.outcome = 'pending' THEN NULL ELSE clock_timestamp() END
        FROM unnest(
            cast(:deliveries AS uuid[]), cast(:positions AS integer[]), cast(:connections AS text[]), cast(:received AS timestamptz[]),
            cast(:types AS text[]), cast(:externals AS text[]), cast(:keys AS text[]), cast(:outcomes AS text[]),
            cast(:reasons AS text[]), cast(:fields AS text[]), cast(:field_values AS text[]), cast(:advices AS text[]),
            cast(:times AS timestamptz[]), cast(:seqs AS bigint[]), cast(:events AS uuid[]), cast(:entities AS uuid[])
        ) AS n (delivery_id, position, connection, received_at, object_type, external_id, dedupe_key, outcome, reason, field, value,
                advice, crm_time, signalled_seq, event_id, entity_id)
        ON CONFLICT (delivery_id, position) DO UPDATE SET
            object_type = excluded.object_type, external_id = excluded.external_id, dedupe_key = excluded.dedupe_key,
            outcome = excluded.outcome, reason = excluded.reason, field = excluded.field, value = excluded.value,
            advice = excluded.advice, crm_time = excluded.crm_time, signalled_seq = excluded.signalled_seq,
            event_id = excluded.event_id, entity_id = excluded.entity_id, settled_at = excluded.settled_at
        RETURNING delivery_id, position, outcome
    ), known AS (
        SELECT delivery_id, outcome FROM told
        UNION ALL
        SELECT i.delivery_id, i.outcome FROM delivery_item i
        WHERE i.delivery_id = ANY(cast(:read AS uuid[]))
          AND NOT EXISTS (SELECT 1 FROM told t WHERE t.delivery_id = i.delivery_id AND t.position = i.position)
    )
    UPDATE delivery d
    SET item_count = n.items, state = s.state, settled_at = CASE WHEN s.state = 'pending' THEN NULL ELSE clock_timestamp() END
    FROM unnest(cast(:read AS uuid[]), cast(:counts AS integer[])) AS n (id, items)
    JOIN (
        SELECT delivery_id, STATE_OF AS state FROM known GROUP BY delivery_id
    ) s ON s.delivery_id = n.id
    WHERE d.id = n.id
    """.replace("STATE_OF", _STATE)
)


async def tell(session: AsyncSession, rows: Sequence[Mapping[str, Any]], counts: Mapping[UUID, int]) -> None:
    """Write what became of items, how many items each delivery was found to hold, and the state that follows for it.

    `rows` hold a delivery, a position, an item and its Outcome. The deliveries are locked already; items of an earlier
    reading that are not among `rows` count as they are.
    """
    outcomes: list[Outcome] = [row["outcome"] for row in rows]
    items = [row["item"] for row in rows]
    await _TELL.run(
        session,
        {
            "deliveries": [row["delivery"].id for row in rows],
            "positions": [row["position"] for row in rows],
            "connections": [row["delivery"].connection for row in rows],
            "received": [row["delivery"].received_at for row in rows],
            "types": [item.object_type if item else None for item in items],
            "externals": [item.external_id if item else None for item in items],
            "keys": [item.dedupe_key if item else None for item in items],
            "outcomes": [each.name for each in outcomes],
            "reasons": [each.reason for each in outcomes],
            "fields": [each.field for each in outcomes],
            "field_values": [each.value for each in outcomes],
            "advices": [each.advice for each in outcomes],
            "times": [each.crm_time for each in outcomes],
            "seqs": [each.signalled_seq for each in outcomes],
            "events": [each.event_id for each in outcomes],
            "entities": [each.entity_id for each in outcomes],
            "read": list(counts),
            "counts": list(counts.values()),
        },
    )


_SETTLE = Query(
    """
    UPDATE delivery d
    SET state = s.state, settled_at = CASE WHEN s.state = 'pending' THEN NULL ELSE clock_timestamp() END
    FROM (
        SELECT delivery_id, STATE_OF AS state FROM delivery_item WHERE delivery_id = ANY(cast(:ids AS uuid[])) GROUP BY delivery_id
    ) s
    WHERE d.id = s.delivery_id
    """.replace("STATE_OF", _STATE)
)


async def settle(session: AsyncSession, deliveries: Iterable[UUID]) -> None:
    """Derive the state of deliveries from their items.

    An earlier statement has locked them, so that of two settlers the later sees both.
    """
    if ids := sorted(deliveries):
        await _SETTLE.run(session, {"ids": ids})
