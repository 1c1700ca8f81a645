"""How far a consumer has come, kept in its own database and moved by compare-and-set in its own transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.messaging.envelope import Tick
from libs.common.messaging.topics import Topic
from libs.common.sql import Query

Place = tuple[str, int]
"""Topic and partition."""


class PartitionLost(Exception):
    """Another worker has moved this position: what this transaction did must not be committed."""


@dataclass(frozen=True, slots=True)
class Position:
    """The next offset to apply in one partition of one log of one cluster.

    `applied_txid`: all events of the owner's transactions below it that belong here are applied; 0 when unknown.
    """

    cluster: str
    log: str
    next_offset: int
    applied_txid: int = 0


async def load(session: AsyncSession, places: Iterable[Place]) -> dict[Place, Position]:
    """Stored positions of `places`; a place never seen starts at offset 0 of an unknown log."""
    wanted = list(places)
    topics, partitions = [place[0] for place in wanted], [place[1] for place in wanted]
    await session.execute(
        text(
            """
            INSERT INTO consumer_position (topic, partition, cluster, log, next_offset)
            SELECT n.topic, n.partition, '', '', 0
            FROM unnest(cast(:topics AS text[]), cast(:partitions AS integer[])) AS n (topic, partition)
            ON CONFLICT DO NOTHING
            """
        ),
        {"topics": topics, "partitions": partitions},
    )
    rows = await session.execute(
        text(
            """
            SELECT p.topic, p.partition, p.cluster, p.log, p.next_offset, coalesce(p.applied_txid::text, '0') AS applied
            FROM consumer_position p
            JOIN unnest(cast(:topics AS text[]), cast(:partitions AS integer[])) AS n (topic, partition)
              ON n.topic = p.topic AND n.partition = p.partition
            """
        ),
        {"topics": topics, "partitions": partitions},
    )
    return {
        (row.topic, row.partition): Position(row.cluster, row.log, row.next_offset, int(row.applied)) for row in rows
    }


_ADVANCE = Query(
    """
    UPDATE consumer_position AS p
    SET cluster = n.cluster, log = n.log, next_offset = n.next_offset, origin = coalesce(n.origin, p.origin),
        recorded_to = coalesce(n.recorded_to, p.recorded_to),
        applied_txid = cast(n.applied_txid AS xid8), stored_at = clock_timestamp()
    FROM unnest(
        cast(:topics AS text[]), cast(:partitions AS integer[]),
        cast(:old_clusters AS text[]), cast(:old_logs AS text[]), cast(:old_offsets AS bigint[]),
        cast(:clusters AS text[]), cast(:logs AS text[]), cast(:offsets AS bigint[]),
        cast(:origins AS timestamptz[]), cast(:recorded AS timestamptz[]), cast(:txids AS text[])
    ) AS n (topic, partition, old_cluster, old_log, old_offset,
            cluster, log, next_offset, origin, recorded_to, applied_txid)
    WHERE p.topic = n.topic AND p.partition = n.partition
      AND p.cluster = n.old_cluster AND p.log = n.old_log AND p.next_offset = n.old_offset
    """
)


async def advance(
    session: AsyncSession,
    moves: Mapping[Place, tuple[Position, Position]],
    ticks: Mapping[Place, Tick],
) -> None:
    """Move positions from the expected to the new ones, all or none; with what the ticks said.

    Raises PartitionLost if any position is not where it was expected, so that two workers on one partition cannot both
    commit.
    """
    if not moves:
        return
    places = sorted(moves)
    found = [ticks.get(place) for place in places]
    moved = await _ADVANCE.run(
        session,
        {
            "topics": [place[0] for place in places],
            "partitions": [place[1] for place in places],
            "old_clusters": [moves[place][0].cluster for place in places],
            "old_logs": [moves[place][0].log for place in places],
            "old_offsets": [moves[place][0].next_offset for place in places],
            "clusters": [moves[place][1].cluster for place in places],
            "logs": [moves[place][1].log for place in places],
            "offsets": [moves[place][1].next_offset for place in places],
            "origins": [tick.origin if tick else None for tick in found],
            "recorded": [tick.recorded_to if tick else None for tick in found],
            "txids": [str(moves[place][1].applied_txid) for place in places],
        },
    )
    if moved != len(places):
        raise PartitionLost(f"{len(places) - moved} of {len(places)} positions moved elsewhere")


async def watermark(session: AsyncSession, topics: Iterable[Topic]) -> datetime | None:
    """Up to which arrival time all deliveries are applied here: the least origin over all partitions of `topics`.

    None as long as some partition has not been heard of.
    """
    wanted = list(topics)
    row = (
        await session.execute(
            text(
                "SELECT min(origin) AS origin, count(origin) AS known FROM consumer_position WHERE topic = ANY(:topics)"
            ),
            {"topics": [topic.name for topic in wanted]},
        )
    ).one()
    return row.origin if wanted and row.known == sum(topic.partitions for topic in wanted) else None


async def applied(session: AsyncSession, topic: Topic) -> tuple[str, int]:
    """The log of `topic` and below which transaction of the owner all its events are applied here.

    The log is empty while partitions stand in different ones; the transaction is 0 when unknown.
    """
    row = (
        await session.execute(
            text(
                """
                SELECT min(applied_txid)::text AS applied, count(applied_txid) AS known, array_agg(DISTINCT log) AS logs
                FROM consumer_position WHERE topic = :topic
                """
            ),
            {"topic": topic.name},
        )
    ).one()
    log = row.logs[0] if row.logs and len(row.logs) == 1 else ""
    return log, int(row.applied) if row.known == topic.partitions else 0
