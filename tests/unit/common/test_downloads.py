"""What people take away holds nothing that a spreadsheet runs."""

import csv
import io
from decimal import Decimal

import pytest

from libs.common.web.downloads import csv_file


@pytest.mark.parametrize("typed", ["=HYPERLINK(1)", "+1", "-2+3", "@SUM(A1)", "\tx", "\rx"])
def test_a_text_that_would_be_a_formula_is_led_by_an_apostrophe(typed: str) -> None:
    assert _read(typed) == f"'{typed}"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (-5, "-5"),
        ('A, "b"', 'A, "b"'),
        (0, "0"),
        (Decimal("1.25E+6"), "1250000"),
        (Decimal("-0.50"), "-0.50"),
    ],
)
def test_numbers_stay_numbers_and_unknown_is_empty(value: object, shown: str) -> None:
    assert _read(value) == shown


def _read(value: object) -> str:
    body = bytes(csv_file("deals", ["name"], [[value]]).body).decode()
    ((found,),) = list(csv.reader(io.StringIO(body, newline="")))[1:]
    return found
