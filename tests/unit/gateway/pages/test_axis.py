from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from gateway.pages.axis import axis, placed

AMOUNTS = st.lists(st.decimals(Decimal(-(10**11)), Decimal(10**11), places=2), max_size=12)


@given(AMOUNTS, st.booleans(), st.booleans())
def test_every_amount_lies_on_its_axis_and_greater_ones_lie_higher(
    amounts: list[Decimal], with_zero: bool, snug: bool
) -> None:
    along = axis(amounts, with_zero=with_zero, snug=snug)
    assert along.low < along.high
    assert all(along.has(amount) for amount in amounts)
    places = [along.down(amount) for amount in sorted(amounts)]
    assert all(0 <= place <= 1000 for place in places)
    assert places == sorted(places, reverse=True)
    assert all(along.has(tick) for tick in along.ticks)
    assert len(along.ticks) <= 9


def test_ticks_are_round_amounts() -> None:
    assert [int(tick) for tick in axis([Decimal(5_020_000)]).ticks] == [step * 1_000_000 for step in range(7)]
    assert [int(tick) for tick in axis([Decimal(320), Decimal(410)], with_zero=False, snug=True).ticks] == [
        320, 340, 360, 380, 400,
    ]  # fmt: skip


def test_a_text_near_an_edge_is_written_away_from_it() -> None:
    anchors = [placed(Decimal(at), Decimal(0)).anchor for at in (0, 149, 500, 851, 1000)]
    assert anchors == ["start", "start", "middle", "end", "end"]
