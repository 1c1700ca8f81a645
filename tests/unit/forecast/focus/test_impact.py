"""What attention to a deal is worth, and which deals fit into some hours."""

from dataclasses import replace
from decimal import Decimal
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.forecast.focus.impact import DEFAULT, TERMS, Impact, Shares, closing, fitted, impact, uplift, worth
from services.forecast.projection.steps import Floats

UNKNOWN = float("nan")


def shares(count: int, **known: list[float]) -> Shares:
    return Shares(**{term: np.array(known.get(term, [UNKNOWN] * count)) for term in TERMS})


def weighed(chance: list[float], brings: list[float], hours: list[float] | None = None, **known: list[float]) -> Impact:
    long = np.array(hours or [4.0] * len(chance))
    return impact(np.array(chance), np.array(brings), long, shares(len(chance), **known), DEFAULT)


def test_attention_changes_most_where_it_is_open_how_a_deal_ends() -> None:
    raised = uplift(np.array([0.0, 0.1, 0.5, 0.9, 1.0]), 0.05)
    assert raised == pytest.approx([0.0, 0.018, 0.05, 0.018, 0.0])


def test_an_example_worked_out_by_hand() -> None:
    found = weighed(
        *([0.5], [100_000.0], [5.0]),
        plan_gap=[0.25],
        account_tier=[1.0],
        whitespace=[1.0],
        reference=[0.0],
        displacement=[0.5],
    )
    assert found.financial == pytest.approx([5_000.0])
    assert {term: float(points[0]) for term, points in found.points.items()} == pytest.approx(
        {"plan_gap": 10.0, "account_tier": 20.0, "whitespace": 15.0, "reference": 0.0, "displacement": 5.0}
    )
    assert found.strategic == pytest.approx([50.0])
    assert found.gain == pytest.approx([7_500.0])
    assert found.by_the_hour == pytest.approx([1_500.0])


def test_what_is_unknown_adds_nothing_and_is_told() -> None:
    found = weighed([0.5, 0.5], [1000.0, 1000.0], account_tier=[1.0, UNKNOWN])
    assert found.strategic.tolist() == [20.0, 0.0]
    assert found.known.tolist() == [20.0, 0.0]
    assert np.isnan(found.points["reference"]).all()


def test_a_deal_closes_at_most_the_whole_gap_and_nothing_of_none() -> None:
    found = closing(np.array([10.0, 30.0, 10.0, 10.0]), np.array([20.0, 20.0, -5.0, UNKNOWN]))
    assert found[:3].tolist() == [0.5, 1.0, 0.0]
    assert np.isnan(found[3])


@given(st.floats(0, 1), st.floats(0, 1e7), st.floats(0, 1), st.floats(0, 1))
def test_more_of_a_term_never_counts_less(chance: float, brings: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    found = weighed([chance, chance], [brings, brings], reference=[low, high])
    assert found.gain[0] <= found.gain[1]


def test_without_emphasis_only_money_counts() -> None:
    plain = replace(DEFAULT, emphasis=Decimal(0))
    found = impact(np.array([0.5]), np.array([1000.0]), np.array([1.0]), shares(1, account_tier=[1.0]), plain)
    assert found.gain == pytest.approx(found.financial)


def worth_of(by_the_hour: Floats, hours: Floats, chosen: list[int]) -> float:
    return float((by_the_hour[chosen] * hours[chosen]).sum())


DEALS = st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 12)), max_size=9)


@given(DEALS, st.integers(1, 30))
def test_the_list_fits_and_lacks_at_most_what_its_first_missed_deal_is_worth(
    deals: list[tuple[int, int]], budget: int
) -> None:
    worth, hours = (np.array([each[at] for each in deals], dtype=float) for at in (0, 1))
    order, fits = fitted(worth, hours, np.zeros(len(deals), dtype=int), budget)
    chosen = [at for at in range(len(deals)) if fits[at]]
    assert hours[chosen].sum() <= budget
    possible = [list(some) for size in range(len(deals) + 1) for some in combinations(range(len(deals)), size)]
    best = max(worth_of(worth, hours, some) for some in possible if hours[some].sum() <= budget)
    missed = [at for at in order if not fits[at] and worth[at] > 0]
    assert worth_of(worth, hours, chosen) >= best - (worth_of(worth, hours, missed[:1]) if missed else 0) - 1e-9
    assert all(hours[at] > budget - hours[chosen].sum() for at in missed)


@given(DEALS, st.integers(1, 30))
def test_each_owners_hours_are_their_own(deals: list[tuple[int, int]], budget: int) -> None:
    worth, hours = (np.array([each[at] for each in deals], dtype=float) for at in (0, 1))
    owner = np.arange(len(deals)) % 2
    _, fits = fitted(worth, hours, owner, budget)
    for one in (0, 1):
        mine = owner == one
        _, alone = fitted(worth[mine], hours[mine], owner[mine], budget)
        assert fits[mine].tolist() == alone.tolist()


def test_a_deal_whose_end_is_settled_takes_no_hour() -> None:
    _, fits = fitted(np.array([0.0, 3.0]), np.array([1.0, 1.0]), np.zeros(2, dtype=int), 10)
    assert fits.tolist() == [False, True]


def test_a_deal_is_worth_its_margin_where_that_is_known_and_else_its_amount() -> None:
    brings, margin = np.array([100.0, 100.0, 100.0]), np.array([0.4, np.nan, -0.2])
    assert worth(brings, margin).tolist() == [40.0, 100.0, -20.0]


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1)), min_size=1, max_size=20))
def test_a_known_cost_never_makes_a_deal_worth_more_than_it_brings(deals: list[tuple[float, float]]) -> None:
    brings, margin = (np.array(column) for column in zip(*deals, strict=True))
    assert (worth(brings, margin) <= brings).all()
