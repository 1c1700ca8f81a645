"""What state a period is in: the ledger of closings laid over the calendar. Pure.

The ledger names days, not only periods: after a change of the fiscal calendar what was closed stays closed.
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from libs.common.calendar import FiscalCalendar, Period, after_working_days

State = Literal["open", "closing", "closed"]


@dataclass(frozen=True, slots=True)
class Change:
    """An entry of the ledger: finance closed the days from `start` to before `until`, or opened them again."""

    period: str
    start: date
    until: date
    state: Literal["closed", "reopened"]
    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days from `start` to before `until` of which `change` is the newest entry."""

    start: date
    until: date
    change: Change


@dataclass(frozen=True, slots=True)
class Standing:
    """A period's state. `due`: the last working day on which finance should close it; `change`: its newest entry."""

    period: Period
    state: State
    due: date
    change: Change | None


def stretches(ledger: Iterable[Change]) -> tuple[Stretch, ...]:
    """The days that were ever closed, in order and without overlap, each under its newest entry."""
    laid: list[Stretch] = []
    for change in ledger:
        under = [part for stretch in laid for part in _outside(stretch, change.start, change.until)]
        laid = [*under, Stretch(change.start, change.until, change)]
    return tuple(sorted(laid, key=lambda stretch: stretch.start))


def closed_within(laid: Sequence[Stretch], period: Period) -> list[Stretch]:
    """The closed days of a period."""
    return [
        replace(stretch, start=max(stretch.start, period.start), until=min(stretch.until, period.end))
        for stretch in laid
        if stretch.change.state == "closed" and stretch.start < period.end and stretch.until > period.start
    ]


def standing(
    period: Period, laid: Sequence[Stretch], *, today: date, working_days: int, holidays: Set[date]
) -> Standing:
    """A period's state on a day: closed when every day of it is, else closing once its last day is over."""
    closed = sum(((stretch.until - stretch.start).days for stretch in closed_within(laid, period)), 0)
    touching = [stretch.change for stretch in laid if stretch.start < period.end and stretch.until > period.start]
    state: State = "open"
    if closed == (period.end - period.start).days:
        state = "closed"
    elif today >= period.end:
        state = "closing"
    due = after_working_days(period.last_day, working_days, holidays)
    return Standing(period, state, due, max(touching, key=lambda change: change.at, default=None))


def months_to_close(calendar: FiscalCalendar, period: Period, laid: Sequence[Stretch]) -> list[Period]:
    """The months of a period that are not closed yet."""
    return [month for month in calendar.months(period) if not _is_closed(month, laid)]


def months_to_reopen(calendar: FiscalCalendar, period: Period, laid: Sequence[Stretch]) -> list[Period]:
    """The months of a period of which a day is closed."""
    return [month for month in calendar.months(period) if closed_within(laid, month)]


def _is_closed(month: Period, laid: Sequence[Stretch]) -> bool:
    days = sum(((stretch.until - stretch.start).days for stretch in closed_within(laid, month)), 0)
    return days == (month.end - month.start).days


def _outside(stretch: Stretch, start: date, until: date) -> list[Stretch]:
    """What is left of a stretch without some days."""
    before = replace(stretch, until=min(stretch.until, start))
    after = replace(stretch, start=max(stretch.start, until))
    return [part for part in (before, after) if part.start < part.until]
