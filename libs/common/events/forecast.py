"""What the forecast tells the world."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from libs.common.events.base import EventData
from libs.common.messaging.topics import FORECAST_EVENTS, Topic


class RollupMoved(EventData):
    """Roll-up cells changed; at most one event per consumed batch. A nudge for open pages: read again."""

    TYPE: ClassVar[str] = "forecast.rollup.moved.v1"
    TOPIC: ClassVar[Topic] = FORECAST_EVENTS

    moved_at: datetime
    deal_ids: tuple[UUID, ...]
    """At most 100 of the deals that moved."""
    deal_count: int
    months: tuple[date, ...]
    """First days of the affected months."""
