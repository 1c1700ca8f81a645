"""The fiscal calendar: months, quarters and years, in calendar months or in whole weeks.

A fiscal year is named for the calendar year in which its last month ends, so with a start in January both are the same.
"""

import re
from bisect import bisect_right
from collections.abc import Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

Kind = Literal["month", "quarter", "year"]
Pattern = Literal["4-4-5", "4-5-4", "5-4-4"]
"""Weeks of the three months of a quarter."""
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Anchor = Literal["last", "nearest"]
"""The year ends on the last such weekday of its last month, or on the one nearest to the last day of that month."""

FIRST_WEEK_YEAR, LAST_WEEK_YEAR = 1901, 2199
"""Fiscal years in weeks that there are. A day beyond stands in the first or the last month of all."""

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_KEY = re.compile(r"(?:FY)?(?P<year>\d{4})(?:Q(?P<quarter>[1-4])|-(?P<month>0[1-9]|1[0-2]))?", re.ASCII)


class UnknownPeriod(ValueError):
    """Text that names no period; the message says which forms there are."""


@dataclass(frozen=True, slots=True)
class Period:
    """A span of whole days. `end` is the first day after it."""

    key: str
    kind: Kind
    label: str
    start: date
    end: date

    @property
    def last_day(self) -> date:
        return self.end - timedelta(days=1)

    @property
    def short_label(self) -> str:
        """`Nov 2026` for November 2026; quarters and years are short already."""
        name, _, year = self.label.rpartition(" ")
        return f"{name[:3]} {year}"

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end


@dataclass(frozen=True, slots=True)
class Weeks:
    """Months of whole weeks: years of 52 or 53, which end on one weekday. A 53rd week belongs to the last month."""

    pattern: Pattern = "4-4-5"
    ends_on: Weekday = "saturday"
    anchor: Anchor = "last"

    def end(self, month_end: date) -> date:
        """The first day after the year whose last month is, by the calendar, the one that ends on `month_end`."""
        back = (month_end.weekday() - _WEEKDAYS.index(self.ends_on)) % 7
        last = month_end - timedelta(days=back)
        is_next_nearer = self.anchor == "nearest" and back > 3
        return last + timedelta(days=8 if is_next_nearer else 1)

    def lengths(self) -> list[int]:
        """Weeks of the twelve months, without a 53rd."""
        return [int(part) for part in self.pattern.split("-")] * 4


