"""What wins are worth, where there is little to learn from."""

import numpy as np
import pytest

from services.forecast.projection import steps as stepping
from services.forecast.projection.settings import DEFAULT
from services.forecast.projection.sizes import Sizes, sizes
from tests.unit.forecast.accuracy.given import a_win_a_day, steps_of


def learnt(amount: float, opens: list[float]) -> Sizes:
    won = stepping.wins(stepping.evenings(steps_of(a_win_a_day(20, amount=amount))))
    return sizes(won, np.array(opens), today=200, segments=1, settings=DEFAULT)


def test_wins_that_brought_nothing_are_worth_nothing() -> None:
    found = learnt(0.0, [])
    assert (found.mean.tolist(), found.variance.tolist()) == ([0.0], [0.0])


def test_wins_are_worth_what_they_brought_on_average() -> None:
    assert learnt(25.0, [1000.0]).mean.tolist() == pytest.approx([25.0])


def test_without_wins_of_a_known_amount_open_deals_say_what_is_usual() -> None:
    assert learnt(float("nan"), [10.0, 30.0, float("nan")]).mean.tolist() == pytest.approx([20.0])
