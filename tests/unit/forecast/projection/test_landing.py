"""The distribution, against draws of the same deals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.forecast.projection.landing import Deals, Landing, is_few, landing, smooth
from services.forecast.projection.settings import DEFAULT

DRAWS = 20_000


CLASSES = 200
"""Kinds of deals; deals of one kind are alike, so that a draw of how many are won is one number."""


def drawn(
    deals: Deals, alike: int, new_wins: float, size: tuple[float, float], shock: float, rng: np.random.Generator
) -> np.ndarray:
    """What 20,000 periods bring: each deal won or not, amounts gamma, new deals Poisson, all moved by one shared pace."""
    pace = np.exp(shock * rng.standard_normal(DRAWS) - shock**2 / 2)
    total = np.zeros(DRAWS)
    for chance, mean, variance in zip(deals.chance[::alike], deals.mean[::alike], deals.variance[::alike], strict=True):
        won = rng.binomial(alike, -np.expm1(np.log1p(-chance) * pace))
        shape = won * mean**2 / variance if variance else won
        brought = rng.gamma(np.maximum(shape, 1e-9), variance / mean) if variance else won * mean
        total += np.where(won > 0, brought, 0.0)
    count = rng.poisson(new_wins * pace)
    mean, variance = size
    return total + rng.gamma(np.maximum(count, 1e-9) * mean**2 / variance, variance / mean) * (count > 0)


@pytest.mark.parametrize("count", [3, 8, 30, 300, 3_000, 100_000])
@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_the_distribution_is_that_of_draws(count: int, spread: float) -> None:
    rng = np.random.default_rng(count)
    alike = max(1, count // CLASSES)
    amounts = np.repeat(rng.lognormal(10, 1.0, count // alike), alike)
    chance = np.repeat(rng.beta(1, 3, count // alike), alike)
    deals = Deals(chance, amounts, (spread * amounts) ** 2)
    new_wins, size = 0.02 * count, (float(amounts.mean()), float(amounts.var()) + 1.0)
    new = (new_wins * size[0], new_wins * (size[1] + size[0] ** 2))
    _, variance = deals.moments()
    few = is_few(deals, new_wins, variance + new[1], few_wins=DEFAULT.few_wins, large_share=DEFAULT.large_share)
    found = landing(500.0, deals, new, new_wins=new_wins, shock=DEFAULT.shock, few=few, enumerated=DEFAULT.enumerated)
    came = np.sort(500.0 + drawn(deals, alike, new_wins, size, DEFAULT.shock, rng))

    at = np.quantile(came, np.linspace(0.01, 0.99, 99), method="lower") * (1 + 1e-6)
    share = np.searchsorted(came, at, side="right") / DRAWS
    assert np.abs(found.cdf(at) - share).max() <= 0.03
    assert found.mean == pytest.approx(500 + deals.moments()[0] + new[0])


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(1, 1e6), st.floats(0, 2)), min_size=1, max_size=14),
    st.floats(0, 1e5),
    st.floats(0.5, 3),
)
def test_a_quantile_is_where_the_distribution_has_its_share(
    rows: list[tuple[float, float, float]], closed: float, stretch: float
) -> None:
    chance, mean, spread = (np.array(each) for each in zip(*rows, strict=True))
    deals = Deals(chance, mean, (spread * mean) ** 2)
    found = landing(closed, deals, (10.0, 50.0), new_wins=2.0, shock=0.1, few=True, enumerated=8).widened(stretch)
    shares = np.array([0.05, 0.1, 0.5, 0.9, 0.95])
    at = found.quantile(shares)

    assert (np.diff(at) >= 0).all()
    assert (at >= closed).all(), "never below what is closed"
    assert (found.cdf(at * (1 + 1e-9) + 1e-6) >= shares - 1e-6).all()
    assert (found.cdf(np.maximum(at * (1 - 1e-9) - 1e-6, closed - 1)) <= shares + 1e-6).all()


def test_scaled_keeps_what_is_closed_and_widened_keeps_the_mean() -> None:
    found = smooth(100.0, 50.0, 400.0)
    assert found.scaled(80.0).mean == pytest.approx(180)
    assert found.scaled(80.0).closed == 100
    wide = found.widened(2.0)
    assert wide.mean == pytest.approx(150)
    assert wide.deviation == pytest.approx(40)
    assert wide.quantile(0.1)[0] < found.quantile(0.1)[0]


def test_without_any_deal_nothing_comes_for_certain() -> None:
    nothing = Deals(np.empty(0), np.empty(0), np.empty(0))
    found: Landing = landing(7.0, nothing, (0.0, 0.0), new_wins=0.0, shock=0.1, few=True, enumerated=8)
    assert found.mean == 7
    assert found.quantile([0.1, 0.9]).tolist() == [7, 7]
    assert found.at_least(7.0) == 1
    assert found.at_least(8.0) == pytest.approx(0)
