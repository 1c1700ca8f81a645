"""Movement with won deals at the rates of their booking days: both identities hold, and only what a day's rate makes of a win differs."""

from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from services.forecast.movement.identity import OPEN_TERMS
from services.forecast.movement.stepping import Between, End
from services.forecast.rates.conversion import Held
from tests.unit.forecast.given import AT, RATES, lives, state
from tests.unit.forecast.test_movement import MOVEMENTS, after, between_of, movement, terms, totals, unexplained

HELD = (
    Held(date.min, date(2026, 11, 4), replace(RATES, years=(), default=RATES.default | {"USD": Decimal("0.5")})),
    Held(date(2026, 11, 4), date.max, replace(RATES, years=(), default=RATES.default | {"USD": Decimal("0.7")})),
)
"""Rates of booking days; the second was not known at the start."""


def at_booking(between: Between) -> Between:
    """The same movement with won deals at the rates of their booking days."""

    def at(end: End, held: tuple[Held, ...]) -> End:
        return replace(end, look=replace(end.look, rates=replace(end.look.rates, at_booking=held)))

    return replace(between, start=at(between.start, (replace(HELD[0], end=date.max),)), end=at(between.end, HELD))


def in_dollars(seed: int) -> Between:
    """A movement of deals in dollars, whose rate on booking days is another than the constant one."""
    entries = [(deal.model_copy(update={"currency": "USD"}), at) for deal, at in lives(Random(seed))]  # noqa: S311
    return movement(Random(seed), entries)  # noqa: S311


DOLLARS = st.builds(in_dollars, st.integers(0, 2**32))


@settings(max_examples=300, deadline=None)
@given(MOVEMENTS | DOLLARS, st.booleans())
def test_both_identities_hold_to_the_cent_at_booked_rates_too(between: Between, gross: bool) -> None:
    assert unexplained(at_booking(between), gross=gross) == (0, 0)


@settings(max_examples=200, deadline=None)
@given(DOLLARS, st.booleans())
def test_booked_rates_move_what_was_won_and_fx_of_the_open_forecast_and_no_other_price(
    between: Between, gross: bool
) -> None:
    """What was not open before it was won stands on both sides at what it was closed with."""
    _, constant, _ = totals(between, gross=gross)
    _, booked, _ = totals(at_booking(between), gross=gross)
    came = OPEN_TERMS[: OPEN_TERMS.index("decreased")]
    differing = {name for name in OPEN_TERMS if booked[name] != constant[name]}
    assert differing <= {"won", "fx", "reclassified", *came} - {"increased"}
    assert sum(booked.values()) == sum(constant.values())


def test_the_movements_in_dollars_are_others_at_booked_rates() -> None:
    """A property over movements without such deals says nothing of them."""
    movements = [in_dollars(seed) for seed in range(120)]
    differing = Counter[str]()
    for between in movements:
        for gross in (False, True):
            sides = zip(totals(between, gross=gross)[1:], totals(at_booking(between), gross=gross)[1:], strict=True)
            (opened, opened_booked), (closed, closed_booked) = sides
            differing.update(name for name in ("won", "fx") if opened[name] != opened_booked[name])
            differing.update(f"closed {name}" for name in ("won", "fx") if closed[name] != closed_booked[name])
    assert min(differing[name] for name in ("won", "fx", "closed won", "closed fx")) > 2, differing


def test_a_dollar_deal_that_is_won_is_repriced_by_its_amount_and_the_rate_of_its_day_is_fx() -> None:
    won = {"state": "won", "category": None, "closed_on": date(2026, 11, 3), "currency": "USD"}
    between = between_of([(state(1, currency="USD"), AT), after(2, 2, amount=Decimal(110), **won)])
    for gross in (False, True):
        assert terms(between, gross=gross) == {
            "won": Decimal("-99.55"),
            "won_repriced": Decimal("9.05"),
            "closed won": Decimal("99.55"),
        }
        assert terms(at_booking(between), gross=gross) == {
            "won": Decimal("-55.00"),
            "won_repriced": Decimal("9.05"),
            "fx": Decimal("-44.55"),
            "closed won": Decimal("55.00"),
        }
