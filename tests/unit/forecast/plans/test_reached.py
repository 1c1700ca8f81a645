"""How far a part of a plan is reached: the pace goes by the months, and nothing is divided by nothing."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from services.forecast.attainment.reached import Likely, Node, Stand, node_out, wanted_to_date
from services.forecast.plans.spans import months_of
from tests.support.planned import SPANS, content, reached

LIKELY = Likely(90.0, 80.0, 100.0, None, 40.0, 0.0, 500.0)


def stand(day: date) -> Stand:
    of, months = content(), months_of(SPANS)
    return Stand(np.zeros((len(of.tree), 13), dtype=np.int64), months, day)


@pytest.mark.parametrize(
    ("day", "wanted"), [(date(2026, 12, 1), 0), (date(2027, 7, 1), 350_000), (date(2028, 2, 1), 700_000)]
)
def test_what_is_wanted_by_a_day_goes_by_the_months_and_ends_at_the_whole(day: date, wanted: int) -> None:
    assert wanted_to_date(Node(content(), 1, 0), stand(day)) == Decimal(wanted).quantize(Decimal("0.01"))


def test_months_that_do_not_make_the_whole_still_say_how_it_is_spread() -> None:
    assert wanted_to_date(Node(content(), 0, 0), stand(date(2028, 1, 1))) == Decimal("1000000.00")


def test_a_part_without_a_target_has_no_pace_no_gap_and_needs_nothing() -> None:
    told = node_out(Node(content(), 2, 0), stand(date(2027, 7, 1)), LIKELY, Decimal("0.3"))
    assert (told.target, told.state) == (None, "unassigned")
    assert {told.attainment, told.gap, told.pace, told.required_open, told.creation} == {None}


def test_what_a_gap_needs_is_told_and_without_new_deals_expected_no_multiple_of_them() -> None:
    told = node_out(Node(content(), 1, 0), stand(date(2027, 7, 1)), LIKELY, Decimal("0.5"))
    assert (told.gap, told.required_open, told.creation) == (Decimal("700000.00"), Decimal("1400000.00"), None)


def test_closed_of_the_parts_and_what_is_in_none_of_them_is_the_closed_of_the_whole() -> None:
    root, *parts = reached()["nodes"]
    below = sum(Decimal(each["closed"]) for each in parts)
    assert below + Decimal(root["closed_elsewhere"]) == Decimal(root["closed"])
