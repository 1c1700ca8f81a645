from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.pages.projection.histogram import Histogram, histogram
from tests.support import outlooks

BINS = outlooks.projection()["histogram"]
LOWEST, HIGHEST = Decimal(BINS[0]["low"]), Decimal(BINS[-1]["high"])


def drawn(target: Decimal | None = None) -> Histogram:
    found = histogram(BINS, projection=Decimal(4_290_500), target=target)
    assert found is not None
    return found


def area(picture: Histogram, *, reaches: bool) -> Decimal:
    return sum((Decimal(bar.width) * Decimal(bar.height) for bar in picture.bars if bar.reaches == reaches), Decimal())


@given(st.decimals(LOWEST, HIGHEST, places=2))
def test_the_area_that_reaches_the_target_is_the_probability_to_reach_it(target: Decimal) -> None:
    picture = drawn(target)
    reached = area(picture, reaches=True)
    told = sum(
        Decimal(str(each["share"]))
        * min(
            max(Decimal(each["high"]) - target, Decimal()) / (Decimal(each["high"]) - Decimal(each["low"])), Decimal(1)
        )
        for each in BINS
    )
    assert reached / (reached + area(picture, reaches=False)) == pytest.approx(told, abs=Decimal("0.002"))


def test_without_a_target_no_bar_falls_short() -> None:
    assert all(bar.reaches for bar in drawn().bars)
    assert drawn().target is None


def test_bars_stand_side_by_side_over_the_whole_axis() -> None:
    bars = drawn().bars
    assert bars[0].x == "0.00"
    assert Decimal(bars[-1].x) + Decimal(bars[-1].width) == pytest.approx(Decimal(1000), abs=Decimal("0.02"))
    assert max(Decimal(bar.height) for bar in bars) == 1000


@pytest.mark.parametrize(("target", "side"), [(HIGHEST + 1, "above"), (LOWEST - 1, "below"), (HIGHEST, "")])
def test_a_target_beyond_the_bins_is_told_of_instead_of_drawn(target: Decimal, side: str) -> None:
    assert drawn(target).beyond == side
    assert (drawn(target).target is None) == bool(side)


def test_a_landing_that_is_certain_has_no_histogram() -> None:
    assert histogram([], projection=Decimal(1)) is None
    assert histogram([{"low": "5", "high": "5", "share": 1.0}], projection=Decimal(5)) is None
