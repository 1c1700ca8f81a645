"""Where a price stands, and what is said of it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.pricing.guidance.checking.standing import Edges, lifted, mixed, stands, why

_ratio = st.decimals(0, 2, places=4)
_edges = st.lists(_ratio, min_size=3, max_size=3).map(lambda found: Edges(*sorted(found)))
ORDER = ["below_policy", "below_floor", "below_target", "below_stretch", "above_stretch"]


@given(edges=_edges, minimum=st.none() | _ratio)
def test_the_floor_is_never_below_the_policy_and_edges_stay_in_order(edges: Edges, minimum: Decimal | None) -> None:
    found = lifted(edges, minimum)
    assert found.floor <= found.target <= found.stretch
    assert minimum is None or found.floor >= minimum
    assert found.floor >= edges.floor


@given(edges=_edges, minimum=st.none() | _ratio, prices=st.lists(_ratio, min_size=2, max_size=6))
def test_a_higher_price_never_stands_lower(edges: Edges, minimum: Decimal | None, prices: list[Decimal]) -> None:
    found = [ORDER.index(stands(price, edges, minimum)) for price in sorted(prices)]
    assert found == sorted(found)
    for price in prices:
        assert (stands(price, edges, minimum) == "below_policy") == (minimum is not None and price < minimum)


def test_without_a_band_only_the_policy_speaks_and_without_both_nothing() -> None:
    assert stands(Decimal("0.5"), None, None) == "unknown"
    assert stands(None, None, Decimal("0.5")) == "unknown"
    assert stands(Decimal("0.5"), None, Decimal("0.5")) == "within_policy"
    assert stands(Decimal("0.4"), None, Decimal("0.5")) == "below_policy"


def test_a_whole_quotes_band_weighs_lines_by_their_list_amounts() -> None:
    low, high = Edges(*map(Decimal, ("0.5", "0.6", "0.7"))), Edges(*map(Decimal, ("0.8", "0.9", "1")))
    assert mixed([(Decimal(300), low), (Decimal(100), high)]) == Edges(*map(Decimal, ("0.5750", "0.6750", "0.7750")))
    with pytest.raises(ValueError, match="list amounts"):
        mixed([])


def test_what_a_band_rests_on_is_said_in_words() -> None:
    levels = ("market", "segment", "family")
    asked = ("DACH", "enterprise", "Suite")
    assert why(levels, asked, asked, 30, Decimal()) == "30 won quotes in DACH / enterprise / Suite, shrunk 0 %"
    assert why(levels, asked, asked, 1, Decimal("0.9")) == (
        "1 won quote in DACH / enterprise / Suite, shrunk 90 % to DACH / enterprise"
    )
    unknown = ("", "enterprise", "Suite")
    assert why(levels, unknown, ("",), 8, Decimal("0.5")) == (
        "none won in market unknown / enterprise / Suite: 8 won quotes in market unknown, shrunk 50 % to the whole company"
    )
