"""How metrics are drawn: stages in their order, lengths that say no more than the numbers."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.pages.pipeline.funnel import SMALLEST, WIDTH, in_order, length, stages, thirds

KEYS = st.lists(st.sampled_from("abcdefgh"), unique=True).map(sorted)


def row(key: str, numerator: int, denominator: int) -> dict[str, Any]:
    return {"key": key, "numerator": numerator, "denominator": denominator}


@given(st.lists(KEYS, max_size=5))
def test_lists_of_one_order_come_together_without_loss(lists: list[list[str]]) -> None:
    found = in_order(lists)
    assert sorted(found) == sorted({key for keys in lists for key in keys})
    assert in_order([sorted(found), *lists]) == sorted(found)


def test_a_stage_that_nobody_entered_stands_behind_the_one_it_follows() -> None:
    found = stages(
        [row("p/a", 5, 10), row("p/c", 1, 4)], [], [row("p/a", 1, 1), row("p/b", 1, 1), row("q/a", 1, 1)], []
    )
    assert [(each.pipeline, each.name) for each in found] == [("p", "a"), ("p", "b"), ("p", "c"), ("q", "a")]
    first, second = found[:2]
    assert (first.entered, first.came) == ("1000.00", "500.00")
    assert (second.conversion, second.entered, second.came) == (None, "0.00", "0.00")


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_length_is_in_proportion_and_what_there_is_is_seen(part: int, more: int) -> None:
    found = float(length(part, part + more))
    assert 0 <= found <= WIDTH
    assert (found >= SMALLEST) == (part > 0)
    assert length(None, part) == length(part, None) == length(part, 0) == "0.00"


def test_thirds_fill_the_bar_and_are_none_while_nothing_is_booked() -> None:
    shares = {"first_third": {"value": 0.2}, "second_third": {"value": 0.3}, "last_third": {"value": 0.5}}
    assert [(each.name, each.x, each.width) for each in thirds(shares)] == [
        ("first", "0.00", "200.00"),
        ("second", "200.00", "300.00"),
        ("last", "500.00", "500.00"),
    ]
    assert thirds({}) == []
