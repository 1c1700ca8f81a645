"""Working time of the organisation: which days, from when until when. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

LONGEST_BREAK_DAYS = 366
"""More days in a row without work than this are a mistake in the holidays."""


@dataclass(frozen=True, slots=True)
class WorkTime:
    """Days of the week (Monday is 1) and minutes of the local day between which people work, without holidays."""

    zone: str
    opens: int
    closes: int
    weekdays: frozenset[int]
    holidays: frozenset[date] = frozenset()

    def works_on(self, day: date) -> bool:
        return day.isoweekday() in self.weekdays and day not in self.holidays

    def days(self, first: date, count: int) -> list[date]:
        """The next `count` working days from `first` on, itself included."""
        found: list[date] = []
        for day in self._working_days(first):
            if len(found) == count:
                break
            found.append(day)
        return found

    def after(self, start: datetime, hours: Decimal) -> datetime:
        """The instant at which `hours` of working time have passed since `start`. Instants are aware, the result in UTC.

        Without hours to wait it is the first working instant from `start` on.
        """
        left = timedelta(seconds=float(hours * 3600))
        first = start.astimezone(ZoneInfo(self.zone)).date()
        for day in self._working_days(first):
            begin, end = max(self._instant(day, self.opens), start), self._instant(day, self.closes)
            if end <= begin:
                continue
            if left <= end - begin:
                return begin + left
            left -= end - begin
        raise ValueError("there is no working day")

    def _working_days(self, first: date) -> Iterator[date]:
        """Raises ValueError after a year without work."""
        day, idle = first, 0
        while idle <= LONGEST_BREAK_DAYS:
            if self.works_on(day):
                idle = 0
                yield day
            else:
                idle += 1
            day += timedelta(days=1)
        raise ValueError(f"nobody works in the {LONGEST_BREAK_DAYS} days after {first}; look at the holidays")

    def _instant(self, day: date, minute: int) -> datetime:
        day += timedelta(days=minute // 1440)
        hour, minute = divmod(minute % 1440, 60)
        return datetime.combine(day, time(hour, minute), ZoneInfo(self.zone)).astimezone(UTC)
