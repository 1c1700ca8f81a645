"""A promotion takes off what it says, to the minor unit, and only where it may."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common import money
from services.pricing.promotions.mechanism import Asked, Kind, Offer, refusal, share_of
from services.pricing.quotes.arithmetic import Deduction, Priced, discount_of, of_line, of_quote

D = Decimal
PRODUCT, OTHER = UUID(int=1), UUID(int=2)
ON = date(2026, 5, 1)


def offer(**changes: object) -> Offer:
    known: dict[str, object] = {
        "name": "Spring",
        "is_open": True,
        "products": {PRODUCT},
        "markets": {"DACH"},
        "segments": {"SMB"},
        "starts_on": ON,
        "last_day": ON + timedelta(days=30),
        "currency": "EUR",
        "kind": "percent",
        "value": D("0.1"),
        "stacking": "with_others",
    }
    return Offer(**known | changes)  # type: ignore[arg-type]


def asked(**changes: object) -> Asked:
    known: dict[str, object] = {
        "product_id": PRODUCT,
        "market": "DACH",
        "segment": "SMB",
        "currency": "EUR",
        "on": ON,
        "term_months": 12,
        "quantity": D(3),
        "has_others": False,
    }
    return Asked(**known | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "wanted", "why"),
    [
        ({}, {}, None),
        ({"is_open": False}, {}, "not approved, or is over"),
        ({}, {"on": ON - timedelta(days=1)}, "it runs from"),
        ({}, {"on": ON + timedelta(days=31)}, "it runs from"),
        ({}, {"on": ON + timedelta(days=30)}, None),
        ({}, {"product_id": OTHER}, "other products"),
        ({"products": ()}, {"product_id": OTHER}, None),
        ({}, {"market": None}, "the deal's is unknown"),
        ({}, {"segment": "Enterprise"}, "the deal's is Enterprise"),
        ({"markets": (), "segments": ()}, {"market": None, "segment": None}, None),
        ({}, {"currency": "USD"}, "its budget is in EUR"),
        ({"stacking": "exclusive"}, {"has_others": True}, "stands alone"),
        ({"stacking": "exclusive"}, {}, None),
        ({"kind": "free_months", "value": D(2)}, {"term_months": None}, "more months"),
        ({"kind": "free_months", "value": D(2)}, {"term_months": 2}, "more months"),
        ({"kind": "free_months", "value": D(2)}, {"term_months": 3}, None),
    ],
)
def test_a_promotion_is_taken_only_within_its_scope_window_currency_and_stacking(
    changed: dict[str, object], wanted: dict[str, object], why: str | None
) -> None:
    found = refusal(offer(**changed), asked(**wanted))
    assert (found is None) if why is None else (found is not None and why in found)


def test_a_percentage_an_amount_off_each_and_free_months_take_off_what_they_say() -> None:
    def after(kind: Kind, value: str, left: str) -> Decimal:
        share = share_of(offer(kind=kind, value=D(value)), asked(), D(left))
        return money.quantise(D(left) * (1 - share), "EUR")

    assert after("percent", "0.1", "299.97") == D("269.97")
    assert after("amount", "12.50", "299.97") == D("262.47")
    assert after("amount", "120", "299.97") == 0
    assert after("free_months", "3", "299.97") == D("224.98")
    assert share_of(offer(), asked(), D(0)) == 0


_kinds = st.one_of(
    st.tuples(st.just("percent"), st.decimals("0.0001", 1, places=4)),
    st.tuples(st.just("amount"), st.decimals("0.01", 500, places=2)),
    st.tuples(st.just("free_months"), st.integers(1, 11).map(Decimal)),
)


@given(
    st.decimals("0.01", 5000, places=4),
    st.decimals("0.01", 9000, places=4),
    st.lists(st.decimals(0, "0.6", places=4), max_size=3),
    st.lists(_kinds, min_size=1, max_size=3),
    st.sampled_from(["EUR", "JPY", "KWD"]),
)
def test_promotions_on_a_line_are_steps_of_whole_minor_units_that_add_up_and_never_pay_the_customer(
    quantity: Decimal, price: Decimal, discounts: list[Decimal], promotions: list[tuple[Kind, Decimal]], currency: str
) -> None:
    line = [Deduction("Volume", "on_invoice", each) for each in discounts]
    left = quantity * price * (1 - discount_of(line))
    wanted = left
    for place, (kind, value) in enumerate(promotions):
        where = asked(currency=currency, quantity=quantity)
        share = share_of(offer(kind=kind, value=value), where, left)
        assert 0 <= share <= 1
        taken_off = {"percent": left * value, "amount": value * quantity, "free_months": left * value / 12}[kind]
        wanted = money.quantise(max(D(0), left - taken_off), currency)
        assert money.quantise(left * (1 - share), currency) == wanted
        left *= 1 - share
        assert share == 0 or abs(left - wanted) < D("1e-12"), "the next promotion begins at whole minor units"
        line.append(Deduction(f"P{place}", "on_invoice", share, UUID(int=place)))
    fall = of_line(Priced(quantity, price, tuple(line), price, None), currency)
    assert fall.invoice == wanted
    taken = [step for step in fall.steps if step.promotion_id is not None]
    assert len(taken) == len(promotions)
    assert fall.list_amount is not None
    assert fall.list_amount - money.total(step.amount for step in fall.steps) == fall.invoice


def test_two_promotions_of_one_name_are_two_steps_of_a_quote() -> None:
    lines = [
        of_line(Priced(D(1), D(100), (Deduction("Spring", "on_invoice", D("0.1"), UUID(int=n)),), D(100)), "EUR")
        for n in (1, 2, 2)
    ]
    assert [(step.promotion_id, step.amount) for step in of_quote(lines).steps] == [
        (UUID(int=1), D("10.00")),
        (UUID(int=2), D("20.00")),
    ]
