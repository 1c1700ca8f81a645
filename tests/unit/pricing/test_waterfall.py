"""From list price to pocket margin: every step named, and to the cent."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.pricing.quotes.arithmetic import Deduction, Priced, of_line, of_quote

_share = st.decimals(0, 1, places=4)
_amount = st.decimals(0, 100_000, places=6)
_deduction = st.builds(
    Deduction,
    st.sampled_from(["Volume", "Loyalty", "Bonus"]),
    st.sampled_from(["on_invoice", "off_invoice", "cost_to_serve"]),
    _share,
)
_line = st.builds(
    Priced,
    st.decimals("0.0001", 10_000, places=4),
    _amount,
    st.lists(_deduction, max_size=6).map(tuple),
    st.none() | _amount,
    st.none() | _amount,
)


@given(st.lists(_line, min_size=1, max_size=5), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_every_step_between_list_and_margin_is_named_and_adds_up_to_the_minor_unit(
    lines: list[Priced], currency: str
) -> None:
    falls = [of_line(line, currency) for line in lines]
    for fall in (*falls, of_quote(falls)):
        taken = {
            kind: sum((step.amount for step in fall.steps if step.kind == kind), Decimal())
            for kind in ("on_invoice", "off_invoice", "cost_to_serve")
        }
        if fall.list_amount is not None:
            assert fall.list_amount - taken["on_invoice"] == fall.invoice
        assert fall.invoice - taken["off_invoice"] == fall.paid
        assert fall.paid - taken["cost_to_serve"] == fall.pocket
        assert fall.cost_amount is None or fall.margin == fall.pocket - fall.cost_amount
    whole = of_quote(falls)
    assert whole.pocket == sum((fall.pocket for fall in falls), Decimal())


def test_an_unknown_cost_leaves_the_margin_unknown_and_never_whole() -> None:
    known = of_line(Priced(Decimal(1), Decimal(100), (), Decimal(100), Decimal(60)), "EUR")
    unknown = of_line(Priced(Decimal(1), Decimal(100), (), Decimal(100), None), "EUR")
    assert known.margin_share == Decimal("0.4")
    assert (unknown.margin, unknown.margin_share) == (None, None)
    assert of_quote([known, unknown]).margin_share is None


def test_a_price_below_list_is_a_step_of_its_own_before_the_discounts() -> None:
    taken = (Deduction("Volume", "on_invoice", Decimal("0.1")), Deduction("Bonus", "off_invoice", Decimal("0.05")))
    fall = of_line(Priced(Decimal(10), Decimal(90), taken, Decimal(100), Decimal(50)), "EUR")
    assert [(step.name, step.amount) for step in fall.steps] == [
        ("Negotiated price", Decimal(100)),
        ("Volume", Decimal(90)),
        ("Bonus", Decimal("40.50")),
    ]
    assert (fall.invoice, fall.paid, fall.margin) == (Decimal(810), Decimal("769.50"), Decimal("269.50"))
