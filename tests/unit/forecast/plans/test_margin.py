"""Margin of a plan's parts: known of some deals, adding up over any of them, and unknown where nothing is known."""

from datetime import date

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.forecast.attainment.reached import Node, Stand, node_out
from services.forecast.plans.spans import months_of
from tests.support.planned import content

AMOUNTS = st.integers(0, 10**9)


@st.composite
def stands(draw: st.DrawFn) -> Stand:
    """What the last nodes sold, of how much of it the cost is known, and what was left of that, summed up the tree."""
    of, months = content(), months_of(content().spans)
    bookings, costed, margin = (np.zeros((len(of.tree), 1 + len(months)), dtype=np.int64) for _ in range(3))
    for at in range(len(of.tree)):
        bookings[at, 0] = draw(AMOUNTS)
        costed[at, 0] = draw(st.sampled_from([0, int(bookings[at, 0])]) | st.integers(0, int(bookings[at, 0])))
        margin[at, 0] = draw(st.integers(-(10**9), 10**9)) if costed[at, 0] else 0
    summed = [of.tree.summed(each) for each in (margin, bookings, costed)]
    return Stand(summed[0], months, date(2027, 4, 10), summed[1], summed[2])


@given(stands())
def test_margin_of_the_parts_and_of_what_is_in_none_makes_the_whole_and_is_never_of_more_than_was_booked(
    stand: Stand,
) -> None:
    of = content()
    told = [node_out(Node(of, at, 0), stand, None, None) for at in range(len(of.tree))]
    for at, each in enumerate(told):
        assert each.bookings is not None
        assert each.bookings_costed is not None
        assert each.bookings_costed <= each.bookings
        assert (each.closed is None) == (each.bookings_costed == 0 < each.bookings)
        if each.closed is None:
            assert {each.attainment, each.gap, each.pace, each.closed_elsewhere} == {None}
        children = of.tree.children.get(at, ())
        if children and each.closed is not None:
            known = sum(told[child].closed or 0 for child in children)
            assert known + (each.closed_elsewhere or 0) == each.closed
