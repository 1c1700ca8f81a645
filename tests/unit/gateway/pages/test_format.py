from decimal import Decimal

import pytest

from gateway.pages import format as written


@pytest.mark.parametrize(
    ("amount", "text"),
    [("1234567.89", "1,234,568"), ("0.00", "0"), ("-1500.50", "−1,501"), (None, "–"), (Decimal("0.5"), "1")],
)
def test_an_amount_is_written_in_whole_units_and_the_unknown_is_a_dash_not_zero(amount: object, text: str) -> None:
    assert written.whole(amount) == text


def test_the_time_of_freshness_is_local_to_the_organisation() -> None:
    assert written.clock_time("2026-11-22T13:03:07+00:00", "Europe/Berlin") == "14:03:07"
    assert written.moment("2026-11-22T23:30:00+00:00", "Europe/Berlin") == "23 Nov 2026 00:30:00"


def test_what_ends_at_midnight_ends_with_the_day_before() -> None:
    assert written.until("2026-12-20T23:00:00Z", "Europe/Berlin") == "end of 20 Dec 2026"
    assert written.until("2026-12-20T12:00:00Z", "Europe/Berlin") == "20 Dec 2026 13:00:00"
    assert written.until(None, "Europe/Berlin") == "–"


@pytest.mark.parametrize(("share", "text"), [("0.1234", "12.3\u202f%"), ("-0.05", "−5.0\u202f%"), (None, "–")])
def test_a_share_is_written_in_hundredths_and_the_unknown_is_a_dash(share: str | None, text: str) -> None:
    assert written.percent(share) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.42, "420 ms"),
        (4.2, "4.2 s"),
        (12.0, "12 s"),
        (119, "119 s"),
        (180, "3 min"),
        (7200, "2 h"),
        (400_000, "4 d"),
        (None, "–"),
    ],
)
def test_an_age_is_written_in_its_largest_fitting_unit(seconds: float | None, text: str) -> None:
    assert written.duration(seconds) == text


def test_one_deal_is_not_called_deals() -> None:
    assert (written.deals(1), written.deals(0), written.deals(1200)) == ("1 deal", "0 deals", "1,200 deals")


def test_a_deal_without_a_month_is_undated() -> None:
    assert written.month(None) == "undated"
    assert written.month("2026-11-01") == "Nov 2026"
