"""What waits in a component's database: for the broker, for being applied, for a person. Measured by the scheduler's leader.

Neither the relay nor a consumer can tell: a relay that cannot send is not asked how old what it has not sent is, and a consumer
that hears nothing does not know what it misses.
"""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.messaging.unsent import unpublished
from libs.common.observe import metrics
from libs.common.runtime import Component, Job, Runtime

EVERY_S = 5.0


async def measure(session: AsyncSession, component: Component) -> None:
    """Set the gauges of what waits from one snapshot."""
    if component.publishes is not None:
        waiting = await unpublished(session)
        metrics.OUTBOX_EVENTS.set(waiting.events)
        metrics.OUTBOX_AGE.set(_age(waiting.oldest))
    topics = [topic.name for topic in component.consumes]
    await _measure_applied(session, topics)
    await _measure_dead_letters(session, topics)


async def _measure_applied(session: AsyncSession, topics: list[str]) -> None:
    rows = await session.execute(
        text(
            """
            SELECT topic, min(recorded_to) AS applied FROM consumer_position
            WHERE topic = ANY(:topics) GROUP BY topic HAVING count(recorded_to) = count(*)
            """
        ),
        {"topics": topics},
    )
    for row in rows:
        metrics.APPLIED_AGE.labels(row.topic).set(_age(row.applied))


async def _measure_dead_letters(session: AsyncSession, topics: list[str]) -> None:
    rows = await session.execute(
        text("SELECT topic, count(*) AS n FROM dead_letter WHERE state = 'open' GROUP BY topic")
    )
    found = {row.topic: row.n for row in rows}
    for topic in {*topics, *found}:
        metrics.DEAD_LETTERS_OPEN.labels(topic).set(found.get(topic, 0))


def _age(at: datetime | None) -> float:
    return 0.0 if at is None else max(0.0, (clock.now() - at).total_seconds())


async def _measure(runtime: Runtime) -> None:
    async with runtime.database.reading() as session:
        await measure(session, runtime.component)


MEASURE = Job("measure what waits", EVERY_S, _measure)
