"""What the engine's own past says of it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.forecast.projection import learning
from services.forecast.projection.landing import smooth
from services.forecast.projection.learning import ENGINE, Told
from services.forecast.projection.settings import DEFAULT


def told(number: int, *, engine: float = 100, average: float = 100, season: float = 100, came: float = 100) -> Told:
    start = 1000 + 91 * number
    return Told(start, start + 91, {ENGINE: engine, "moving_average": average, "seasonal": season}, engine, 10.0, came)


def test_nothing_learnt_is_the_weights_of_the_settings() -> None:
    assert learning.blend([], DEFAULT).weights == dict(DEFAULT.blend)


def test_a_method_that_is_right_again_and_again_gets_the_weight() -> None:
    rng = np.random.default_rng(5)
    past = [
        told(
            n,
            engine=100 + 40 * rng.standard_normal(),
            average=(c := 100 + 20 * rng.standard_normal()),
            season=60,
            came=c,
        )
        for n in range(30)
    ]
    assert learning.blend(past, DEFAULT).weights["moving_average"] > 0.8


def test_overlapping_windows_count_as_many_as_are_distinct() -> None:
    weekly = [Told(1000 + 7 * n, 1091 + 7 * n, {ENGINE: 1.0}, 1.0, 1.0, 1.0) for n in range(27)]
    assert learning.distinct(weekly) == 3
    assert learning.distinct([told(n) for n in range(5)]) == 5


def test_a_method_far_off_changes_nothing_about_the_others() -> None:
    rng = np.random.default_rng(6)
    past = [
        told(n, average=100 + 5 * rng.standard_normal(), season=90, came=100 + 5 * rng.standard_normal())
        for n in range(12)
    ]
    beside = [replace(each, points={**each.points, "absurd": 50_000.0}) for each in past]
    alone, together = learning.blend(past, DEFAULT).weights, learning.blend(beside, DEFAULT).weights
    assert together["absurd"] < 1e-3
    assert all(abs(together[name] - alone[name]) < 0.03 for name in alone)


@given(
    st.lists(st.tuples(*[st.floats(0, 1000)] * 4), min_size=1, max_size=12),
    st.integers(0, 2**32),
)
def test_weights_are_the_best_there_are(rows: list[tuple[float, float, float, float]], seed: int) -> None:
    past = [told(n, engine=a, average=b, season=c, came=d) for n, (a, b, c, d) in enumerate(rows)]
    found = learning.blend(past, DEFAULT)
    names = list(found.weights)
    weights = np.array([found.weights[name] for name in names])
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()

    came = np.array([each.came for each in past])
    said = np.array([[each.points[name] for name in names] for each in past])
    typical = max(np.abs(came).mean(), 1e-12)
    apart = (((said - said[:, [names.index(ENGINE)]]) / typical) ** 2).mean(axis=0)
    prior = np.array([dict(DEFAULT.blend).get(name, 0.0) for name in names])

    def loss(w: np.ndarray) -> float:
        missed = (((came - said @ w) / typical) ** 2).sum()
        return float(missed + DEFAULT.blend_periods * (apart * (w - prior) ** 2).sum())

    others = np.random.default_rng(seed).dirichlet(np.ones(len(names)), 50)
    best = loss(weights)
    assert all(best <= loss(other) * (1 + 1e-6) + 1e-9 for other in others)


def test_the_band_is_a_quarter_wider_until_nine_periods_are_over_and_learnt_then() -> None:
    early = learning.stretch([told(n, came=100 + 30 * (-1) ** n) for n in range(8)], DEFAULT)
    assert (early.scale, early.label, early.periods, early.is_wide_known) == (1.25, "prior", 8, False)
    wide = learning.stretch([told(n, came=100 + 30 * (-1) ** n) for n in range(20)], DEFAULT)
    assert wide.label == "learnt"
    assert wide.is_wide_known
    assert 2.0 < wide.scale < 2.5
    narrow = learning.stretch([told(n, came=100 + 1 * (-1) ** n) for n in range(20)], DEFAULT)
    assert narrow.scale < 0.75


def test_blending_moves_what_is_to_come_and_never_what_is_closed() -> None:
    said, _, wide = learning.told_landing(smooth(40, 60, 100), {"moving_average": 10.0, "seasonal": None}, [], DEFAULT)
    assert said.closed == 40
    assert said.mean == pytest.approx(0.7 * 100 + 0.2 * 10 + 0.1 * 100)
    assert wide.label == "prior"
    low, _, _ = learning.told_landing(smooth(90, 1, 1), {"moving_average": 0.0, "seasonal": 0.0}, [], DEFAULT)
    assert low.mean >= 90
