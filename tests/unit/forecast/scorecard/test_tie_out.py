"""Deals beside finance's orders: every deal and every order of the month stands in one line, and all sums are to the cent."""

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.forecast.scorecard.document import Tied, Win
from services.forecast.scorecard.tieout import Order, in_force, tie
from tests.support.scorecards import MONTH, win

IN, OUT = date(2026, 10, 20), date(2026, 11, 3)


def worth(amount: Decimal, currency: str, day: date) -> Decimal | None:
    """A dollar is half a euro; yen have no rate."""
    return {"EUR": amount, "USD": (amount / 2).quantize(Decimal("0.01"))}.get(currency)


def order(number: str, deal: str, amount: str, currency: str = "EUR", day: date = IN, revision: int = 1) -> Order:
    return Order(number, revision, "order", deal, Decimal(amount), currency, day)


def tied(orders: list[Order], wins: list[Win], others: list[Win] | None = None) -> Any:
    elsewhere = {each.deal_id: "2026-09" for each in others or []}
    return tie(orders, wins, elsewhere, others or [], MONTH, worth)


def only(orders: list[Order], *wins: Win) -> Tied:
    (line,) = tied(orders, list(wins)).lines
    return line


def test_an_order_that_says_the_same_matches_by_any_name_of_its_deal() -> None:
    for name in ("D-1", "crm:D-1", "00000000-0000-0000-0000-000000000001"):
        line = only([order("A", name, "100.25")], win(1, "100.25"))
        assert (line.status, line.differs, line.difference) == ("matched", [], Decimal("0.00"))


def test_several_invoices_of_a_deal_are_its_amount_together() -> None:
    line = only([order("A", "D-1", "60"), order("B", "D-1", "40.25")], win(1, "100.25"))
    assert (line.status, line.orders) == ("matched", ["A", "B"])


def test_what_differs_is_named() -> None:
    assert only([order("A", "D-1", "99")], win(1, "100")).differs == ["amount"]
    assert only([order("A", "D-1", "200", "USD")], win(1, "100")).differs == ["currency"]
    assert only([order("A", "D-1", "100", day=OUT)], win(1, "100")).differs == ["date"]
    late = win(1, "100", booked_on=OUT)
    assert only([order("A", "D-1", "100", day=OUT)], late).differs == [], "a late win has the day of its booking"


def test_an_id_that_two_crms_have_names_no_deal_without_its_crm() -> None:
    twice = [win(1, "100"), win(2, "50", connection="other", external_id="D-1")]
    found = tied([order("A", "D-1", "100")], twice)
    assert {line.status for line in found.lines} == {"missing_in_crm", "missing_in_finance"}
    found = tied([order("A", "other:D-1", "50")], twice)
    assert sorted(line.status for line in found.lines) == ["matched", "missing_in_finance"]


def test_an_order_of_the_month_for_a_deal_of_another_is_told_and_in_no_sum() -> None:
    found = tied([order("A", "D-2", "70")], [win(1, "100")], [win(2, "70")])
    other = next(line for line in found.lines if line.status == "elsewhere")
    assert (other.counts_in, other.difference) == ("2026-09", None)
    assert (found.crm, found.finance, found.unmatched) == (Decimal(100), Decimal(0), Decimal(100))


def test_without_orders_of_the_month_nothing_is_said_to_be_unmatched() -> None:
    found = tied([order("A", "nobody", "70", day=OUT)], [win(1, "100")])
    assert (found.is_given, found.finance, found.unmatched) == (False, None, None)


NUMBERS, REFERENCES = "ABCDE", ("D-1", "D-2", "D-3", "crm:D-1", "nobody", "D-9")
amounts = st.integers(0, 100_000).map(lambda cents: Decimal(cents) / 100)
contents_of = st.builds(
    Order, st.just("A"), st.just(1), st.just("order"), st.sampled_from(REFERENCES), amounts,
    st.sampled_from(["EUR", "USD", "JPY"]), st.sampled_from([IN, OUT]),
)  # fmt: skip
books = st.dictionaries(st.tuples(st.sampled_from(NUMBERS), st.integers(1, 3)), contents_of, max_size=8).map(
    lambda found: [
        Order(number, revision, each.kind, each.deal, each.amount, each.currency, each.day)
        for (number, revision), each in found.items()
    ]
)
sold = st.lists(st.one_of(st.none(), amounts), max_size=3).map(
    lambda prices: [win(number, None if price is None else f"{price:.2f}") for number, price in enumerate(prices, 1)]
)


@given(books, sold, st.randoms(use_true_random=False), st.booleans())
def test_any_order_and_repetition_of_the_same_files_ties_out_the_same(
    orders: list[Order], wins: list[Win], random: Any, again: bool
) -> None:
    shuffled = [*orders, *(orders if again else [])]
    random.shuffle(shuffled)
    assert tied(shuffled, wins, [win(9, "5.00")]) == tied(orders, wins, [win(9, "5.00")])


@given(books, sold)
def test_crm_and_differences_are_finance_and_nothing_is_lost(orders: list[Order], wins: list[Win]) -> None:
    found = tied(orders, wins, [win(9, "5.00")])
    assert {line.deal_id for line in found.lines if line.status not in ("missing_in_crm", "elsewhere")} == {
        each.deal_id for each in wins
    }
    named = [number for line in found.lines for number in line.orders]
    of_month = {each.number for each in in_force(orders) if each.day in MONTH}
    assert len(named) == len(set(named))
    assert of_month <= set(named)
    differences = sum((line.difference or Decimal() for line in found.lines), Decimal())
    assert found.crm == sum((each.amount_base or Decimal() for each in wins), Decimal())
    finance = sum((line.finance or Decimal() for line in found.lines if line.status != "elsewhere"), Decimal())
    assert found.crm + differences == finance
    assert found.finance == (finance if found.is_given else None)
    assert found.unmatched is None or found.unmatched >= abs(differences)
    counts = (found.matched, found.differing, found.missing_in_crm, found.missing_in_finance, found.elsewhere)
    assert sum(counts) == len(found.lines)
