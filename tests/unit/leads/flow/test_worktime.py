"""Working time: counted over nights, weekends, holidays and changes of the clock."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.leads.capacity.worktime import WorkTime

OFFICE = WorkTime("Europe/Berlin", 9 * 60, 17 * 60, frozenset({1, 2, 3, 4, 5}), frozenset({date(2026, 12, 25)}))
ALWAYS = WorkTime("Europe/Berlin", 0, 24 * 60, frozenset(range(1, 8)))
instants = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
hours = st.decimals("0", "40", places=2)


@pytest.mark.parametrize(
    ("start", "waits", "due"),
    [
        ("2026-11-20T16:30+01:00", "1", "2026-11-23T09:30+01:00"),
        ("2026-11-21T12:00+01:00", "8", "2026-11-23T17:00+01:00"),
        ("2026-12-24T16:00+01:00", "2", "2026-12-28T10:00+01:00"),
        ("2026-03-27T16:00+01:00", "2", "2026-03-30T10:00+02:00"),
        ("2026-11-23T07:00+01:00", "0", "2026-11-23T09:00+01:00"),
    ],
)
def test_a_wait_goes_on_with_the_next_working_hour(start: str, waits: str, due: str) -> None:
    assert OFFICE.after(datetime.fromisoformat(start), Decimal(waits)) == datetime.fromisoformat(due)


@given(instants, hours, st.decimals("0.01", "40", places=2))
def test_waiting_twice_is_waiting_for_the_sum(start: datetime, one: Decimal, other: Decimal) -> None:
    assert OFFICE.after(OFFICE.after(start, one), other) == OFFICE.after(start, one + other)


@given(instants, instants, hours)
def test_who_starts_later_is_not_done_earlier(one: datetime, other: datetime, waits: Decimal) -> None:
    first, second = sorted((one, other))
    assert OFFICE.after(first, waits) <= OFFICE.after(second, waits)


@given(instants, hours)
def test_working_round_the_clock_it_is_the_time_on_the_wall(start: datetime, waits: Decimal) -> None:
    assert (ALWAYS.after(start, waits) - start).total_seconds() == float(waits * 3600)


def test_days_leave_out_weekends_and_holidays() -> None:
    assert OFFICE.days(date(2026, 12, 24), 2) == [date(2026, 12, 24), date(2026, 12, 28)]


def test_a_calendar_without_work_says_so() -> None:
    idle = WorkTime("UTC", 0, 60, frozenset())
    with pytest.raises(ValueError, match="look at the holidays"):
        idle.days(date(2026, 1, 1), 1)
