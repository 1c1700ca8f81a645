from datetime import date
from decimal import Decimal

from gateway.connections.schemas import NEEDED
from gateway.pages.format import ago, month, signed
from gateway.pages.intake.connections import CRMS, Bar, bars
from gateway.trials.schemas import Movement


def _moved(*amounts: str) -> list[Movement]:
    return [
        Movement(month=date(2026, 12, 1), line="commit", deals=0, amount=Decimal(amount), weighted=Decimal())
        for amount in amounts
    ]


def test_a_loss_is_drawn_to_the_left_of_the_middle_and_a_gain_to_the_right() -> None:
    assert bars(_moved("-200.00", "50.00", "0")) == [
        Bar("0.00", "500.00"),
        Bar("500.00", "125.00"),
        Bar("500.00", "0.00"),
    ]


def test_lines_of_which_only_the_number_of_deals_moves_have_no_bar() -> None:
    assert bars(_moved("0", "0.00")) == [Bar("500.00", "0.00")] * 2
    assert bars([]) == []


def test_a_difference_is_written_with_its_sign() -> None:
    assert [signed(each) for each in (Decimal("1234.50"), "-40", 3, 0, "0.20")] == ["+1,235", "−40", "+3", "0", "0"]


def test_how_long_ago_something_was_is_said_in_words_at_its_ends() -> None:
    assert [ago(each) for each in (None, 0.2, 42, 7300)] == ["never", "just now", "42 s ago", "2 h ago"]


def test_what_has_no_date_is_undated_and_not_of_the_year_1900() -> None:
    assert [month(each) for each in (None, date(1900, 1, 1), "2026-11-01")] == ["undated", "undated", "Nov 2026"]


def test_every_provider_has_a_name_that_people_know() -> None:
    assert CRMS.keys() == NEEDED.keys()
