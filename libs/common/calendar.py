"""The fiscal calendar: months, quarters and years, shifted to the month in which the company's year begins.

A fiscal year is named for the calendar year in which it ends, so with a start in January both are the same.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Kind = Literal["month", "quarter", "year"]

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

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end


@dataclass(frozen=True, slots=True)
class FiscalCalendar:
    """Which periods there are when the fiscal year begins on the first of `start_month`."""

    start_month: int = 1

    def month(self, day: date) -> Period:
        start = day.replace(day=1)
        key = f"{start.year:04}-{start.month:02}"
        return Period(key, "month", f"{_MONTHS[start.month - 1]} {start.year}", start, add_months(start, 1))

    def quarter(self, day: date) -> Period:
        year = self.year(day)
        number = _months_between(year.start, day) // 3
        return self._quarter(year, number)

    def year(self, day: date) -> Period:
        start = add_months(day.replace(day=1), -((day.month - self.start_month) % 12))
        end = add_months(start, 12)
        name = (end - timedelta(days=1)).year
        return Period(f"FY{name:04}", "year", f"FY {name}", start, end)

    def parse(self, key: str) -> Period:
        """The period called `2026Q4`, `2026-11`, `FY2026` or `2026`. Raises UnknownPeriod."""
        found = _KEY.fullmatch(key.strip())
        if found is None or (found["month"] and key.strip().startswith("FY")) or not 2 <= int(found["year"]) <= 9997:
            raise UnknownPeriod(f"{key!r} is not a period; write 2026Q4, 2026-11 or FY2026")
        number = int(found["year"])
        if found["month"]:
            return self.month(date(number, int(found["month"]), 1))
        year = self.year(add_months(date(number, self.start_month, 1), -12 if self.start_month > 1 else 0))
        return self._quarter(year, int(found["quarter"]) - 1) if found["quarter"] else year

    def months(self, period: Period) -> list[Period]:
        """The months of a period, in order."""
        count = _months_between(period.start, period.end)
        return [self.month(add_months(period.start, index)) for index in range(count)]

    def quarters(self, year: Period) -> list[Period]:
        return [self._quarter(year, number) for number in range(4)]

    def _quarter(self, year: Period, number: int) -> Period:
        start = add_months(year.start, 3 * number)
        name = (year.end - timedelta(days=1)).year
        return Period(f"{name:04}Q{number + 1}", "quarter", f"Q{number + 1} {name}", start, add_months(start, 3))


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


def _months_between(start: date, day: date) -> int:
    return (day.year - start.year) * 12 + day.month - start.month
