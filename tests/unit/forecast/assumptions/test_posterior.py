"""What is to be thought of an assumption after what was seen: surer with more cases, and of nothing after nothing."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.forecast.assumptions.measures import MONTH_DAYS, Law
from services.forecast.assumptions.posterior import LEAST_CASES, WINDOW, Posterior, Seen, posterior

WEEKS = 30


def seen(
    cases: float,
    total: float,
    *,
    weeks: int = WEEKS,
    squares: float | None = None,
    usual: tuple[float, float, float] = (0, 0, 0),
    bursts: float = 1.0,
) -> Seen:
    """So much in every week."""
    each = np.ones((1, weeks))
    return Seen(
        days=np.full(weeks, 7.0),
        cases=each * cases,
        total=each * total,
        squares=each * (total if squares is None else squares),
        usual_cases=np.array([usual[0]]),
        usual_total=np.array([usual[1]]),
        usual_squares=np.array([usual[2]]),
        bursts=np.array([bursts]),
    )


def judged(law: Law, expected: float, tolerance: float, found: Seen) -> Posterior:
    return posterior(law, np.array([expected]), np.array([tolerance]), found)


def test_a_win_rate_of_half_of_what_is_expected_lies_below_and_one_as_expected_on_neither_side() -> None:
    low = judged("share", 0.4, 0.1, seen(20, 4))
    assert low.below[0] > 0.999
    assert (low.value[0], low.cases[0], low.weeks[0]) == (pytest.approx(0.2), 20 * WINDOW, WINDOW)
    assert low.low[0] < 0.2 < low.high[0] < 0.36
    same = judged("share", 0.4, 0.1, seen(20, 8))
    assert max(same.below[0], same.above[0]) < 0.2
    assert judged("share", 0.4, 0.1, seen(20, 12)).above[0] > 0.999


def test_creation_and_means_are_judged_on_both_sides() -> None:
    a_month = 10 * MONTH_DAYS / 7
    assert judged("rate", a_month * 1.6, 0.2, seen(10, 10)).below[0] > 0.99
    assert judged("rate", a_month * 0.6, 0.2, seen(10, 10)).above[0] > 0.99
    usual = (500.0, 500 * 100.0, 500 * (100.0**2 * 1.25))
    about = seen(10, 1000, squares=10 * 100.0**2 * 1.25, usual=usual)
    assert judged("mean", 160, 0.2, about).below[0] > 0.99
    assert judged("mean", 60, 0.2, about).above[0] > 0.99
    assert max(judged("mean", 100, 0.2, about).below[0], judged("mean", 100, 0.2, about).above[0]) < 0.05


def test_few_cases_are_looked_for_further_back_and_are_else_too_few() -> None:
    further = judged("share", 0.4, 0.1, seen(3, 1))
    assert (bool(further.is_enough[0]), int(further.weeks[0])) == (True, 20), "sixty cases are as sure as forty events"
    few = judged("share", 0.4, 0.1, seen(1, 0))
    assert not few.is_enough[0]
    assert few.weeks[0] == WEEKS
    early = judged("share", 0.4, 0.1, seen(100, 40, weeks=1))
    assert (bool(early.is_enough[0]), int(early.weeks[0])) == (True, 1)
    assert not judged("share", 0.9, 0.1, seen(1, 1, weeks=LEAST_CASES - 1)).is_enough[0]


def test_that_nothing_at_all_is_created_is_seen_though_there_is_no_case() -> None:
    found = judged("rate", 40, 0.2, seen(0, 0))
    assert found.is_enough[0]
    assert found.below[0] > 0.999


def test_counts_that_come_in_bursts_count_for_less() -> None:
    steady = judged("rate", 60, 0.2, seen(10, 10))
    uneven = judged("rate", 60, 0.2, seen(10, 10, bursts=3.0))
    assert uneven.below[0] < steady.below[0]
    assert uneven.low[0] < steady.low[0]


@given(
    st.floats(0.02, 0.98), st.floats(0.02, 0.9), st.integers(0, 60), st.floats(0, 1), st.sampled_from(["share", "rate"])
)
def test_chances_are_chances_and_both_sides_never_exceed_one(
    expected: float, tolerance: float, cases: int, part: float, law: Law
) -> None:
    found = judged(law, expected if law == "share" else expected * 100, tolerance, seen(cases, round(cases * part)))
    assert 0 <= found.below[0] <= 1
    assert 0 <= found.above[0] <= 1
    assert found.below[0] + found.above[0] <= 1 + 1e-9
    assert found.low[0] <= found.high[0]


@given(st.floats(0.1, 0.9), st.integers(1, 40))
def test_more_won_deals_never_make_below_likelier(expected: float, cases: int) -> None:
    below = [judged("share", expected, 0.1, seen(cases, won)).below[0] for won in range(cases + 1)]
    assert below == sorted(below, reverse=True)


def test_a_mean_of_nothing_won_is_not_known() -> None:
    found = judged("mean", 100, 0.2, replace(seen(0, 0), usual_cases=np.array([50.0])))
    assert not found.is_enough[0]
    assert np.isnan(found.value[0])
