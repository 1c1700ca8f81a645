"""When locks are due. Pure: the same settings and span give the same instants."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from libs.common.calendar import FiscalCalendar, Period, local_date

LockKind = Literal["weekly", "period_start", "period_end", "closed"]

CLOSING_WORKING_DAYS = 5
"""Late wins of these days still count in the period; then it is closed."""

PERIODS = 5
"""The current period and the next four."""

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """An instant at which a lock is due, and the periods it freezes."""

    at: datetime
    kind: LockKind
    periods: tuple[Period, ...]


@dataclass(frozen=True, slots=True)
class Timetable:
    """When an organisation locks: `weekday` 0 is Monday, `at` is local time in `zone`."""

    calendar: FiscalCalendar
    zone: str
    weekday: int = 0
    at: time = time(12)

    def due(self, after: datetime, until: datetime) -> list[Due]:
        """The instants in (after, until], in order; of several at one instant the one of the period."""
        found: dict[datetime, Due] = {}
        first, last = local_date(after, self.zone), local_date(until, self.zone)
        for due in (*self._weekly(first, last), *self._of_periods(first, last)):
            if after < due.at <= until:
                found[due.at] = due
        return [found[at] for at in sorted(found)]

    def _weekly(self, first: date, last: date) -> Iterator[Due]:
        day = first + timedelta(days=(self.weekday - first.weekday()) % 7)
        while day <= last:
            yield Due(self._instant(day, self.at), "weekly", self._from(day))
            day += timedelta(days=7)

    def _of_periods(self, first: date, last: date) -> Iterator[Due]:
        period = self.calendar.quarter(self.calendar.quarter(first).start - timedelta(days=1))
        while period.start <= last:
            yield Due(self._instant(period.start), "period_start", self._from(period.start))
            yield Due(self._instant(period.end) - _TICK, "period_end", self._from(period.last_day))
            yield Due(self.closed_at(period), "closed", (period,))
            period = self.calendar.quarter(period.end)

    def closed_at(self, period: Period) -> datetime:
        """The last instant of the period's closing: of the fifth working day (Monday to Friday) after it."""
        day, left = period.last_day, CLOSING_WORKING_DAYS
        while left:
            day += timedelta(days=1)
            left -= day.weekday() < 5
        return self._instant(day + timedelta(days=1)) - _TICK

    def ends_at(self, period: Period) -> datetime:
        """The last instant of a period."""
        return self._instant(period.end) - _TICK

    def _from(self, day: date) -> tuple[Period, ...]:
        periods = [self.calendar.quarter(day)]
        while len(periods) < PERIODS:
            periods.append(self.calendar.quarter(periods[-1].end))
        return tuple(periods)

    def _instant(self, day: date, at: time = time()) -> datetime:
        """A local time as an instant. One that the clocks skip is as much later, one they repeat is its first."""
        return datetime.combine(day, at, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)
