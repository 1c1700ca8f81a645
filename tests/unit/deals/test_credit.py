"""Who is credited with a deal: parts of the whole to the cent, in any order; what does not add is refused."""

import itertools
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common import money
from services.deals.credit.share import DoesNotAdd, Share, check_people, check_revenue, overlay, revenue

PEOPLE = [UUID(int=number) for number in range(1, 9)]
AMOUNTS = st.decimals(-1_000_000, 1_000_000, places=2)
CURRENCIES = st.sampled_from(("EUR", "JPY", "KWD"))


@st.composite
def splits(draw: st.DrawFn) -> list[Share]:
    """Shares of one to eight people that make a whole, in millionths."""
    cuts = sorted(draw(st.sets(st.integers(1, 999_999), max_size=7)))
    ends = [0, *cuts, 1_000_000]
    parts = [Decimal(b - a) / 1_000_000 for a, b in itertools.pairwise(ends)]
    return [Share(person, part) for person, part in zip(PEOPLE, parts, strict=False)]


@given(AMOUNTS, CURRENCIES, splits(), st.randoms())
def test_revenue_parts_make_the_amount_to_the_cent_whatever_the_order_of_people(
    amount: Decimal, currency: str, shares: list[Share], order: object
) -> None:
    amount = money.quantise(amount, currency)
    check_revenue(shares)
    parts = revenue(amount, currency, None, shares)
    assert sum(part.amount or 0 for part in parts) == amount
    unit = Decimal(1).scaleb(-money.exponent(currency))
    for part in parts:
        assert part.amount is not None
        assert part.amount == money.quantise(part.amount, currency)
        assert abs(part.amount - amount * part.share) < unit
    order.shuffle(shares)  # type: ignore[attr-defined]
    assert revenue(amount, currency, None, shares) == parts


def test_an_amount_below_the_cent_is_lost_by_nobody() -> None:
    parts = revenue(
        Decimal("100.005"), "EUR", None, [Share(PEOPLE[0], Decimal("0.5")), Share(PEOPLE[1], Decimal("0.5"))]
    )
    assert sum(part.amount or 0 for part in parts) == Decimal("100.005")


def test_three_thirds_of_a_hundred_are_given_out_to_the_last_cent() -> None:
    thirds = [Share(PEOPLE[0], Decimal("0.333334")), *(Share(person, Decimal("0.333333")) for person in PEOPLE[1:3])]
    assert [part.amount for part in revenue(Decimal(100), "EUR", None, thirds)] == [
        Decimal("33.34"),
        Decimal("33.33"),
        Decimal("33.33"),
    ]


@given(splits(), st.integers(1, 400_000))
def test_shares_that_are_more_or_less_than_all_are_refused_with_what_to_do(shares: list[Share], off: int) -> None:
    few = [Share(PEOPLE[0], Decimal("0.9"))]
    with pytest.raises(DoesNotAdd, match="add to 90 % and must make 100 %: 10 % are nobody's"):
        check_revenue(few)
    more = [*shares, Share(UUID(int=99), Decimal(off) / 1_000_000)]
    with pytest.raises(DoesNotAdd, match="away"):
        check_revenue(more)


def test_nobody_stands_twice() -> None:
    with pytest.raises(DoesNotAdd, match="stands twice"):
        check_people([Share(PEOPLE[0], Decimal("0.5")), Share(PEOPLE[0], Decimal("0.5"))])


def test_without_shares_all_is_the_owners_and_without_an_owner_nobodys() -> None:
    assert [(each.person_id, each.amount) for each in revenue(Decimal(9), "EUR", PEOPLE[0], [])] == [
        (PEOPLE[0], Decimal(9))
    ]
    assert [(each.person_id, each.amount) for each in revenue(Decimal(9), "EUR", None, [])] == [(None, Decimal(9))]


def test_a_deal_without_an_amount_credits_shares_and_no_money() -> None:
    (part,) = revenue(None, "EUR", PEOPLE[0], [Share(PEOPLE[1], Decimal(1))])
    assert (part.person_id, part.amount) == (PEOPLE[1], None)


def test_overlay_shares_may_exceed_the_whole_and_each_is_rounded_by_itself() -> None:
    beside = overlay(Decimal("10.01"), "EUR", [Share(person, Decimal("0.75")) for person in PEOPLE[:2]])
    assert [each.amount for each in beside] == [Decimal("7.51")] * 2
