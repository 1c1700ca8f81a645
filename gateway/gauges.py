"""What waits at the door, connection by connection, for those who watch the system."""

from datetime import datetime

from prometheus_client import Gauge
from sqlalchemy import text

from libs.common import clock
from libs.common.observe.metrics import measured
from libs.common.runtime import Runtime

UNREAD_AGE = measured(
    Gauge(
        "gateway_oldest_unread_age_seconds", "Since the oldest delivery came that is not understood yet", ["connection"]
    )
)
PENDING_AGE = measured(
    Gauge(
        "gateway_oldest_pending_age_seconds",
        "Since the oldest change came whose record is not fetched yet",
        ["connection"],
    )
)
PENDING = measured(Gauge("gateway_pending_items", "Changes whose record is not fetched yet", ["connection"]))
PARKED = measured(Gauge("gateway_parked_items", "Changes set aside until a person has dealt with them", ["connection"]))

_WAITING = text(
    """
    SELECT c.key, unread.since AS unread, pending.items AS pending, pending.since AS pending_since, parked.items AS parked
    FROM connection c
    LEFT JOIN LATERAL (SELECT min(d.received_at) AS since FROM delivery d WHERE d.state = 'accepted' AND d.connection = c.key)
        unread ON true
    LEFT JOIN LATERAL (SELECT count(*) AS items, min(i.received_at) AS since FROM delivery_item i
        WHERE i.outcome = 'pending' AND i.connection = c.key) pending ON true
    LEFT JOIN LATERAL (SELECT count(*) AS items FROM delivery_item i WHERE i.outcome = 'parked' AND i.connection = c.key)
        parked ON true
    """
)


async def measure(runtime: Runtime) -> None:
    """Measure from one snapshot; what waits is found by partial indexes, however much there was."""
    async with runtime.database.reading() as session:
        for row in await session.execute(_WAITING):
            UNREAD_AGE.labels(row.key).set(_age(row.unread))
            PENDING_AGE.labels(row.key).set(_age(row.pending_since))
            PENDING.labels(row.key).set(row.pending)
            PARKED.labels(row.key).set(row.parked)


def _age(since: datetime | None) -> float:
    return 0.0 if since is None else max(0.0, (clock.now() - since).total_seconds())
