"""Fiscal years in whole weeks: 4-4-5 and its sisters, beside calendar months."""

from datetime import date, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from libs.common.calendar import Anchor, FiscalCalendar, Pattern, Period, UnknownPeriod, Weekday, Weeks
from libs.common.config import CommonSettings

DAYS = st.dates(date(1905, 1, 1), date(2190, 12, 31))
WEEKS = st.builds(
    Weeks,
    st.sampled_from(get_args(Pattern)),
    st.sampled_from(get_args(Weekday)),
    st.sampled_from(get_args(Anchor)),
)
CALENDARS = st.builds(FiscalCalendar, st.integers(1, 12), st.none() | WEEKS)
IN_WEEKS = st.builds(FiscalCalendar, st.integers(1, 12), WEEKS)

RETAIL = FiscalCalendar(2, Weeks("4-5-4", "saturday", "nearest"))
"""The calendar of American retail: the year ends on the Saturday nearest to the end of January."""
LAST_SATURDAY_OF_SEPTEMBER = FiscalCalendar(10, Weeks("4-4-5", "saturday", "last"))


def weeks_of(period: Period) -> int:
    days = (period.end - period.start).days
    assert days % 7 == 0
    return days // 7


@given(DAYS, CALENDARS)
def test_every_day_is_in_exactly_one_month_of_one_quarter_of_one_year(day: date, calendar: FiscalCalendar) -> None:
    year, quarter, month = calendar.year(day), calendar.quarter(day), calendar.month(day)
    assert day in month
    assert day in quarter
    assert day in year
    assert [part for part in calendar.quarters(year) if day in part] == [quarter]
    assert [part for part in calendar.months(quarter) if day in part] == [month]
    assert [part for part in calendar.months(year) if day in part] == [month]


@given(DAYS, CALENDARS)
def test_periods_tile_the_days_without_gap_or_overlap(day: date, calendar: FiscalCalendar) -> None:
    years = calendar.years_around(day, 1, 1)
    for parts in (
        years,
        [q for y in years for q in calendar.quarters(y)],
        [m for y in years for m in calendar.months(y)],
    ):
        assert parts[0].start == years[0].start
        assert parts[-1].end == years[-1].end
        assert [part.end for part in parts[:-1]] == [part.start for part in parts[1:]]
        assert len({part.key for part in parts}) == len(parts)
    assert [len(calendar.quarters(year)) for year in years] == [4] * 3
    assert [len(calendar.months(year)) for year in years] == [12] * 3


@given(DAYS, CALENDARS)
def test_a_period_is_found_again_by_its_key_in_either_calendar(day: date, calendar: FiscalCalendar) -> None:
    for period in (calendar.year(day), calendar.quarter(day), calendar.month(day)):
        assert calendar.parse(period.key) == period


@given(DAYS, IN_WEEKS)
def test_a_quarter_has_13_weeks_and_the_last_may_have_14(day: date, calendar: FiscalCalendar) -> None:
    year = calendar.year(day)
    quarters = [weeks_of(quarter) for quarter in calendar.quarters(year)]
    months = [weeks_of(month) for month in calendar.months(year)]
    assert quarters in ([13, 13, 13, 13], [13, 13, 13, 14])
    assert calendar.weeks is not None
    assert months[:-1] == calendar.weeks.lengths()[:-1]
    assert months[-1] - calendar.weeks.lengths()[-1] == sum(quarters) - 52


@given(DAYS, IN_WEEKS)
def test_a_year_ends_on_its_weekday_near_the_end_of_its_last_month(day: date, calendar: FiscalCalendar) -> None:
    year = calendar.year(day)
    assert calendar.weeks is not None
    assert year.last_day.strftime("%A").lower() == calendar.weeks.ends_on
    named = int(year.key.removeprefix("FY"))
    month_end = date(named + (calendar.start_month == 1), calendar.start_month, 1) - timedelta(days=1)
    away = (year.last_day - month_end).days
    assert -6 <= away <= 0 if calendar.weeks.anchor == "last" else -3 <= away <= 3


@given(st.dates(), CALENDARS)
def test_every_day_there_is_has_a_month_to_stand_in(day: date, calendar: FiscalCalendar) -> None:
    start = calendar.month_start(day)
    assert calendar.month_start(start) == start
    if date(1905, 1, 1) <= day <= date(2190, 12, 31):
        assert start == calendar.month(day).start


@pytest.mark.parametrize(
    ("calendar", "year", "start", "last_day", "weeks"),
    [
        (RETAIL, "FY2024", date(2023, 1, 29), date(2024, 2, 3), 53),
        (RETAIL, "FY2025", date(2024, 2, 4), date(2025, 2, 1), 52),
        (LAST_SATURDAY_OF_SEPTEMBER, "FY2023", date(2022, 9, 25), date(2023, 9, 30), 53),
        (LAST_SATURDAY_OF_SEPTEMBER, "FY2024", date(2023, 10, 1), date(2024, 9, 28), 52),
    ],
)
def test_published_years_are_met(calendar: FiscalCalendar, year: str, start: date, last_day: date, weeks: int) -> None:
    found = calendar.parse(year)
    assert (found.start, found.last_day, weeks_of(found)) == (start, last_day, weeks)


def test_a_month_has_the_name_of_the_calendar_month_whose_place_it_takes() -> None:
    first = RETAIL.months(RETAIL.parse("FY2024"))[0]
    assert (first.key, first.label, first.short_label) == ("2023-02", "February 2023", "Feb 2023")
    assert first.start == date(2023, 1, 29)
    assert RETAIL.parse("2024-01").last_day == date(2024, 2, 3)


def test_the_53rd_week_belongs_to_the_last_month() -> None:
    assert weeks_of(RETAIL.parse("2024-01")) == 5
    assert weeks_of(RETAIL.parse("2025-01")) == 4


@pytest.mark.parametrize("key", ["1901Q1", "2199-12", "FY0001"])
def test_a_year_beyond_the_calendar_is_refused(key: str) -> None:
    with pytest.raises(UnknownPeriod, match="knows the years 1902 to 2198"):
        RETAIL.parse(key)


@given(CALENDARS, CALENDARS)
def test_two_calendars_have_one_name_only_if_they_are_the_same(one: FiscalCalendar, other: FiscalCalendar) -> None:
    assert (one.name == other.name) == (one == other)


def configured(**given: str) -> CommonSettings:
    return CommonSettings(database_url=SecretStr(""), **given)  # type: ignore[arg-type]


def test_the_settings_choose_the_calendar() -> None:
    assert configured().calendar == FiscalCalendar()
    chosen = configured(
        fiscal_calendar="4-5-4",
        fiscal_year_start_month="2",
        fiscal_year_ends_on=" Saturday",
        fiscal_year_anchor="nearest",
    )
    assert chosen.calendar == RETAIL


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("fiscal_calendar", "4-4-4", "'4-4-5'"),
        ("fiscal_year_ends_on", "sabbath", "'saturday'"),
        ("fiscal_year_anchor", "first", "'nearest'"),
        ("fiscal_year_start_month", "13", "less than or equal to 12"),
    ],
)
def test_a_calendar_that_there_is_not_is_refused_with_what_there_is(setting: str, value: str, said: str) -> None:
    with pytest.raises(ValidationError, match=rf"{setting}(.|\n)*{said}"):
        configured(**{setting: value})
