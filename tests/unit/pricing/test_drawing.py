"""A drawn price lies within the band, is as likely as any other, and is the same whenever it is asked for."""

import itertools
from collections import Counter
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.pricing.draws.drawing import LEVELS, BandTooNarrow, commitment, drawn, levels

D = Decimal


@given(
    st.lists(st.decimals("0.3", "1.2", places=4), min_size=3, max_size=3).map(sorted),
    st.decimals("0.001", "0.05", places=4),
)
def test_prices_are_evenly_apart_within_the_band_and_the_width(edges: list[Decimal], width: Decimal) -> None:
    floor, target, stretch = edges
    try:
        found = levels(floor, target, stretch, width)
    except BandTooNarrow:
        assert min(stretch, target + width) - max(floor, target - width) < D("0.0006")
        return
    assert len(set(found)) == LEVELS
    assert list(found) == sorted(found)
    assert floor <= found[0] <= target <= found[-1] <= stretch
    assert max(abs(each - target) for each in found) <= width
    gaps = [after - before for before, after in itertools.pairwise(found)]
    assert max(gaps) - min(gaps) <= D("0.0002")


def test_each_price_is_as_likely_and_does_not_follow_the_deals_number() -> None:
    ratios = levels(D("0.7"), D("0.8"), D("0.9"), D("0.05"))
    got = [drawn(b"secret", UUID(int=n), ratios) for n in range(10_000)]
    counts = Counter(ratio for ratio, _ in got)
    # 2000 +- 4 standard deviations of 40.
    assert all(1840 <= counts[ratio] <= 2160 for ratio in ratios)
    assert {probability for _, probability in got} == {D("0.200000")}


def test_the_draw_can_be_made_again_with_the_key_and_not_foretold_without_it() -> None:
    ratios = levels(D("0.7"), D("0.8"), D("0.9"), D("0.05"))
    ids = [UUID(int=n) for n in range(200)]
    once, again = ([drawn(b"a" * 32, each, ratios) for each in ids] for _ in range(2))
    assert once == again
    other = [drawn(b"b" * 32, each, ratios) for each in ids]
    assert 15 <= sum(one == two for one, two in zip(once, other, strict=True)) <= 65
    assert commitment(b"a" * 32) != commitment(b"b" * 32)


def test_a_band_without_room_is_refused() -> None:
    with pytest.raises(BandTooNarrow):
        levels(D("0.8"), D("0.8"), D("0.8"), D("0.05"))