@dataclass(frozen=True, slots=True)
class FiscalCalendar:
    """Which periods there are when the fiscal year begins with `start_month`.

    Without `weeks` months are calendar months. With them a month has the name and key of the calendar month whose place
    it takes: the first of a year that begins with February is February, although it may begin on 30 January.
    """

    start_month: int = 1
    weeks: Weeks | None = None

    @property
    def name(self) -> str:
        """What tells this calendar from every other."""
        start = f"from {_MONTHS[self.start_month - 1]}"
        if self.weeks is None:
            return f"calendar months, {start}"
        return f"{self.weeks.pattern} weeks, {start}, ending on the {self.weeks.anchor} {self.weeks.ends_on.title()}"

    def month(self, day: date) -> Period:
        year = self._year_of(day)
        starts = _month_starts(self, year)
        return self._month(year, bisect_right(starts, day) - 1)

    def month_start(self, day: date) -> date:
        """The first day of the day's month, for any day at all."""
        if self.weeks is None:
            return day.replace(day=1)
        return self.month(min(max(day, self.month_starts()[0]), self.month_starts()[-1])).start

    def month_starts(self) -> tuple[date, ...]:
        """The first days of all months in weeks that there are, in order; empty for calendar months."""
        return _all_month_starts(self) if self.weeks else ()

    def quarter(self, day: date) -> Period:
        year = self._year_of(day)
        return self._quarter(year, (bisect_right(_month_starts(self, year), day) - 1) // 3)

    def year(self, day: date) -> Period:
        return self._year(self._year_of(day))

    def like(self, period: Period, day: date) -> Period:
        """The period of the same kind in which a day lies."""
        return {"month": self.month, "quarter": self.quarter, "year": self.year}[period.kind](day)

    def before(self, period: Period, count: int) -> list[Period]:
        """The `count` periods of the same kind before a period, oldest first."""
        found = [period]
        while len(found) <= count:
            found.append(self.like(period, found[-1].start - timedelta(days=1)))
        return found[:0:-1]

    def parse(self, key: str) -> Period:
        """The period called `2026Q4`, `2026-11`, `FY2026` or `2026`. Raises UnknownPeriod."""
        found = _KEY.fullmatch(key.strip())
        if found is None or (found["month"] and key.strip().startswith("FY")):
            raise UnknownPeriod(f"{key!r} is not a period; write 2026Q4, 2026-11 or FY2026")
        number = int(found["year"])
        first, last = (FIRST_WEEK_YEAR + 1, LAST_WEEK_YEAR - 1) if self.weeks else (2, 9997)
        if not first <= number <= last:
            raise UnknownPeriod(f"{key!r} is no period of this calendar, which knows the years {first} to {last}")
        if found["month"]:
            month = int(found["month"])
            is_next = self.start_month > 1 and month >= self.start_month
            return self._month(number + is_next, (month - self.start_month) % 12)
        return self._quarter(number, int(found["quarter"]) - 1) if found["quarter"] else self._year(number)

    def months(self, period: Period) -> list[Period]:
        """The months of a period, in order."""
        found = [self.month(period.start)]
        while found[-1].end < period.end:
            found.append(self.month(found[-1].end))
        return found

    def quarters(self, year: Period) -> list[Period]:
        number = self._year_of(year.start)
        return [self._quarter(number, quarter) for quarter in range(4)]

    def years_around(self, day: date, back: int, ahead: int) -> list[Period]:
        """The year of `day` with so many before and after it."""
        number = self._year_of(day)
        return [self._year(other) for other in range(number - back, number + ahead + 1)]

    def _year_of(self, day: date) -> int:
        """The name of the fiscal year in which a day falls."""
        number = day.year + (self.start_month > 1 and day.month >= self.start_month)
        if day < _year_start(self, number):
            return number - 1
        return number + 1 if self.weeks and day >= _year_start(self, number + 1) else number

    def _month(self, year: int, number: int) -> Period:
        starts = _month_starts(self, year)
        named = add_months(_nominal_start(self, year), number)
        label = f"{_MONTHS[named.month - 1]} {named.year}"
        return Period(f"{named.year:04}-{named.month:02}", "month", label, starts[number], starts[number + 1])

    def _quarter(self, year: int, number: int) -> Period:
        starts = _month_starts(self, year)
        key, label = f"{year:04}Q{number + 1}", f"Q{number + 1} {year}"
        return Period(key, "quarter", label, starts[3 * number], starts[3 * number + 3])

    def _year(self, year: int) -> Period:
        starts = _month_starts(self, year)
        return Period(f"FY{year:04}", "year", f"FY {year}", starts[0], starts[12])


def _nominal_start(calendar: FiscalCalendar, year: int) -> date:
    """The first of the calendar month whose place the year's first month takes."""
    return date(year - (calendar.start_month > 1), calendar.start_month, 1)


def _year_start(calendar: FiscalCalendar, year: int) -> date:
    nominal = _nominal_start(calendar, year)
    return calendar.weeks.end(nominal - timedelta(days=1)) if calendar.weeks else nominal


@lru_cache(maxsize=4096)
def _month_starts(calendar: FiscalCalendar, year: int) -> tuple[date, ...]:
    """The first days of a year's twelve months, and of the next year."""
    start = _year_start(calendar, year)
    if calendar.weeks is None:
        return tuple(add_months(start, number) for number in range(13))
    starts = [start]
    for weeks in calendar.weeks.lengths()[:-1]:
        starts.append(starts[-1] + timedelta(weeks=weeks))
    return (*starts, _year_start(calendar, year + 1))


@lru_cache(maxsize=16)
def _all_month_starts(calendar: FiscalCalendar) -> tuple[date, ...]:
    years = range(FIRST_WEEK_YEAR, LAST_WEEK_YEAR + 1)
    return tuple(start for year in years for start in _month_starts(calendar, year)[:-1])


def add_months(first: date, months: int) -> date:
    """The first day of the month `months` away. `first` must be the first of a month."""
    index = first.year * 12 + first.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def local_date(instant: datetime, zone: str) -> date:
    """The day on which an instant falls in a time zone: the one conversion from clock to business time.

    Raises ValueError for an instant without a time zone.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant without a time zone has no local date")
    return instant.astimezone(ZoneInfo(zone)).date()


def after_working_days(day: date, count: int, holidays: Set[date]) -> date:
    """The day that is `count` working days after another: Monday to Friday without holidays."""
    while count > 0:
        day += timedelta(days=1)
        count -= day.weekday() < 5 and day not in holidays
    return day


def working_days_between(start: date, end: date, holidays: Set[date]) -> int:
    """How many working days lie after `start` up to and with `end`; 0 unless `end` is later. Undoes `after_working_days`."""
    days = (end - start).days
    if days <= 0:
        return 0
    weeks, rest = divmod(days, 7)
    tail = sum((end - timedelta(days=back)).weekday() < 5 for back in range(rest))
    return 5 * weeks + tail - sum(start < day <= end and day.weekday() < 5 for day in holidays)
