"""A comma stands between thousands or the number is refused: 7,5 is never taken for 75."""

from decimal import Decimal

import pytest

from gateway.pages.plans.typed import number


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("7.5", "7.5"), ("1,234,567.89", "1234567.89"), ("1 234 567", "1234567"), ("-5", "-5"), ("−5", "-5"),
        ("7,5", None), ("1234,56", None), ("1.234,56", None), ("12,34,567", None), ("1,2345", None), ("", None),
        ("NaN", None), ("abc", None),
    ],
)  # fmt: skip
def test_a_comma_between_thousands_is_read_and_any_other_is_no_number(typed: str, found: str | None) -> None:
    assert number(typed) == (None if found is None else Decimal(found))
