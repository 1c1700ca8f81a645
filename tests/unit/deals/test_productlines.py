"""Product lines against the amount of their deal."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.deals.productlines.schemas import LinesIn
from services.deals.productlines.totals import Line, against


@given(st.lists(st.decimals(-1000, 1000, places=2), min_size=1, max_size=9), st.decimals(0, 9000, places=2))
def test_lines_and_what_is_missing_make_the_deals_amount_in_any_order(amounts: list[Decimal], deal: Decimal) -> None:
    lines = [Line(f"P{number}", amount) for number, amount in enumerate(amounts)]
    held = against(lines, "EUR", deal, "EUR")
    assert held.total is not None
    assert held.difference is not None
    assert held.total + held.difference == deal
    assert against(lines[::-1], "EUR", deal, "EUR") == held


def test_what_cannot_be_compared_is_unknown_with_the_reason_and_never_zero() -> None:
    lines = [Line("Ovens", Decimal(5))]
    assert against(lines, "EUR", None, "EUR").why_not == "The deal has no amount."
    assert against(lines, "EUR", Decimal(5), "USD").difference is None
    assert against([], None, Decimal(5), "EUR").total is None


def test_a_line_without_an_amount_comes_to_quantity_times_price() -> None:
    said = LinesIn.model_validate(
        {"currency": "EUR", "lines": [{"product": "Ovens", "quantity": "3", "price": "0.335"}]}
    )
    assert said.said()["lines"][0]["amount"] == "1.01"  # type: ignore[index]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"product": "Ovens"}, "give an amount"),
        ({"product": "Ovens", "amount": "1.001"}, "more decimals than EUR has"),
        ({"product": "ask ann@example.com", "amount": "1"}, "names nobody's mail address"),
        ({"product": "Ov\x07ens", "amount": "1"}, "cannot be shown"),
        ({"product": "Ovens", "amount": "1", "colour": "red"}, "Extra inputs"),
    ],
)
def test_a_line_that_says_too_little_or_too_much_is_refused(line: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        LinesIn.model_validate({"currency": "EUR", "lines": [line]})
