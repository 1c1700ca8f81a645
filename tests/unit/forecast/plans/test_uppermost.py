"""Of a plan of more nodes than a reading shows the upper levels are shown."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.forecast.attainment.planned import uppermost


@given(st.lists(st.integers(0, 5), max_size=60), st.integers(1, 40))
def test_no_node_is_shown_without_those_above_it_nor_before_a_higher_one(steps: list[int], most: int) -> None:
    depth = [0]
    for step in steps:  # in the order of a tree a node lies at most one level below the one before it
        depth.append(min(depth[-1] + 1, step + 1))
    shown = uppermost(range(len(depth)), np.array(depth), most)

    assert shown == sorted(shown)
    assert len(shown) == min(most, len(depth))
    left_out = [at for at in range(len(depth)) if at not in shown]
    assert all(depth[at] <= depth[missing] for at in shown for missing in left_out)
    for at in shown:
        above = next((before for before in range(at - 1, -1, -1) if depth[before] < depth[at]), None)
        assert above is None or above in shown


def test_the_second_market_is_shown_before_the_parts_of_the_first() -> None:
    depth = np.array([0, 1, *([2] * 300), 1])
    assert uppermost(range(len(depth)), depth, 200)[-1] == len(depth) - 1
