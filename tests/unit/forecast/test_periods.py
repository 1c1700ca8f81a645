"""States of periods, working days, and in which period a win counts."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from libs.common.calendar import FiscalCalendar, Weeks, after_working_days, local_date
from services.forecast.config import Settings
from services.forecast.periods.counting import Decision, States, counted_period
from services.forecast.periods.states import (
    Change,
    closed_within,
    months_to_close,
    months_to_reopen,
    standing,
    stretches,
)

MONTHS = FiscalCalendar()
WEEKS = FiscalCalendar(1, Weeks("4-4-5", "saturday", "last"))
ZONE = "Europe/Berlin"
NOVEMBER = MONTHS.parse("2026-11")


def at(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def change(key: str, state: str, when: datetime, calendar: FiscalCalendar = MONTHS) -> Change:
    period = calendar.parse(key)
    return Change(key, period.start, period.end, state, when, "fin", "books are final")  # type: ignore[arg-type]


CLOSED = at(date(2026, 12, 8))
LATER = CLOSED + timedelta(days=3)
BOOKED = date(2026, 11, 27)


def states(*ledger: Change, calendar: FiscalCalendar = MONTHS) -> States:
    return States(calendar, ZONE, stretches(ledger))


def state_of(key: str, today: date, *ledger: Change, calendar: FiscalCalendar = MONTHS) -> str:
    found = standing(
        calendar.parse(key), stretches(ledger), today=today, working_days=5, holidays=frozenset({date(2026, 12, 3)})
    )
    return found.state


class TestStates:
    def test_a_period_is_open_to_its_last_day_then_closing_until_finance_closes_it(self) -> None:
        closed = change("2026-11", "closed", CLOSED)
        assert state_of("2026-11", date(2026, 11, 30)) == "open"
        assert state_of("2026-11", date(2026, 12, 1)) == "closing"
        assert state_of("2026-11", date(2027, 3, 1)) == "closing", "no period closes by itself"
        assert state_of("2026-11", date(2026, 12, 9), closed) == "closed"

    def test_it_is_due_five_working_days_after_its_last_day_without_weekends_and_holidays(self) -> None:
        found = standing(NOVEMBER, (), today=date(2026, 12, 1), working_days=5, holidays=frozenset({date(2026, 12, 3)}))
        assert found.due == date(2026, 12, 8)
        assert after_working_days(date(2026, 11, 30), 5, frozenset()) == date(2026, 12, 7)
        assert after_working_days(date(2026, 11, 30), 0, frozenset()) == date(2026, 11, 30)

    def test_a_reopened_period_is_closing_again_and_both_closings_stay_in_the_ledger(self) -> None:
        ledger = [change("2026-11", "closed", CLOSED), change("2026-11", "reopened", LATER)]
        assert state_of("2026-11", date(2026, 12, 20), *ledger) == "closing"
        again = change("2026-11", "closed", LATER + timedelta(days=1))
        assert state_of("2026-11", date(2026, 12, 20), *ledger, again) == "closed"
        assert states(*ledger, again).closing_of(BOOKED) == again

    def test_a_quarter_is_closed_when_all_its_months_are(self) -> None:
        ledger = [change(key, "closed", CLOSED) for key in ("2026-10", "2026-12")]
        assert state_of("2026Q4", date(2027, 1, 4), *ledger) == "closing"
        assert [month.key for month in months_to_close(MONTHS, MONTHS.parse("2026Q4"), stretches(ledger))] == [
            "2026-11"
        ]
        assert state_of("2026Q4", date(2027, 1, 4), *ledger, change("2026-11", "closed", LATER)) == "closed"

    def test_what_was_closed_stays_closed_in_another_calendar(self) -> None:
        ledger = [change(f"2026-{month:02}", "closed", CLOSED) for month in range(1, 12)]
        by_weeks = {
            month.key: state_of(month.key, date(2026, 12, 28), *ledger, calendar=WEEKS)
            for month in WEEKS.months(WEEKS.parse("FY2026"))
        }
        assert by_weeks["2026-02"] == by_weeks["2026-11"] == "closed"
        assert by_weeks["2026-12"] == "closing", "a part of it was never closed"
        december = WEEKS.parse("2026-12")
        assert closed_within(stretches(ledger), december)
        assert months_to_close(WEEKS, december, stretches(ledger)) == [december]
        assert months_to_reopen(WEEKS, december, stretches(ledger)) == [december]


LEDGERS = st.lists(
    st.builds(
        lambda key, state, hours, calendar: change(key, state, CLOSED + timedelta(hours=hours), calendar),
        st.sampled_from(("2026-09", "2026-10", "2026-11", "2026Q3", "2026Q4", "FY2026")),
        st.sampled_from(("closed", "reopened")),
        st.integers(0, 99),
        st.sampled_from((MONTHS, WEEKS)),
    ),
    max_size=8,
)


@given(LEDGERS, st.dates(date(2026, 7, 1), date(2027, 1, 31)))
def test_each_day_is_under_the_newest_entry_that_covers_it(ledger: list[Change], day: date) -> None:
    covering = [entry for entry in ledger if entry.start <= day < entry.until]
    newest = covering[-1] if covering else None
    laid = stretches(ledger)
    assert all(one.until <= other.start for one, other in pairwise(laid))
    assert states(*ledger).closing_of(day) == (newest if newest and newest.state == "closed" else None)


@given(
    LEDGERS, st.dates(date(2026, 7, 1), date(2027, 1, 31)), st.integers(-200, 2000), st.sampled_from((MONTHS, WEEKS))
)
def test_a_win_counts_in_exactly_one_month_and_never_moves_a_closed_one(
    ledger: list[Change], day: date, hours: int, calendar: FiscalCalendar
) -> None:
    known_at = CLOSED + timedelta(hours=hours)
    now = states(*ledger, calendar=calendar)
    found = counted_period(day, known_at, now)
    closing = now.closing_of(day)
    if closing is None or known_at <= closing.at:
        assert (found.month, found.why) == (calendar.month(day), "booked")
    else:
        assert (found.month, found.why) == (calendar.month(local_date(known_at, ZONE)), "to_decide")


class TestCounting:
    def test_a_late_win_counts_in_its_period_until_finance_has_closed_that(self) -> None:
        now = states(change("2026-11", "closed", CLOSED))
        for known_at in (at(BOOKED), CLOSED - timedelta(hours=1), CLOSED):
            assert counted_period(BOOKED, known_at, now).month == NOVEMBER
        assert counted_period(BOOKED, CLOSED + timedelta(days=400), states()).month == NOVEMBER

    def test_after_the_closing_it_counts_where_it_became_known_until_finance_decides(self) -> None:
        now = states(change("2026-11", "closed", CLOSED))
        found = counted_period(BOOKED, LATER, now)
        assert (found.month.key, found.why) == ("2026-12", "to_decide")
        decided = Decision(LATER, BOOKED, BOOKED, LATER, "fin", "an invoice of November")
        assert counted_period(BOOKED, LATER, now, [decided]).month == NOVEMBER
        replaced = Decision(LATER, BOOKED, date(2027, 1, 1), LATER, "fin", "the auditor's wish")
        assert counted_period(BOOKED, LATER, now, [decided, replaced]).month.key == "2027-01"

    def test_a_decision_on_the_first_closing_of_a_deal_says_nothing_of_its_second(self) -> None:
        now = states(change("2026-11", "closed", CLOSED))
        first = Decision(LATER, BOOKED, BOOKED, LATER, "fin", "first closing")
        second = counted_period(BOOKED, LATER + timedelta(days=30), now, [first])
        assert (second.month.key, second.why) == ("2027-01", "to_decide")

    def test_a_reopened_period_takes_in_what_became_known_since_and_a_decision_stands(self) -> None:
        now = states(change("2026-11", "closed", CLOSED), change("2026-11", "reopened", LATER + timedelta(days=1)))
        assert counted_period(BOOKED, LATER, now).month == NOVEMBER
        decided = Decision(LATER, BOOKED, date(2026, 12, 1), LATER, "fin", "too small to restate")
        assert counted_period(BOOKED, LATER, now, [decided]).month.key == "2026-12"

    def test_it_became_known_on_the_local_day(self) -> None:
        now = states(change("2026-11", "closed", CLOSED))
        new_year = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
        assert counted_period(BOOKED, new_year, now).month.key == "2027-01"


def test_holidays_are_days_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORETELL_HOLIDAYS", "2026-12-25, 2026-12-28")
    assert Settings(database_url=SecretStr("")).holidays == (date(2026, 12, 25), date(2026, 12, 28))
    monkeypatch.setenv("FORETELL_HOLIDAYS", "25.12.2026")
    with pytest.raises(ValidationError, match=r"'25\.12\.2026' is not a day; write days like 2026-12-25"):
        Settings(database_url=SecretStr(""))
