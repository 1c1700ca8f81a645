"""A number is divided to the minor unit, and what a person said is kept."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.forecast.plans.allocation import allocated, grown, shared

WEIGHTS = st.lists(st.integers(0, 10**12) | st.decimals(0, 1000, places=3), min_size=1, max_size=30)


@given(st.integers(0, 10**15), WEIGHTS)
def test_the_parts_of_a_number_add_up_to_it_and_are_nearest_to_their_shares(units: int, weights: list[Decimal]) -> None:
    parts = shared(units, weights)
    assert sum(parts) == units
    whole = sum(Decimal(weight) for weight in weights)
    for part, weight in zip(parts, weights, strict=True):
        exact = units * Decimal(weight) / whole if whole else Decimal(units) / len(weights)
        assert abs(part - exact) < Decimal("1.0001")


@given(st.integers(0, 10**12), WEIGHTS, st.data())
def test_what_a_person_said_is_kept_and_the_others_share_the_rest(
    units: int, weights: list[Decimal], data: st.DataObject
) -> None:
    kept = data.draw(st.dictionaries(st.integers(0, len(weights) - 1), st.integers(0, 10**12), max_size=len(weights)))
    parts = allocated(units, weights, kept)
    assert all(parts[place] == amount for place, amount in kept.items())
    assert min(parts) >= 0
    free = len(weights) - len(kept)
    if free and sum(kept.values()) <= units:
        assert sum(parts) == units
    elif free:
        assert sum(parts) == sum(kept.values()), "nothing is taken back of what is over"


@given(st.integers(0, 10**12), WEIGHTS)
def test_dividing_again_changes_nothing(units: int, weights: list[Decimal]) -> None:
    assert shared(units, weights) == shared(units, weights)


def test_without_any_weight_the_parts_are_even_and_the_first_have_what_is_left() -> None:
    assert shared(100, [0, 0, 0]) == [34, 33, 33]


def test_a_zero_weight_has_nothing_beside_others() -> None:
    assert shared(100, [1, 0, 2]) == [33, 0, 67]


def test_growth_is_rounded_to_the_minor_unit_and_never_falls_below_nought() -> None:
    assert grown(1005, Decimal("0.1")) == 1106
    assert grown(1000, Decimal(-1)) == 0


def test_a_number_below_nought_is_not_divided() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        shared(-1, [1])
