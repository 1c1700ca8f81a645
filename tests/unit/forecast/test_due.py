"""When locks are due: over changes of the clocks, at the ends of periods, and at the end of closing."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from libs.common.calendar import FiscalCalendar
from services.forecast.locks.due import Due, Timetable

BERLIN = Timetable(FiscalCalendar(), "Europe/Berlin")
YEAR = (datetime(2025, 12, 31, 12, tzinfo=UTC), datetime(2026, 12, 31, 12, tzinfo=UTC))


def of(kind: str, timetable: Timetable = BERLIN) -> list[Due]:
    return [due for due in timetable.due(*YEAR) if due.kind == kind]


def test_the_weekly_lock_is_at_noon_local_in_summer_and_in_winter() -> None:
    weekly = of("weekly")
    assert len(weekly) == 52
    local = [due.at.astimezone(ZoneInfo("Europe/Berlin")) for due in weekly]
    assert {(at.weekday(), at.hour, at.minute) for at in local} == {(0, 12, 0)}
    around = [due.at for due in weekly if due.at.month == 3][-2:]
    assert [at.hour for at in around] == [11, 10]
    assert around[1] - around[0] == timedelta(days=7, hours=-1)


def test_an_hour_that_the_clocks_skip_or_repeat_gives_one_lock() -> None:
    sundays = Timetable(FiscalCalendar(), "Europe/Berlin", weekday=6, at=time(2, 30))
    days = [due.at for due in of("weekly", sundays)]
    assert len(days) == len(set(days)) == 52
    assert datetime(2026, 3, 29, 1, 30, tzinfo=UTC) in days
    assert datetime(2026, 10, 25, 0, 30, tzinfo=UTC) in days


def test_each_period_is_locked_at_its_first_and_last_instant() -> None:
    starts, ends = of("period_start"), of("period_end")
    assert [due.at for due in starts] == [
        datetime(2025, 12, 31, 23, tzinfo=UTC),
        datetime(2026, 3, 31, 22, tzinfo=UTC),
        datetime(2026, 6, 30, 22, tzinfo=UTC),
        datetime(2026, 9, 30, 22, tzinfo=UTC),
    ]
    assert [end.at + timedelta(microseconds=1) for end in ends] == [start.at for start in starts[:1]] + [
        start.at for start in starts[1:]
    ]
    assert [period.key for period in starts[1].periods] == ["2026Q2", "2026Q3", "2026Q4", "2027Q1", "2027Q2"]
    assert [period.key for period in ends[1].periods] == ["2026Q1", "2026Q2", "2026Q3", "2026Q4", "2027Q1"]


def test_a_period_is_closed_after_five_working_days() -> None:
    closed = {due.periods[0].key: due.at for due in of("closed")}
    assert closed["2025Q4"] + timedelta(microseconds=1) == datetime(2026, 1, 7, 23, tzinfo=UTC)
    assert closed["2026Q1"] + timedelta(microseconds=1) == datetime(2026, 4, 7, 22, tzinfo=UTC)


def test_a_lock_of_the_week_at_a_period_s_first_instant_is_the_period_s() -> None:
    midnight = Timetable(FiscalCalendar(7), "UTC", weekday=2, at=time())
    found = midnight.due(datetime(2026, 6, 30, 23, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
    assert [due.kind for due in found] == ["period_end", "period_start"]


@given(
    st.integers(0, 2 * 365 * 24).map(lambda hours: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hours)),
    st.lists(st.integers(0, 120 * 24), min_size=1, max_size=6),
    st.sampled_from(["Europe/Berlin", "America/Sao_Paulo", "Pacific/Auckland", "UTC"]),
    st.integers(1, 12),
)
def test_however_often_one_looks_each_instant_is_found_once(
    start: datetime, hours: list[int], zone: str, month: int
) -> None:
    timetable = Timetable(FiscalCalendar(month), zone)
    marks = [start + timedelta(hours=each) for each in sorted(hours)]
    parts = [due for after, until in zip([start, *marks], marks, strict=False) for due in timetable.due(after, until)]
    whole = timetable.due(start, marks[-1])
    assert parts == whole
    assert len({due.at for due in whole}) == len(whole)
