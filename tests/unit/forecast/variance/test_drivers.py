"""From what one period brought to what another did: each driver's part, and no part that is left over."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.forecast.variance.drivers import TERMS, Counted, Period, Stated, bridge, from_plan


@st.composite
def counted(draw: st.DrawFn) -> Counted:
    there = draw(st.integers(0, 500))
    decided = draw(st.integers(0, there))
    won = draw(st.integers(0, decided))
    return Counted(there, decided, won, draw(st.integers(-100, 10**9)) if won else 0)


@st.composite
def periods(draw: st.DrawFn) -> Period:
    opening, created, other = draw(counted()), draw(counted()), draw(st.integers(0, 10**7))
    common = opening.amount + created.amount + other
    return Period(opening, created, other, common + draw(st.integers(-(10**6), 10**6)))


@given(periods(), periods(), periods())
def test_the_terms_lead_from_one_period_to_the_other_to_the_cent(was: Period, before: Period, after: Period) -> None:
    terms = bridge(was, before, after)
    assert tuple(terms) == TERMS
    assert was.booked + sum(terms.values()) == after.booked


@given(periods())
def test_between_a_period_and_itself_nothing_moved(period: Period) -> None:
    assert set(bridge(period, period, period).values()) == {0}


ONE = Period(Counted(100, 50, 20, 2_000_000), Counted(40, 10, 5, 250_000), 0, 2_250_000)


def changed(**parts: Counted | int) -> dict[str, int]:
    after = replace(ONE, **parts)
    terms = bridge(ONE, ONE, replace(after, booked=after.common))
    return {name: amount for name, amount in terms.items() if amount}


def test_what_only_one_driver_changed_is_that_drivers() -> None:
    assert changed(opening=Counted(110, 55, 22, 2_200_000)) == {"opening": 200_000}
    assert changed(created=Counted(80, 20, 10, 500_000)) == {"creation": 250_000}
    assert changed(opening=Counted(100, 50, 10, 1_000_000)) == {"win_rate": -1_000_000}
    assert changed(opening=Counted(100, 25, 10, 1_000_000)) == {"timing": -1_000_000}
    assert changed(opening=Counted(100, 50, 20, 2_400_000)) == {"size": 400_000}
    assert changed(other=7) == {"unexplained": 7}


def test_what_a_period_without_deals_lacks_is_pipeline_and_creation() -> None:
    nothing = Counted(0, 0, 0, 0)
    empty = Period(nothing, nothing, 0, 0)
    found = bridge(empty, empty, ONE)
    assert {name: amount for name, amount in found.items() if amount} == {"opening": 2_000_000, "creation": 250_000}


def test_an_organisation_and_rates_that_changed_are_told_apart_from_what_deals_did() -> None:
    was = Period(Counted(90, 45, 18, 1_800_000), ONE.created, 0, 2_000_000)
    found = bridge(was, ONE, replace(ONE, booked=2_260_000))
    assert {name: amount for name, amount in found.items() if amount} == {"scope": 200_000, "fx": 60_000}


shares = st.none() | st.fractions(0, 1)


@given(periods(), periods(), shares, st.none() | st.fractions(0, 10**7), st.none() | st.fractions(0, 500))
def test_from_what_a_plan_states_the_terms_lead_to_what_came_to_the_cent(
    before: Period, after: Period, win_rate: Fraction | None, size: Fraction | None, created: Fraction | None
) -> None:
    base, terms = from_plan(Stated(win_rate, size, created), before, after)
    assert tuple(terms) == TERMS
    assert base.booked + sum(terms.values()) == after.booked
    assert terms["scope"] == 0


@given(periods(), periods())
def test_a_plan_that_states_no_driver_begins_with_those_of_the_year_before(before: Period, after: Period) -> None:
    base, terms = from_plan(Stated(), before, after)
    plain = bridge(before, before, after)
    assert {name: terms[name] for name in TERMS[:5]} == {name: plain[name] for name in TERMS[:5]}
    assert base.other == before.other


def test_what_a_plan_expected_more_of_is_that_drivers_and_no_other() -> None:
    base, terms = from_plan(Stated(win_rate=Fraction(1, 2)), ONE, ONE)
    assert base.booked == 2_500_000 + 250_000, "half of fifty open ones, and the half of ten new ones that it was"
    assert {name: amount for name, amount in terms.items() if amount} == {"win_rate": -500_000}
    base, terms = from_plan(Stated(created=Fraction(80)), ONE, ONE)
    assert {name: amount for name, amount in terms.items() if amount} == {"creation": -250_000}
