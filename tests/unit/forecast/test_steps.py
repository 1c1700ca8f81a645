"""The number of a node, step by step: parts add, and what is missing is replaced and counted."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.forecast.calls.staleness import staleness
from services.forecast.calls.steps import InForce, Node, NodeKey, land, walk

AT = datetime(2026, 11, 2, tzinfo=UTC)
MONEY = st.decimals(0, 10_000, places=2)
MAYBE = st.none() | MONEY


def called(amount: Any) -> InForce | None:
    return None if amount is None else InForce(UUID(int=0), "somebody", Decimal(amount), AT)


def person(number: int, closed: Any = 0, commit: Any = 0, call: Any = None, adjustment: Any = 0) -> Node:
    return Node(
        NodeKey("person", UUID(int=number)),
        closed_won=Decimal(closed),
        commit=Decimal(commit),
        call=called(call),
        adjustment=Decimal(adjustment),
    )


def unit(number: int, *children: Node, call: Any = None, adjustment: Any = 0) -> Node:
    key = NodeKey("unit", UUID(int=number))
    return Node(key, call=called(call), adjustment=Decimal(adjustment), children=list(children))


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> Node:
    numbers = iter(range(1, 10_000))

    def grow(left: int) -> Node:
        if left == 0 or draw(st.booleans()):
            amounts = {"closed": draw(MONEY), "commit": draw(MONEY), "call": draw(MAYBE)}
            return person(next(numbers), **amounts, adjustment=draw(st.decimals(-99, 99, places=2)))
        below = [grow(left - 1) for _ in range(draw(st.integers(0, 3)))]
        return unit(next(numbers), *below, call=draw(MAYBE), adjustment=draw(st.decimals(-99, 99, places=2)))

    return unit(0, *[grow(depth) for _ in range(draw(st.integers(0, 3)))], call=draw(MAYBE))


@given(trees())
def test_at_every_node_the_parts_add_to_the_total(root: Node) -> None:
    landings = land(root)
    for node in walk(root):
        own, below = landings[node.key], [landings[child.key] for child in node.children]
        if node.key.kind == "person":
            continue
        assert own.crm == sum((child.crm for child in below), Decimal())
        assert own.reps == sum((child.reps for child in below), Decimal())
        assert own.children == sum((child.managers for child in below), Decimal())
        assert own.managers == (node.call.amount if node.call else own.children)
        said = node.call.amount if node.call else sum((child.adjusted for child in below), Decimal())
        assert own.adjusted == said + node.adjustment
        assert own.children_of == sum(child.of for child in below)
        assert own.children_from_crm == sum(child.from_crm for child in below) <= own.children_of


@given(trees())
def test_without_any_call_the_number_is_the_crms_and_every_person_is_counted(root: Node) -> None:
    for node in walk(root):
        node.call = None
    landing = land(root)[root.key]
    assert landing.managers == landing.reps == landing.crm
    assert landing.from_crm == landing.of == sum(node.key.kind == "person" for node in walk(root))


def test_three_of_eight_from_the_crm_and_never_nothing() -> None:
    called_for = [person(number, call=100) for number in range(1, 6)]
    silent = [person(number, closed=30, commit=20) for number in range(6, 9)]
    landing = land(unit(0, unit(100, *called_for), unit(200, *silent)))[NodeKey("unit", UUID(int=0))]
    assert (landing.from_crm, landing.of) == (3, 8)
    assert landing.managers == 5 * 100 + 3 * 50


def test_an_own_call_covers_the_adjustments_below_it_and_not_its_own() -> None:
    landing = land(unit(0, unit(1, person(2, call=10, adjustment=5), call=100, adjustment=-7)))
    assert landing[NodeKey("person", UUID(int=2))].adjusted == 15
    assert landing[NodeKey("unit", UUID(int=1))].adjusted == 93
    assert landing[NodeKey("unit", UUID(int=0))].adjusted == 93


def stale(days: float = 0, then: Any = 100, now: Any = 100, today: date = date(2026, 11, 2)) -> tuple[str, ...]:
    return staleness(
        made_at=AT - timedelta(days=days),
        base_then=None if then is None else Decimal(then),
        base_now=None if now is None else Decimal(now),
        last_day=date(2026, 12, 31),
        today=today,
        now=AT,
    ).reasons


@pytest.mark.parametrize(
    ("given_values", "reasons"),
    [
        ({}, ()),
        ({"days": 7}, ()),
        ({"days": 7.01}, ("older_than_7_days",)),
        ({"now": 105}, ()),
        ({"now": "105.01"}, ("base_moved",)),
        ({"now": "94.99"}, ("base_moved",)),
        ({"days": 8, "now": 0}, ("older_than_7_days", "base_moved")),
        ({"then": 0, "now": 1}, ("base_moved",)),
        ({"then": 0, "now": 0}, ()),
        ({"then": None}, ()),
        ({"days": 30, "now": 0, "today": date(2027, 1, 1)}, ()),
    ],
)
def test_a_call_is_stale_by_age_or_by_its_base_and_says_which(
    given_values: dict[str, Any], reasons: tuple[str, ...]
) -> None:
    assert stale(**given_values) == reasons
