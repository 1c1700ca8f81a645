from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.calendar import (
    FiscalCalendar,
    UnknownPeriod,
    add_months,
    after_working_days,
    local_date,
    working_days_between,
)

DAYS = st.dates(date(1990, 1, 1), date(2100, 12, 31))
STARTS = st.integers(1, 12)


@given(DAYS, STARTS)
def test_every_day_is_in_one_month_of_one_quarter_of_one_year(day: date, start_month: int) -> None:
    calendar = FiscalCalendar(start_month)
    year, quarter, month = calendar.year(day), calendar.quarter(day), calendar.month(day)
    assert day in month
    assert day in quarter
    assert day in year
    assert [part for part in calendar.quarters(year) if day in part] == [quarter]
    assert [part for part in calendar.months(quarter) if day in part] == [month]
    assert calendar.quarters(year)[0].start == year.start
    assert calendar.quarters(year)[-1].end == year.end


@given(DAYS, STARTS)
def test_a_period_is_found_again_by_its_key(day: date, start_month: int) -> None:
    calendar = FiscalCalendar(start_month)
    for period in (calendar.year(day), calendar.quarter(day), calendar.month(day)):
        assert calendar.parse(period.key) == period


def test_a_year_that_begins_in_february_is_named_for_the_year_it_ends_in() -> None:
    calendar = FiscalCalendar(2)
    assert calendar.year(date(2026, 1, 31)).key == "FY2026"
    assert calendar.year(date(2026, 2, 1)).key == "FY2027"
    assert calendar.quarter(date(2026, 2, 1)).key == "2027Q1"
    assert calendar.parse("2027Q1").start == date(2026, 2, 1)


def test_the_last_day_belongs_to_the_period_and_the_next_one_does_not() -> None:
    quarter = FiscalCalendar().parse("2026Q4")
    assert quarter.last_day == date(2026, 12, 31)
    assert date(2026, 12, 31) in quarter
    assert date(2027, 1, 1) not in quarter


@pytest.mark.parametrize("text", ["2026Q5", "2026-13", "2026-00", "FY2026-01", "Q4", "", "20264", "٢٠٢٦Q4", "0000Q1"])
def test_a_text_that_names_no_period_is_refused(text: str) -> None:
    with pytest.raises(UnknownPeriod):
        FiscalCalendar().parse(text)


def test_half_past_midnight_local_is_the_new_day_although_utc_is_a_day_behind() -> None:
    just_after_midnight = datetime(2026, 9, 30, 22, 30, tzinfo=UTC)
    assert local_date(just_after_midnight, "Europe/Berlin") == date(2026, 10, 1)
    assert local_date(just_after_midnight, "UTC") == date(2026, 9, 30)


def test_the_hour_that_summer_time_repeats_stays_on_its_day() -> None:
    for hour in (0, 1, 2):
        assert local_date(datetime(2026, 10, 25, hour, 30, tzinfo=UTC), "Europe/Berlin") == date(2026, 10, 25)
    assert local_date(datetime(2026, 10, 24, 22, 0, tzinfo=UTC), "Europe/Berlin") == date(2026, 10, 25)
    assert local_date(datetime(2026, 10, 25, 22, 59, tzinfo=UTC), "Europe/Berlin") == date(2026, 10, 25)
    assert local_date(datetime(2026, 10, 25, 23, 0, tzinfo=UTC), "Europe/Berlin") == date(2026, 10, 26)


def test_an_instant_without_a_zone_has_no_date() -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        local_date(datetime(2026, 1, 1), "UTC")  # noqa: DTZ001 - the point of the test


@given(DAYS, st.integers(-60, 60))
def test_months_added_and_taken_away_cancel(day: date, months: int) -> None:
    first = day.replace(day=1)
    assert add_months(add_months(first, months), -months) == first


@given(
    st.dates(date(2026, 1, 1), date(2028, 1, 1)),
    st.integers(0, 80),
    st.frozensets(st.dates(date(2026, 1, 1), date(2028, 6, 1)), max_size=9),
)
def test_working_days_between_undo_going_on_by_working_days(day: date, count: int, holidays: frozenset[date]) -> None:
    later = after_working_days(day, count, holidays)
    assert working_days_between(day, later, holidays) == count
    assert working_days_between(later, day, holidays) == 0
