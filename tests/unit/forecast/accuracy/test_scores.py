"""Scores against closed forms and against the same thing counted one by one."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from services.forecast.accuracy.scores import (
    GRID,
    Pair,
    bias,
    compare,
    coverage,
    crps,
    distinct,
    inside,
    interval_score,
    noise_floor,
    relative,
    reliability,
    wape,
)

MONEY = st.floats(0, 1e9, width=32)
PAIRS = st.lists(st.tuples(MONEY, MONEY), min_size=1, max_size=20)


@given(mean=st.floats(-1e3, 1e3), sd=st.floats(0.1, 1e3), distance=st.floats(-3, 3))
def test_the_crps_of_a_normal_is_its_closed_form(mean: float, sd: float, distance: float) -> None:
    quantiles = stats.norm.ppf(GRID, mean, sd)[None, :]
    expected = sd * (
        distance * (2 * stats.norm.cdf(distance) - 1) + 2 * stats.norm.pdf(distance) - 1 / math.sqrt(math.pi)
    )
    assert crps(quantiles, np.array([mean + distance * sd]))[0] == pytest.approx(expected, abs=0.003 * sd)


@given(PAIRS)
def test_the_crps_of_a_certain_forecast_is_its_absolute_error(pairs: list[tuple[float, float]]) -> None:
    said, came = np.array(pairs).T
    certain = np.repeat(said[:, None], len(GRID), axis=1)
    np.testing.assert_allclose(crps(certain, came), np.abs(said - came), rtol=1e-9, atol=1e-6)


@given(PAIRS)
def test_wape_and_bias_are_sums_over_sums(pairs: list[tuple[float, float]]) -> None:
    said, came = np.array(pairs).T
    whole = sum(each for _, each in pairs)
    if whole <= 0:
        assert wape(said, came) is bias(said, came) is relative(said, came) is None
        return
    assert wape(said, came) == pytest.approx(sum(abs(a - b) for a, b in pairs) / whole)
    assert bias(said, came) == pytest.approx(sum(a - b for a, b in pairs) / whole, abs=1e-6)
    assert abs(bias(said, came) or 0.0) <= (wape(said, came) or 0.0) * (1 + 1e-9) + 1e-12


@given(low=st.floats(-100, 100), width=st.floats(0, 100), came=st.floats(-300, 300), level=st.sampled_from([0.8, 0.95]))
def test_an_interval_costs_its_width_and_a_miss_its_distance(
    low: float, width: float, came: float, level: float
) -> None:
    high = low + width
    expected = width
    if came < low:
        expected += 2 / (1 - level) * (low - came)
    if came > high:
        expected += 2 / (1 - level) * (came - high)
    found = interval_score(np.array([low]), np.array([high]), np.array([came]), level=level)
    assert found[0] == pytest.approx(expected)
    assert inside(np.array([low]), np.array([high]), np.array([came]))[0] == (low <= came <= high)


def test_the_interval_of_the_true_quantiles_scores_best() -> None:
    came = np.random.default_rng(5).normal(size=20_000)
    scores = {
        half: interval_score(np.full(len(came), -half), np.full(len(came), half), came, level=0.8).mean()
        for half in (0.9, 1.2816, 1.8)
    }
    assert min(scores, key=lambda half: scores[half]) == 1.2816


def test_coverage_says_how_many_and_what_so_few_allow() -> None:
    hits = np.array([True] * 8 + [False] * 2)
    found = coverage(hits, distinct=10)
    assert found is not None
    assert (found.share, found.n, found.distinct) == (0.8, 10, 10)
    assert (found.low, found.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    overlapping = coverage(hits, distinct=3)
    assert overlapping is not None
    assert overlapping.low < found.low
    assert overlapping.high > found.high
    assert coverage(hits[:0], distinct=0) is None


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_every_statement_falls_in_one_bin(statements: list[tuple[float, bool]]) -> None:
    said, came = np.array([p for p, _ in statements]), np.array([came for _, came in statements])
    bins = reliability(said, came)
    assert sum(each.n for each in bins) == len(statements)
    assert sum(each.n * each.said for each in bins) == pytest.approx(said.sum())
    assert sum(each.n * each.came for each in bins) == pytest.approx(came.sum())
    assert [each.said for each in bins] == sorted(each.said for each in bins)


def test_the_noise_floor_is_what_is_left_when_every_probability_is_known() -> None:
    rng = np.random.default_rng(11)
    wins, cv = 60.0, 1.0
    totals = np.array([rng.exponential(1.0, rng.poisson(wins)).sum() for _ in range(4_000)])
    measured = wape(np.full(len(totals), wins), totals)
    assert noise_floor(wins, cv) == pytest.approx(measured, rel=0.05)
    assert noise_floor(0.0, 1.0) is None


@given(gaps=st.lists(st.floats(0.5, 40), max_size=20), length=st.sampled_from([7.0, 28.0, 91.0]))
def test_windows_of_different_blocks_begin_blocks_apart(gaps: list[float], length: float) -> None:
    starts = np.concatenate(([100.0], 100.0 + np.cumsum(gaps)))
    blocks = distinct(starts, length)
    firsts = [starts[blocks == number].min() for number in range(blocks.max() + 1)]
    assert all(after - before >= length for before, after in pairwise(firsts))
    assert all(starts[blocks == number].max() < first + length for number, first in enumerate(firsts))


def test_weekly_windows_of_four_weeks_are_distinct_every_four_weeks() -> None:
    assert distinct(np.arange(0.0, 70.0, 7.0), 28.0).tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]
    assert distinct(np.arange(0.0, 35.0, 7.0), 7.0).tolist() == [0, 1, 2, 3, 4]


def test_a_method_that_is_always_half_as_wrong_is_so_in_every_draw() -> None:
    rng = np.random.default_rng(3)
    other = rng.uniform(1, 9, 12)
    pairs = [Pair(other / 2, other, np.arange(12) // 3), Pair(other, other, np.arange(12))]
    found = compare(pairs, np.random.default_rng(1), draws=500)
    assert (found.log_ratio, found.low, found.high) == pytest.approx((-math.log(2) / 2,) * 3)


def test_draws_take_both_methods_on_the_same_blocks_and_whole_blocks_only() -> None:
    own, other, block = np.array([1.0, 1.0, 8.0]), np.array([2.0, 2.0, 4.0]), np.array([0, 0, 1])
    found = compare([Pair(own, other, block)], np.random.default_rng(2), draws=4_000)
    # Two blocks drawn twice: both the first (ratio 1/2), one of each (10/8), both the second (2).
    assert found.log_ratio == pytest.approx(math.log(10 / 8))
    assert found.low == pytest.approx(math.log(1 / 2))
    assert found.high == pytest.approx(math.log(2))
