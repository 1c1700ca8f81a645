"""How much of what won deals brought is price."""

from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.forecast.quoted.models import Quoted
from services.forecast.variance.price import Priced, price, priced

Deals = dict[int, tuple[int, int, int]]
"""By number: what it brought, net and list amount of its quote."""

some = st.dictionaries(
    st.integers(1, 40), st.tuples(st.integers(1, 10**9), st.integers(1, 10**7), st.integers(1, 10**7)), min_size=1
)


def quoted(number: int, net: int, listed: int | None) -> Quoted:
    listed_is = None if listed is None else Decimal(listed)
    return Quoted(UUID(int=number), UUID(int=900 + number), 1, "USD", Decimal(net), listed_is, None, None, None)


def of(deals: Deals) -> Priced:
    won = {UUID(int=number): brought for number, (brought, _, _) in deals.items()}
    return priced(won, {UUID(int=number): quoted(number, net, listed) for number, (_, net, listed) in deals.items()})


def test_less_of_the_list_price_is_what_the_same_lists_would_have_brought_more() -> None:
    before = of({1: (90_00, 90, 100), 2: (180_00, 180, 200)})
    after = of({3: (80_00, 40, 50), 4: (240_00, 240, 300)})
    assert (before.realisation, after.realisation) == (Fraction(9, 10), Fraction(8, 10))
    assert after.listed == 400_00
    assert price(before, after) == 320_00 - 360_00


def test_deals_without_a_quote_or_a_list_price_are_in_neither() -> None:
    won = {UUID(int=number): 100 for number in range(1, 6)}
    quotes = {
        UUID(int=1): quoted(1, 50, 100),
        UUID(int=2): quoted(2, 50, None),
        UUID(int=3): quoted(3, 0, 100),
        UUID(int=4): quoted(4, 50, 0),
    }
    assert priced(won, quotes) == Priced(1, 100, Fraction(200))


def test_what_is_known_of_no_deal_of_one_period_is_not_known() -> None:
    known, nothing = of({1: (100, 9, 10)}), of({})
    assert price(known, nothing) is None
    assert price(nothing, known) is None


@given(some)
def test_the_same_prices_move_nothing_however_much_is_sold(deals: Deals) -> None:
    more = {number: (brought * 3, net, listed) for number, (brought, net, listed) in deals.items()}
    assert price(of(deals), of(more)) == 0


@given(some, some)
def test_price_is_what_came_less_what_the_earlier_prices_would_have_made_of_it(before: Deals, after: Deals) -> None:
    was, now = of(before), of(after)
    assert was.realisation is not None
    moved = price(was, now)
    assert moved is not None
    assert abs(now.brought - moved - was.realisation * now.listed) <= Fraction(1, 2)
