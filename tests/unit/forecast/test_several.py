"""Quantiles that are frozen of thousands of nodes, against those that are shown of one."""

import numpy as np
import pytest

from services.forecast.projection.landing import Deals, Landing, landing, smooth
from services.forecast.record.several import SHARES, quantiles


def few(seed: int, deals: int) -> Landing:
    rng = np.random.default_rng(seed)
    mean = rng.lognormal(9.0, 1.0, deals)
    given = Deals(rng.uniform(0.02, 0.7, deals), mean, (0.2 * mean) ** 2)
    return landing(5000.0, given, (4000.0, 3e7), new_wins=1.5, shock=0.12, few=True, enumerated=8)


@pytest.mark.parametrize("deals", [1, 3, 12, 40])
def test_a_frozen_quantile_is_that_of_the_distribution_to_a_hundredth(deals: int) -> None:
    for seed in range(3):
        exact = few(seed, deals).widened(1.25)
        found = quantiles(exact, SHARES)
        assert (np.diff(found) >= 0).all()
        assert np.abs(exact.cdf(found) - np.maximum(SHARES, exact.cdf(exact.closed))).max() < 0.012


def test_one_gamma_is_exact() -> None:
    exact = smooth(10.0, 100.0, 900.0).widened(1.25)
    assert quantiles(exact, SHARES) == pytest.approx(exact.quantile(SHARES))
