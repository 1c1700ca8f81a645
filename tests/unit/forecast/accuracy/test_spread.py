"""The distribution around a point forecast: its mean is the point, its width comes from past errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from services.forecast.accuracy.spread import PRIOR_SPREAD, LogNormal, around, spread_of


@given(mean=st.floats(1e-3, 1e9), spread=st.floats(0.01, 2))
def test_it_is_the_log_normal_with_this_mean(mean: float, spread: float) -> None:
    landing, known = LogNormal(mean, spread), stats.lognorm(s=spread, scale=mean * np.exp(-(spread**2) / 2))
    shares = np.array([0.025, 0.1, 0.5, 0.9, 0.975])
    assert known.mean() == pytest.approx(mean)
    np.testing.assert_allclose(landing.quantile(shares), known.ppf(shares), rtol=1e-9)
    np.testing.assert_allclose(landing.cdf(landing.quantile(shares)), shares, rtol=1e-7)


def test_nothing_is_never_more_likely_than_something() -> None:
    landing = LogNormal(10.0, 0.3)
    assert landing.cdf(np.array([-1.0, 0.0])).tolist() == [0.0, 0.0]
    certain = around(0.0, [])
    assert certain.quantile(np.array([0.1, 0.9])).tolist() == [0.0, 0.0]
    assert certain.cdf(np.array([-1.0, 0.0, 1.0])).tolist() == [0.0, 1.0, 1.0]
    assert around(-3.0, []).mean == 0.0


def test_below_six_completed_windows_the_spread_is_the_prior() -> None:
    five = [(100.0, 300.0)] * 5
    assert spread_of(five) == PRIOR_SPREAD
    assert spread_of([*five, (0.0, 0.0)]) == PRIOR_SPREAD
    assert spread_of([*five, (100.0, 300.0)]) == pytest.approx(np.log(3.0))


def test_a_lasting_bias_widens_and_a_factor_over_twenty_counts_as_twenty() -> None:
    assert spread_of([(100.0, 50.0), (50.0, 100.0)] * 3) == pytest.approx(np.log(2.0))
    assert spread_of([(100.0, 0.0)] * 6) == pytest.approx(np.log(20.0))
    assert spread_of([(0.0, 100.0)] * 6) == pytest.approx(np.log(20.0))
    assert 0.0 < spread_of([(100.0, 100.0)] * 6) < 1e-3
