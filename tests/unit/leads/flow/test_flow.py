"""What a lead costs and how long its answer may take, by its grade and by where it came from."""

from decimal import Decimal

import pytest

from services.leads.capacity.flow import RANKS, FlowIn


def test_every_grade_has_its_shipped_hours_and_what_is_set_goes_before() -> None:
    flow = FlowIn.model_validate({"lead_hours": {"C1": "0.25"}, "response_hours": {"A3": "2"}})
    cost = {rank: flow.hours_of(place, None) for place, rank in enumerate(RANKS, 1)}
    assert (cost["A3"], cost["A1"], cost["B1"], cost["C1"]) == tuple(map(Decimal, ("1", "0.75", "0.5", "0.25")))
    allowed = {rank: flow.response_of(place) for place, rank in enumerate(RANKS, 1)}
    assert (allowed["A3"], allowed["A2"], allowed["A1"], allowed["none"]) == tuple(map(Decimal, ("2", "1", "4", "8")))


def test_a_source_that_has_its_own_hours_costs_these_whatever_the_grade() -> None:
    flow = FlowIn.model_validate({"source_hours": {"fair": "3"}})
    assert {flow.hours_of(place, "fair") for place in range(1, 11)} == {Decimal(3)}
    assert flow.hours_of(1, "web") == Decimal(1)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"works_from": "17:00", "works_until": "09:00"}, "works_from must be earlier"),
        ({"escalate_after_hours": ["8", "1"]}, "must rise"),
        ({"lead_hours": {"A4": "1"}}, "Input should be"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        FlowIn.model_validate(wrong)
