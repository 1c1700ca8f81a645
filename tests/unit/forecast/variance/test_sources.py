"""Whose each driver is with which a bridge begins, and its figure."""

from decimal import Decimal
from fractions import Fraction
from typing import get_args
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.forecast.variance.drivers import Counted, Driver, Period, Said, Stated, from_plan
from services.forecast.variance.shown import sources
from tests.unit.forecast.variance.test_drivers import periods

BEFORE = Period(Counted(100, 50, 20, 2_000_000), Counted(40, 10, 5, 250_000), 0, 2_250_000)
STATED = ("win_rate", "creation", "size")


def of_plan(value: Fraction) -> Said:
    return Said(value, Decimal("0.3"), "win_rate", "North", UUID(int=7))


def test_what_no_plan_states_is_that_of_the_earlier_period_open_and_new_deals_together() -> None:
    found = {each.driver: each for each in sources(BEFORE, {}, "prior_year", "EUR")}
    assert {name: str(each.value) for name, each in found.items()} == {
        "opening": "100.00",
        "creation": "40.00",
        "win_rate": "0.416667",
        "timing": "0.428571",
        "size": "900.00",
    }
    assert {each.source for each in found.values()} == {"prior_year"}
    assert {each.source for each in sources(BEFORE, {}, "prior_period", "EUR")} == {"prior_period"}
    nothing = Period(Counted(0, 0, 0, 0), Counted(0, 0, 0, 0), 0, 0)
    unknown = {each.driver: each.value for each in sources(nothing, {}, "prior_year", "EUR")}
    assert [unknown[name] for name in ("win_rate", "timing", "size")] == [None, None, None]


@given(
    periods(),
    periods(),
    st.dictionaries(st.sampled_from(STATED), st.fractions(0, 1).map(of_plan)),
)
def test_exactly_what_the_plan_states_is_said_to_be_its_and_the_terms_still_lead_to_what_came(
    before: Period, after: Period, said: dict[Driver, Said]
) -> None:
    base, terms = from_plan(Stated.of(said), before, after)
    assert base.booked + sum(terms.values()) == after.booked
    found = {each.driver: each for each in sources(before, said, "plan", "EUR")}
    assert tuple(found) == get_args(Driver)
    assert {name for name, each in found.items() if each.source == "plan"} == set(said)
    for each in found.values():
        assert (each.assumption_id is None) == (each.source != "plan")
    if "win_rate" in said:
        assert abs(found["win_rate"].value - Decimal(float(said["win_rate"].value))) < Decimal("0.00001")
        assert (base.opening.win_rate, base.created.win_rate) == (said["win_rate"].value, said["win_rate"].value)
    if "creation" in said:
        assert base.created.there == said["creation"].value
