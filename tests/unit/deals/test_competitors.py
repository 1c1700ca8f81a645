"""How often we win against somebody: few deals are a wide interval and no rate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.deals.competitors.odds import ENOUGH, odds
from services.deals.competitors.schemas import CompetitorIn

COUNTS = st.integers(0, 15) | st.integers(0, 500)


@given(COUNTS, COUNTS)
def test_the_share_lies_in_its_interval_and_is_told_from_twenty_deals_on(won: int, lost: int) -> None:
    found = odds(won, lost)
    assert found.closed == won + lost
    assert 0 <= found.low <= found.high <= 1
    assert (found.rate is None) == (found.closed < ENOUGH)
    if found.closed:
        assert found.low <= won / found.closed <= found.high


@given(COUNTS.filter(bool), COUNTS)
def test_fewer_deals_of_the_same_share_are_a_wider_interval(won: int, lost: int) -> None:
    few, many = odds(won, lost), odds(10 * won, 10 * lost)
    assert many.high - many.low < few.high - few.low


def test_without_deals_nothing_is_known() -> None:
    assert (odds(0, 0).rate, odds(0, 0).low, odds(0, 0).high) == (None, 0, 1)


def test_one_competitor_is_one_however_the_name_is_written() -> None:
    keys = {CompetitorIn(competitor=name).key for name in ("Oak  Books", " oak books", "OAK BOOKS")}
    assert keys == {"oak books"}


def test_a_mail_address_is_no_competitor() -> None:
    with pytest.raises(ValueError, match="not a mail address"):
        CompetitorIn(competitor="ann@example.com")
    with pytest.raises(ValueError, match="cannot be shown"):
        CompetitorIn(competitor="O\x07ak")
