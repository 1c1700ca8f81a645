"""A frozen distribution says of every target what the projection said when it was frozen."""

from decimal import Decimal
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.forecast.projection.landing import Deals, Landing, landing, smooth
from services.forecast.reviews.chances import at_least, frozen

amounts = st.floats(0, 1e7).map(lambda amount: round(amount, 2))


@st.composite
def landings(draw: st.DrawFn) -> Landing:
    closed = draw(amounts)
    if draw(st.booleans()):
        mean = draw(st.floats(1, 1e7))
        made = smooth(closed, mean, (mean * draw(st.floats(0.05, 1.5))) ** 2)
    else:
        count = draw(st.integers(1, 5))
        chance = np.array(draw(st.lists(st.floats(0.01, 0.99), min_size=count, max_size=count)))
        size = np.array(draw(st.lists(st.floats(1e3, 1e6), min_size=count, max_size=count)))
        deals = Deals(chance, size, (size * 0.2) ** 2)
        made = landing(closed, deals, (1e4, 1e7), new_wins=0.5, shock=0.1, few=True, enumerated=4)
    return made.widened(draw(st.floats(0.8, 2.0)))


@given(landings(), st.floats(0, 3))
def test_the_chance_of_the_plans_own_target_is_kept_exactly(made: Landing, part: float) -> None:
    target = round(made.closed + part * made.to_come, 2)
    points, chances = frozen(made, 2, [target])
    found = at_least(Decimal(str(round(made.closed, 2))), points, chances, Decimal(str(target)))
    assert abs(found - made.at_least(target)) <= 1e-6 or target <= made.closed


@given(landings(), st.floats(0, 3), st.floats(0, 3))
def test_the_chance_of_any_other_target_is_that_of_the_projection_but_for_little(
    made: Landing, own: float, other: float
) -> None:
    points, chances = frozen(made, 2, [round(made.closed + own * made.to_come, 2)])
    target = round(made.closed + other * made.to_come, 2)
    found = at_least(Decimal(str(round(made.closed, 2))), points, chances, Decimal(str(target)))
    lower = max((each for each in [made.closed, *points] if each <= target), default=made.closed)
    upper = min((each for each in points if each >= target), default=None)
    least = 0.0 if upper is None else made.at_least(upper)
    assert least - 0.005 <= found <= made.at_least(lower) + 0.005, "between its neighbours"


@given(landings(), st.lists(st.floats(0, 4), max_size=3), st.lists(st.floats(0, 4), min_size=2, max_size=6))
def test_a_higher_target_is_never_likelier_and_what_is_closed_is_certain(
    made: Landing, own: list[float], asked: list[float]
) -> None:
    points, chances = frozen(made, 2, [round(made.closed + each * made.to_come, 2) for each in own])
    closed = Decimal(str(round(made.closed, 2)))
    targets = sorted(Decimal(str(round(made.closed + each * made.to_come, 2))) for each in asked)
    found = [at_least(closed, points, chances, target) for target in targets]
    assert all(0 <= each <= 1 for each in found)
    assert all(later <= earlier + 1e-9 for earlier, later in pairwise(found))
    assert at_least(closed, points, chances, closed) == 1.0
    assert points == sorted(points)
