"""Queries on records that wait to be fetched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.connectors.edits import Edit
from gateway.connectors.outcomes import Outcome
from libs.common.sql import Query

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Due:
    """A record to fetch, leased by one worker. Signals up to `signalled_seq` are answered by this fetch, later ones not.

    `lease` rises: a fetch with a higher number began later, so what it shows is as new or newer. `changed_at` is the
    connection's last change.
    """

    connection: str
    object_type: str
    external_id: str
    signalled_seq: int
    received_at: datetime
    restored_at: datetime | None
    attempts: int
    absences: int
    lease: int
    changed_at: datetime

    @property
    def key(self) -> Key:
        return (self.connection, self.object_type, self.external_id)


_COLUMNS = "f.connection, f.object_type, f.external_id, f.signalled_seq, f.received_at, f.restored_at, f.attempts, f.absences, f.lease, d.changed_at"
_LEASE = Query(
    f"""
    WITH d AS MATERIALIZED (
        SELECT s.connection, s.object_type, s.external_id, c.updated_at AS changed_at
        FROM connection c CROSS JOIN LATERAL (
            SELECT connection, object_type, external_id FROM fetch_signal
            WHERE connection = c.key AND due_at <= clock_timestamp()
            ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
        ) s
        WHERE c.state = 'active' AND c.key <> ALL(cast(:busy AS text[]))
    )
    UPDATE fetch_signal f
    SET due_at = clock_timestamp() + make_interval(secs => :lease_s), attempts = f.attempts + 1, lease = nextval('fetch_signal_seq')
    FROM d WHERE f.connection = d.connection AND f.object_type = d.object_type AND f.external_id = d.external_id
    RETURNING {_COLUMNS}
    """  # noqa: S608 - a constant of this module
)


async def lease(session: AsyncSession, *, limit: int, lease_s: float, busy: Sequence[str] = ()) -> list[Due]:
    """Take up to `limit` due records of each connection that is not `busy`, for `lease_s` seconds.

    A worker that dies loses them to the next after that time.
    """
    return [Due(*row) for row in await _LEASE.rows(session, {"limit": limit, "lease_s": lease_s, "busy": list(busy)})]


_LOCK = Query(
    """
    SELECT f.connection, f.object_type, f.external_id, f.lease
    FROM fetch_signal f
    JOIN unnest(cast(:connections AS text[]), cast(:types AS text[]), cast(:ids AS text[]))
      AS n (connection, object_type, external_id) USING (connection, object_type, external_id)
    ORDER BY 1, 2, 3 FOR UPDATE OF f
    """
)


async def lock(session: AsyncSession, due: Sequence[Due]) -> list[Due]:
    """Lock the signals of these records in the order of their keys; those whose lease nobody else has taken since."""
    found = await _LOCK.rows(session, _names([each.key for each in due]))
    leases = {(row.connection, row.object_type, row.external_id): row.lease for row in found}
    return [each for each in due if leases.get(each.key) == each.lease]


_POSTPONE = Query(
    """
    UPDATE fetch_signal f
    SET due_at = clock_timestamp() + make_interval(secs => :delay_s), last_error = :reason,
        absences = f.absences + cast(:absent AS integer)
    FROM unnest(cast(:connections AS text[]), cast(:types AS text[]), cast(:ids AS text[]))
      AS n (connection, object_type, external_id)
    WHERE f.connection = n.connection AND f.object_type = n.object_type AND f.external_id = n.external_id
    """
)


async def postpone(
    session: AsyncSession, due: Sequence[Due], *, delay_s: float, reason: str, absent: bool = False
) -> None:
    """Try again after `delay_s` seconds; `absent` counts how often the CRM did not know the record."""
    await _POSTPONE.run(
        session,
        _names([each.key for each in due]) | {"delay_s": delay_s, "reason": reason[:500], "absent": int(absent)},
    )


_ANSWER = Query(
    """
    WITH n AS (
        SELECT * FROM unnest(
            cast(:connections AS text[]), cast(:types AS text[]), cast(:ids AS text[]), cast(:seqs AS bigint[]),
            cast(:outcomes AS text[]), cast(:reasons AS text[]), cast(:fields AS text[]), cast(:field_values AS text[]),
            cast(:advices AS text[]), cast(:times AS timestamptz[]), cast(:events AS uuid[]), cast(:entities AS uuid[])
        ) AS n (connection, object_type, external_id, seq, outcome, reason, field, value, advice, crm_time, event_id, entity_id)
    ), answered AS (
        DELETE FROM fetch_signal f USING n
        WHERE f.connection = n.connection AND f.object_type = n.object_type AND f.external_id = n.external_id
          AND f.signalled_seq <= n.seq
    ), again AS (
        UPDATE fetch_signal f SET due_at = clock_timestamp(), attempts = 0, absences = 0, last_error = NULL FROM n
        WHERE f.connection = n.connection AND f.object_type = n.object_type AND f.external_id = n.external_id
          AND f.signalled_seq > n.seq
    ), settled AS (
        UPDATE delivery_item i
        SET outcome = n.outcome, reason = n.reason, field = n.field, value = n.value, advice = n.advice,
            crm_time = coalesce(n.crm_time, i.crm_time), event_id = n.event_id, entity_id = n.entity_id, settled_at = clock_timestamp()
        FROM n
        WHERE i.outcome = 'pending' AND i.connection = n.connection AND i.object_type = n.object_type
          AND i.external_id = n.external_id AND i.signalled_seq <= n.seq
        RETURNING i.delivery_id
    )
    SELECT d.id FROM settled s JOIN delivery d ON d.id = s.delivery_id ORDER BY d.id FOR UPDATE OF d
    """
)


async def answer(session: AsyncSession, outcomes: Mapping[Due, Outcome]) -> set[UUID]:
    """Give every item that waited for these fetches its outcome; the deliveries they belong to, locked in the order of ids.

    Signals that the fetch has answered are forgotten; those with a later signal are due again at once.
    """
    if not outcomes:
        return set()
    values = list(outcomes.values())
    found = await _ANSWER.column(
        session,
        _names([each.key for each in outcomes])
        | {
            "seqs": [each.signalled_seq for each in outcomes],
            "outcomes": [each.name for each in values],
            "reasons": [each.reason for each in values],
            "fields": [each.field for each in values],
            "field_values": [each.value for each in values],
            "advices": [each.advice for each in values],
            "times": [each.crm_time for each in values],
            "events": [each.event_id for each in values],
            "entities": [each.entity_id for each in values],
        },
    )
    return set(found)


_CAUSES = Query(
    """
    SELECT n.connection, n.object_type, n.external_id, d.id, d.received_at, d.traceparent, i.told_at, e.patch, e.actor
    FROM unnest(cast(:connections AS text[]), cast(:types AS text[]), cast(:ids AS text[]), cast(:seqs AS bigint[]))
      AS n (connection, object_type, external_id, seq)
    LEFT JOIN LATERAL (
        SELECT (array_agg(i.delivery_id ORDER BY i.delivery_id))[1] AS delivery_id,
               array_agg(DISTINCT coalesce(i.crm_time, i.received_at)) FILTER (WHERE i.signalled_seq <= n.seq) AS told_at
        FROM delivery_item i
        WHERE i.outcome = 'pending' AND i.connection = n.connection AND i.object_type = n.object_type
          AND i.external_id = n.external_id
    ) i ON true
    LEFT JOIN LATERAL (
        SELECT t.patch, t.actor FROM delivery_item p
        JOIN item_edit t ON t.delivery_id = p.delivery_id AND t.position = p.position
        WHERE p.outcome = 'pending' AND p.connection = n.connection AND p.object_type = n.object_type
          AND p.external_id = n.external_id AND p.signalled_seq <= n.seq
        ORDER BY t.edit_id DESC LIMIT 1
    ) e ON true
    LEFT JOIN source_record s
      ON s.connection = n.connection AND s.external_id = n.external_id
         AND s.object_type = CASE WHEN n.object_type IN ('lines', 'splits', 'competitors') THEN 'deal' ELSE n.object_type END
    JOIN delivery d ON d.id = coalesce(i.delivery_id, s.delivery_id)
    """
)


@dataclass(frozen=True, slots=True)
class Cause:
    """What led to a fetch: a delivery, its arrival and traceparent. `told_at`: when what its signals tell of happened.

    `edit`: what sales ops changed in an item that waits for this fetch.
    """

    delivery_id: UUID
    received_at: datetime
    traceparent: str | None = None
    told_at: Sequence[datetime] = ()
    edit: Edit | None = None


async def causes(session: AsyncSession, due: Sequence[Due]) -> dict[Key, Cause]:
    """The oldest delivery whose item waits for each record, else the one its present state came with.

    That is the cause of the change that the fetch will show; of a part of a deal it is that of the deal's present state. Signals that came after the lease tell nothing of it.
    """
    if not due:
        return {}
    names = _names([each.key for each in due]) | {"seqs": [each.signalled_seq for each in due]}
    return {
        (row.connection, row.object_type, row.external_id): Cause(
            row.id,
            row.received_at,
            row.traceparent,
            tuple(row.told_at or ()),
            None if row.patch is None else Edit(row.patch, row.actor),
        )
        for row in await _CAUSES.rows(session, names)
    }


def _names(keys: Sequence[Key]) -> dict[str, list[str]]:
    return {
        "connections": [key[0] for key in keys],
        "types": [key[1] for key in keys],
        "ids": [key[2] for key in keys],
    }
