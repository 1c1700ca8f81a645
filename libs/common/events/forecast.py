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


class PeriodState(EventData):
    """Finance closed a month of the fiscal calendar, or opened it again. Quarters and years follow from their months."""

    TOPIC: ClassVar[Topic] = FORECAST_EVENTS

    period: str
    """The month's key in the calendar in force, such as 2026-11."""
    start: date
    last_day: date
    changed_at: datetime


class PeriodClosed(PeriodState):
    """From now on a win that is booked in the month and was not known is a restatement."""

    TYPE: ClassVar[str] = "forecast.period.closed.v1"


class PeriodReopened(PeriodState):
    """What became known since the month was closed counts in it."""

    TYPE: ClassVar[str] = "forecast.period.reopened.v1"
