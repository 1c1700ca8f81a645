"""Where the relay stands in the outbox, and reading on from there without losing or reordering anything.

Transactions become visible in another order than they take positions, so a cursor on the position alone loses late commits.
The cursor is a window of transaction ids `[lower, upper)`: `upper` was the oldest running transaction when the window was
opened, hence all rows of the window are visible and final. Inside a window rows are sent by position. A transaction that
changed an aggregate after another one took the row's lock later and wrote its outbox row later; if its id is the smaller, the
other one cannot be below a horizon while it runs, so both stand in one window and their positions order them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from libs.common.sql import Query

AT_ONCE = 200
"""So many rows of a new window are read by the look that opens it."""
READ_AHEAD = 20_000
"""Positions taken from a window at once; only these are held in memory."""


class CursorMoved(Exception):
    """Another relay has moved the cursor: this one must stop leading."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The stored state of the relay.

    `acknowledged`: last acknowledged offset per partition of the current `log`. `replaying_to`: the horizon that had been
    reached before a lost log made the relay start again, None when there is nothing to make up.
    """

    system_identifier: str
    lower: int
    upper: int
    position: int
    log: str
    cluster: str
    acknowledged: dict[int, int]
    replaying_to: int | None = None

    def opened(self, horizon: int) -> "Cursor":
        """The next window, up to `horizon`; the present one is exhausted."""
        return replace(self, lower=self.upper, upper=max(horizon, self.upper), position=0)

    def restarted(self, *, at: int, log: str, cluster: str) -> "Cursor":
        """From transaction `at` again, into a new log."""
        reached = max(self.upper, self.replaying_to or 0)
        start = min(at, self.lower)
        return replace(
            self, lower=start, upper=start, position=0, log=log, cluster=cluster, acknowledged={}, replaying_to=reached
        )


async def system_identifier(connection: AsyncConnection) -> str:
    found = await connection.scalar(text("SELECT system_identifier::text FROM pg_control_system()"))
    return str(found)


@dataclass(frozen=True, slots=True)
class Look:
    """All transactions of this database below `oldest` are finished. `held_back`: committed events wait for an older one.

    `rows`: what stands in the window from where the last one ended up to `oldest`, by position; None when it is too much.
    """

    oldest: int
    held_back: bool
    rewind_to: int | None
    rows: list[dict[str, Any]] | None


_LOOK = Query(
    """
    WITH snapshot AS MATERIALIZED (
        SELECT now, pg_snapshot_xmax(now)::text::bigint AS xmax FROM pg_current_snapshot() AS now
    ), elsewhere AS MATERIALIZED (
        SELECT backend_xid::text::bigint AS xid FROM pg_stat_get_activity(NULL)
        WHERE backend_xid IS NOT NULL AND datid <> (SELECT oid FROM pg_database WHERE datname = current_database())
    ), horizon AS MATERIALIZED (
        SELECT coalesce((
            SELECT min(running::text::bigint) FROM pg_snapshot_xip(now) AS running
            WHERE running::text::bigint & 4294967295 NOT IN (SELECT xid FROM elsewhere)
        ), xmax) AS oldest
        FROM snapshot
    )
    SELECT h.oldest, (SELECT rewind_to::text FROM relay_cursor) AS rewind_to,
           EXISTS (SELECT 1 FROM outbox WHERE txid >= h.oldest::text::xid8) AS held_back,
           r.id, r.position, r.topic, r.key, r.type, r.subject, r.occurred_at, r.recorded_at, r.aggregate_version, r.attributes,
           r.data
    FROM horizon h LEFT JOIN LATERAL (
        SELECT id, position, topic, key, type, subject, occurred_at, recorded_at, aggregate_version, attributes, data
        FROM outbox WHERE txid >= cast(cast(:reached AS text) AS xid8) AND txid < h.oldest::text::xid8
        ORDER BY position LIMIT :limit
    ) r ON true
    """
)
"""The oldest transaction that the snapshot shows as running and that is not known to run in another database, else its end.

