from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from libs.common import money
from services.pricing.quotes.arithmetic import PricedLine, totals

_currencies = st.sampled_from(["EUR", "JPY", "KWD"])
_prices = st.decimals(0, 100_000, places=6)
_lines = st.builds(
    PricedLine,
    quantity=st.decimals("0.0001", 10_000, places=4),
    unit_price=_prices,
    discount=st.decimals(0, 1, places=4),
    list_price=st.none() | _prices,
)


@given(lines=st.lists(_lines, min_size=1, max_size=12), currency=_currencies)
def test_a_quotes_total_is_the_sum_of_its_lines_to_the_minor_unit(lines: list[PricedLine], currency: str) -> None:
    found = totals(lines, currency)
    assert sum(found.line_net) == found.net_amount
    assert money.quantise(found.net_amount, currency) == found.net_amount
    assert all(money.quantise(net, currency) == net for net in found.line_net)


@given(lines=st.lists(_lines, min_size=1, max_size=6), data=st.data())
def test_the_order_of_lines_does_not_change_the_total(lines: list[PricedLine], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(lines))
    assert totals(shuffled, "EUR").net_amount == totals(lines, "EUR").net_amount


@given(line=_lines, more=st.decimals(0, 1, places=4))
def test_more_discount_never_costs_more_and_never_less_than_nothing(line: PricedLine, more: Decimal) -> None:
    deeper = PricedLine(line.quantity, line.unit_price, min(Decimal(1), line.discount + more), line.list_price)
    assert Decimal() <= totals([deeper], "EUR").net_amount <= totals([line], "EUR").net_amount


def test_half_a_cent_rounds_up_and_once_per_line() -> None:
    line = PricedLine(Decimal(1), Decimal("0.005"), Decimal())
    assert totals([line, line, line], "EUR").net_amount == Decimal("0.03")


def test_an_unknown_list_price_leaves_the_list_amount_unknown_rather_than_short() -> None:
    known = PricedLine(Decimal(2), Decimal(9), Decimal(), list_price=Decimal(10))
    assert totals([known], "EUR").list_amount == Decimal("20.00")
    assert totals([known, PricedLine(Decimal(1), Decimal(5), Decimal())], "EUR").list_amount is None
