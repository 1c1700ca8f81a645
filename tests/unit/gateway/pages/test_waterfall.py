from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.pages.waterfall import Bar, waterfall

AMOUNTS = st.decimals(Decimal(-(10**10)), Decimal(10**10), places=2)


@given(AMOUNTS, st.lists(AMOUNTS, max_size=19))
def test_every_bar_begins_where_the_one_before_ended_and_the_last_ends_at_closing(
    opening: Decimal, terms: list[Decimal]
) -> None:
    picture = waterfall(opening, terms, opening + sum(terms))
    bars = picture.bars
    assert len(bars) == len(terms) + 2
    assert all(before.end == after.start for before, after in pairwise(bars))
    for term, bar in zip(terms, bars[1:-1], strict=True):
        assert bar.kind == ("plus" if term > 0 else "minus" if term < 0 else "none")
        moved = Decimal(bar.end) - Decimal(bar.start)
        assert moved * term >= 0


@given(AMOUNTS, st.lists(AMOUNTS, max_size=19))
def test_every_bar_lies_within_the_picture(opening: Decimal, terms: list[Decimal]) -> None:
    for bar in waterfall(opening, terms, opening + sum(terms)).bars:
        assert Decimal(bar.width) >= 0
        assert -1 <= Decimal(bar.x) <= 1000
        assert Decimal(bar.x) + Decimal(bar.width) <= Decimal("1000.01")


def test_lengths_are_in_proportion_to_the_amounts() -> None:
    picture = waterfall(Decimal(400), [Decimal(600), Decimal(-500)], Decimal(500))
    assert picture.axis_from is None
    assert picture.bars == [
        Bar("total", "0.00", "400.00", "400.00", "400.00"),
        Bar("plus", "400.00", "600.00", "400.00", "1000.00"),
        Bar("minus", "500.00", "500.00", "1000.00", "500.00"),
        Bar("total", "0.00", "500.00", "500.00", "500.00"),
    ]


def test_far_from_zero_the_axis_is_cut_below_everything_and_says_where() -> None:
    picture = waterfall(Decimal(40_000_000), [Decimal(300_000), Decimal(-100_000)], Decimal(40_200_000))
    assert picture.axis_from is not None
    assert Decimal(39_000_000) < picture.axis_from < Decimal(40_000_000)
    assert Decimal(picture.bars[1].width) > 500


def test_what_never_moved_from_nothing_is_drawn_without_length() -> None:
    assert {bar.width for bar in waterfall(Decimal(0), [], Decimal(0)).bars} == {"0.00"}


def test_what_moved_is_seen_however_little_it_was() -> None:
    little = waterfall(Decimal(0), [Decimal(10**9), Decimal("0.01")], Decimal(10**9) + Decimal("0.01")).bars[2]
    assert (little.kind, little.width) == ("plus", "4.00")
