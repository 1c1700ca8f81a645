"""What CRMs keep beside deals: asked for when a deal was seen to change, and put off for all where the CRM refuses it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.connections.service import Connection
from gateway.connectors import reads, repository
from gateway.connectors.items import PARTS, ObjectType
from gateway.connectors.outcomes import Outcome
from gateway.connectors.providers import provider_of
from gateway.connectors.records import Incoming
from gateway.connectors.repository import Wanted
from libs.common.sql import Query

AGAIN_AFTER_S = 3600.0
"""What a CRM refuses is tried again so much later, by a few requests and not by one for each deal."""

_REFUSED = Query(
    "SELECT connection, object_type, retry_at FROM reading_refused WHERE connection = ANY(cast(:connections AS text[]))"
)


async def ask(session: AsyncSession, seen: Iterable[tuple[Connection, Incoming, Outcome]]) -> int:
    """Signal what is read beside these records, as far as they are deals that stand; returns how much is to be fetched.

    A record that came as it was known counts: a part of a deal may change without it.
    """
    told = [
        ((connection.key, part, incoming.key[2]), incoming.received_at)
        for connection, incoming, outcome in seen
        if outcome.name in ("applied", "duplicate") and _has_parts(connection, incoming)
        for part in PARTS
        if part in reads.wanted(connection.provider, connection.credentials.settings)
    ]
    if not told:
        return 0
    rows = await _REFUSED.rows(session, {"connections": sorted({key[0] for key, _ in told})})
    later = {(row.connection, row.object_type): row.retry_at for row in rows}
    signals = [(key, Wanted(at, not_before=later.get((key[0], key[1])))) for key, at in told]
    return len(await repository.signal(session, signals))


def _has_parts(connection: Connection, incoming: Incoming) -> bool:
    source, provider = incoming.mapped.source, provider_of(connection)
    return (
        source.object_type == "deal"
        and not source.deleted
        and provider.fetch is not None
        and provider.can_ask(connection.credentials)
    )


_REFUSE = Query(
    """
    INSERT INTO reading_refused AS r (connection, object_type, reason, since, retry_at)
    VALUES (:connection, :type, :reason, clock_timestamp(), clock_timestamp() + make_interval(secs => :after_s))
    ON CONFLICT (connection, object_type) DO UPDATE SET reason = excluded.reason, retry_at = excluded.retry_at
    RETURNING retry_at
    """
)
_PUT_OFF = Query(
    """
    UPDATE fetch_signal SET due_at = :until, last_error = :reason
    WHERE connection = :connection AND object_type = :type AND due_at < :until
    """
)


async def refuse(session: AsyncSession, connection: str, object_type: str, reason: str) -> None:
    """Note that the CRM does not let the connection read this, and put off what waits for it. Nothing of it is lost."""
    names = {"connection": connection, "type": object_type, "reason": reason[:500]}
    row = await _REFUSE.row(session, names | {"after_s": AGAIN_AFTER_S})
    await _PUT_OFF.run(session, names | {"until": row.retry_at})


_ALLOWED = Query("DELETE FROM reading_refused WHERE connection = :connection AND object_type = :type")


async def allow(session: AsyncSession, connection: str, object_type: ObjectType) -> None:
    """The CRM has answered: forget that it refused once, and ask for what was put off."""
    names = {"connection": connection, "type": object_type}
    if object_type in reads.OBJECTS and await _ALLOWED.run(session, names):
        await _SOON.run(session, {"connection": connection, "types": [object_type]})


_SOON = Query(
    """
    UPDATE fetch_signal SET due_at = clock_timestamp()
    WHERE connection = :connection AND object_type = ANY(cast(:types AS text[])) AND last_error IS NOT NULL
    """
)


@dataclass(frozen=True, slots=True)
class Refused:
    """What a CRM does not let a connection read, in its words."""

    object_type: str
    reason: str
    since: datetime
    retry_at: datetime


_SHOWN = Query(
    """
    SELECT connection, object_type, reason, since, retry_at FROM reading_refused
    WHERE connection = ANY(cast(:connections AS text[])) ORDER BY connection, object_type
    """
)


async def refused(session: AsyncSession, connections: Collection[str]) -> dict[str, Sequence[Refused]]:
    """By connection what it may not read; connections that may read all they want are left out."""
    found: dict[str, list[Refused]] = {}
    for row in await _SHOWN.rows(session, {"connections": list(connections)}):
        found.setdefault(row.connection, []).append(Refused(row.object_type, row.reason, row.since, row.retry_at))
    return dict(found)
