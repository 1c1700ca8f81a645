"""What simpler methods say: known figures, nothing from the future, nothing before they can."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.forecast.accuracy.baselines import (
    BASELINES,
    age_kernel,
    last_year,
    moving_average,
    naive_last,
    rate_window,
    seasonal,
    stands_in,
    weighted_pipeline,
)
from services.forecast.accuracy.closings import closings
from services.forecast.accuracy.pacing import boundaries, same_day_pacing
from services.forecast.projection.steps import OPEN, WON
from tests.unit.forecast.accuracy.given import DEALS, a_win_a_day, lost, steps_of, still_open, with_noise_after, won


@given(deals=DEALS, as_of=st.floats(0, 400), start=st.integers(0, 400), length=st.integers(1, 100))
def test_what_was_won_in_a_window_is_every_turn_to_won_in_it(deals, as_of, start, length) -> None:
    expected = 0.0
    for deal in deals:
        evenings = {math.floor(at): (state, amount) for at, state, _, amount in sorted(deal) if at < as_of}
        before = OPEN
        for day, (state, amount) in sorted(evenings.items()):
            if state == WON != before and start <= day < start + length and not math.isnan(amount):
                expected += amount
            before = state
    assert closings(steps_of(deals), as_of).total(start, start + length) == pytest.approx(expected)


@given(deals=DEALS, as_of=st.floats(50, 350), horizon=st.sampled_from([7.0, 28.0, 30.0, 91.0]), seed=st.integers(0, 99))
def test_no_method_sees_what_comes_later(deals, as_of, horizon, seed) -> None:
    steps = steps_of(deals)
    noise = with_noise_after(steps, as_of, np.random.default_rng(seed))
    for name, method in BASELINES.items():
        assert method(steps, as_of, horizon) == method(noise, as_of, horizon), name


@given(deals=DEALS, as_of=st.floats(0, 500), horizon=st.sampled_from([7.0, 28.0, 30.0, 91.0]))
def test_every_method_says_an_amount_or_nothing(deals, as_of, horizon) -> None:
    for name, method in BASELINES.items():
        said = method(steps_of(deals), as_of, horizon)
        assert said is None or (np.isfinite(said) and said >= 0.0), name


def test_with_one_win_of_ten_a_day_every_method_that_knows_timing_says_so() -> None:
    steps = steps_of([*a_win_a_day(400), *(still_open(490.5 + day, 10.0) for day in range(10))])
    for name, method in BASELINES.items():
        if name not in ("weighted_pipeline", "age_kernel"):
            # Months differ in length, so a share of one is not quite the same number of days of another.
            exactness = 0.03 if name == "same_day_pacing" else 1e-9
            assert method(steps, 500.0, 28.0) == pytest.approx(280.0, rel=exactness), name


def test_a_method_says_nothing_before_closings_go_back_far_enough() -> None:
    steps = steps_of(a_win_a_day(400))
    assert naive_last(steps, 127.0, 28.0) is None
    assert naive_last(steps, 128.0, 28.0) == 280.0
    assert moving_average(steps, 106.0, 28.0) is None
    assert moving_average(steps, 110.0, 28.0) == pytest.approx(280.0)
    assert last_year(steps, 463.0, 28.0) is None
    assert last_year(steps, 464.0, 28.0) == 280.0
    assert age_kernel(steps, 127.0, 28.0) is None
    assert age_kernel(steps, 128.0, 28.0) is not None
    assert weighted_pipeline(steps, 400.0, 28.0) is None


def test_a_season_that_history_does_not_reach_is_stood_in_by_the_last_window() -> None:
    steps = steps_of([won(90.0, 100.5, 5.0), won(90.0, 150.5, 7.0), won(90.0, 185.5, 9.0)])
    assert (stands_in(steps, 190.0, 28.0), seasonal(steps, 190.0, 28.0)) == (True, 9.0)
    assert (stands_in(steps, 191.0, 28.0), seasonal(steps, 191.0, 28.0)) == (False, 5.0)


@pytest.mark.parametrize(("cycle", "days"), [(1.0, 28.0), (15.0, 28.0), (48.0, 91.0), (90.0, 180.0), (400.0, 180.0)])
def test_a_rate_is_averaged_over_about_two_sales_cycles(cycle: float, days: float) -> None:
    assert rate_window(closings(steps_of(a_win_a_day(50, cycle=cycle)), 500.0)) == days


def test_a_pipeline_is_weighted_by_how_often_deals_once_in_its_stage_were_won() -> None:
    closed = [
        won(0, 10, 100.0),
        won(0, 10, 300.0),
        lost(0, 10, 1.0),
        lost(0, 10, 1.0, stage=1),
        lost(0, 10, 1.0, stage=1),
    ]
    now = [still_open(5, 1000.0), still_open(5, 1000.0, stage=1), still_open(5, float("nan"), stage=1)]
    overall = 2 / 5
    engage, propose = (2 + 5 * overall) / (3 + 5), 5 * overall / (2 + 5)
    said = weighted_pipeline(steps_of(closed + now), 20.0, 30.0)
    assert said == pytest.approx(1000 * engage + 1000 * propose + 200 * propose)


def test_creations_run_through_the_kernel_of_ages_at_which_deals_are_won() -> None:
    # Each day one deal is created; every second is won after 15.5 days with 10, so 5 a day are won once the first are old enough.
    deals = [won(day, day + 15.5, 10.0) if day % 2 else lost(day, day + 3, 10.0) for day in range(400)]
    steps = steps_of(deals)
    assert age_kernel(steps, 380.0, 7.0) == pytest.approx(35.0, rel=0.01)
    assert age_kernel(steps, 380.0, 60.0) == pytest.approx(300.0, rel=0.02)
    # A history that begins on day 200 and holds of older deals only those that were still open then, won all the same.
    begun_late = steps_of([deal for deal in deals if deal[1][0] >= 200])
    assert age_kernel(begun_late, 380.0, 7.0) == pytest.approx(35.0, rel=0.01)


def test_a_period_is_paced_by_its_usual_share_at_this_day() -> None:
    first_days = boundaries(15_000.0, 15_360.0, 30.0)
    # Every month: 30 on its first noon, 70 on its last; the last month so far twice as much.
    deals = []
    for number, (start, end) in enumerate(pairwise(first_days)):
        times = 2.0 if number == 9 else 1.0
        deals += [won(start - 20, start + 0.5, 30 * times), won(start - 20, end - 0.5, 70 * times)]
    now = first_days[9] + 10
    said = same_day_pacing(steps_of(deals), now, first_days[10] - now)
    assert said == pytest.approx(140.0)
    # At the very beginning of a month nothing was won yet, so the usual month stands for it.
    assert same_day_pacing(steps_of(deals), first_days[9], 20.0) == pytest.approx(30.0)


@pytest.mark.parametrize(("horizon", "expected"), [(7.0, "2011-10-31"), (30.0, "2011-11-01"), (91.0, "2011-10-01")])
def test_periods_begin_on_mondays_or_firsts(horizon: float, expected: str) -> None:
    day = float(np.datetime64("2011-11-05").astype(int))
    found = boundaries(day, day + horizon, horizon)
    assert np.datetime64(int(found[0]), "D") == np.datetime64(expected)
    assert found[-1] >= day + horizon
    assert all(end > start for start, end in pairwise(found))


def test_a_win_counts_on_the_day_it_is_booked_on_once_that_has_come() -> None:
    steps = steps_of([won(1.0, 10.5, 5.0), won(1.0, 11.5, 7.0)], booked=np.array([np.nan, 8.0, np.nan, 20.0]))
    assert closings(steps, 15.0).day.tolist() == [8.0]
    assert closings(steps, 21.0).day.tolist() == [8.0, 20.0]
    assert closings(steps, 21.0).cycle_days.tolist() == [7.0, 19.0]


def test_a_reopened_deal_that_is_won_again_closed_twice() -> None:
    steps = steps_of([[(1, OPEN, 0, 5.0), (10, WON, 2, 5.0), (20, OPEN, 0, 5.0), (30, WON, 2, 8.0), (31, WON, 2, 9.0)]])
    found = closings(steps, 40.0)
    assert (found.day.tolist(), found.amount.tolist(), found.cycle_days.tolist()) == ([10, 30], [5, 8], [9, 29])