The snapshot counts the transactions of all databases of the server, and one of another component would hold back this one's
events. What runs elsewhere is asked after the snapshot was taken; whatever has ended meanwhile counts as running, since this
statement does not see what it wrote. `backend_xid` has the lower 32 bits of an id.
"""
_ROW = (
    "id",
    "position",
    "topic",
    "key",
    "type",
    "subject",
    "occurred_at",
    "recorded_at",
    "aggregate_version",
    "attributes",
    "data",
)


async def look(connection: AsyncConnection, reached: int) -> Look:
    """How far the outbox is final at present, and what stands there from transaction `reached` on."""
    found = await _LOOK.rows(connection, {"reached": str(reached), "limit": AT_ONCE + 1})
    first = found[0]
    rows = [{name: getattr(row, name) for name in _ROW} for row in found] if first.id is not None else []
    return Look(
        first.oldest,
        first.held_back,
        None if first.rewind_to is None else int(first.rewind_to),
        rows if len(rows) <= AT_ONCE else None,
    )


async def ask_rewind(session: AsyncSession, txid: int) -> None:
    """Have the relay send everything from transaction `txid` on again, because a consumer lacks it."""
    await session.execute(
        text(
            """
            UPDATE relay_cursor SET rewind_to = least(coalesce(rewind_to, cast(:txid AS xid8)), cast(:txid AS xid8))
            """
        ),
        {"txid": txid},
    )


async def load(connection: AsyncConnection) -> Cursor:
    """The stored cursor; a fresh one at the beginning when there is none.

    A database that was restored elsewhere by dump and reload has another system identifier and other transaction ids: its
    outbox rows are given a present one, and everything retained is sent again, in a new log.
    """
    identifier = await system_identifier(connection)
    row = (
        await connection.execute(
            text("SELECT *, lower_txid::text AS l, upper_txid::text AS u, replaying_to::text AS r FROM relay_cursor")
        )
    ).first()
    if row is None:
        await connection.execute(
            text(
                """
                INSERT INTO relay_cursor (system_identifier, lower_txid, upper_txid, position, log, cluster, acknowledged)
                VALUES (:identifier, '0', '0', 0, '', '', '{}') ON CONFLICT DO NOTHING
                """
            ),
            {"identifier": identifier},
        )
        return Cursor(identifier, 0, 0, 0, "", "", {})
    stored = Cursor(
        row.system_identifier,
        int(row.l),
        int(row.u),
        row.position,
        row.log,
        row.cluster,
        {int(partition): offset for partition, offset in row.acknowledged.items()},
        int(row.r) if row.r is not None else None,
    )
    if stored.system_identifier == identifier:
        return stored
    await connection.execute(text("UPDATE outbox SET txid = pg_current_xact_id()"))
    fresh = Cursor(identifier, 0, 0, 0, "", "", {})
    await store(connection, stored, fresh)
    return fresh


_STORE = Query(
    """
    UPDATE relay_cursor
    SET system_identifier = :identifier, lower_txid = cast(cast(:lower AS text) AS xid8),
        upper_txid = cast(cast(:upper AS text) AS xid8), position = :position, log = :log, cluster = :cluster,
        acknowledged = cast(cast(:acknowledged AS text) AS jsonb),
        replaying_to = cast(cast(:replaying AS text) AS xid8), stored_at = clock_timestamp(),
        rewind_to = CASE WHEN :log <> :old_log AND rewind_to >= cast(cast(:lower AS text) AS xid8) THEN NULL ELSE rewind_to END
    WHERE system_identifier = :old_identifier AND lower_txid = cast(cast(:old_lower AS text) AS xid8)
      AND upper_txid = cast(cast(:old_upper AS text) AS xid8) AND position = :old_position AND log = :old_log
    """
)


async def store(connection: AsyncConnection, old: Cursor, new: Cursor) -> None:
    """Move the stored cursor from `old` to `new`. Raises CursorMoved when it is not at `old`."""
    moved = await _STORE.run(
        connection,
        {
            "identifier": new.system_identifier,
            "lower": str(new.lower),
            "upper": str(new.upper),
            "position": new.position,
            "log": new.log,
            "cluster": new.cluster,
            "acknowledged": orjson.dumps(new.acknowledged, option=orjson.OPT_NON_STR_KEYS).decode(),
            "replaying": None if new.replaying_to is None else str(new.replaying_to),
            "old_identifier": old.system_identifier,
            "old_lower": str(old.lower),
            "old_upper": str(old.upper),
            "old_position": old.position,
            "old_log": old.log,
        },
    )
    if moved != 1:
        raise CursorMoved("the relay's cursor was moved by another process")


_AHEAD = Query(
    """
    SELECT position, id FROM outbox
    WHERE txid >= cast(cast(:lower AS text) AS xid8) AND txid < cast(cast(:upper AS text) AS xid8) AND position > :position
    ORDER BY position LIMIT :limit
    """
)


async def ahead(connection: AsyncConnection, cursor: Cursor) -> list[tuple[int, Any]]:
    """Positions and ids of the rows of the window that are still to be sent, in order; at most READ_AHEAD."""
    if cursor.lower == cursor.upper:
        return []
    rows = await _AHEAD.rows(
        connection,
        {
            "lower": str(cursor.lower),
            "upper": str(cursor.upper),
            "position": cursor.position,
            "limit": READ_AHEAD,
        },
    )
    return [(row.position, row.id) for row in rows]


_ROWS = Query(
    """
    SELECT id, position, topic, key, type, subject, occurred_at, recorded_at, aggregate_version, attributes, data
    FROM outbox WHERE id = ANY(:ids) ORDER BY position
    """
)


async def rows_of(connection: AsyncConnection, ids: Sequence[Any]) -> list[dict[str, Any]]:
    """The full outbox rows of `ids`, by position."""
    return [row._asdict() for row in await _ROWS.rows(connection, {"ids": list(ids)})]
