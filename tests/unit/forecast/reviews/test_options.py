"""Other targets: what an option says of every node is what the plan says once its draft is written."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.forecast.plans.content import Content
from services.forecast.plans.grid import SOURCES, Said
from services.forecast.plans.spans import parts_of as parts_within
from services.forecast.reviews.drafts import cells
from services.forecast.reviews.options import CannotChange, Change, Part, changed, scaled
from tests.unit.forecast.plans.given import YEAR, said, trees

PLAN = UUID(int=7)
QUARTERS = parts_within(YEAR, 0)


@st.composite
def contents(draw: st.DrawFn) -> Content:
    """A plan in which many nodes have a number of the year, some with all of their quarters, the others what is below."""
    tree = draw(trees(largest=12))
    words = draw(said(len(tree), len(YEAR)))
    for place in range(len(tree)):
        kind = draw(st.sampled_from(["year", "quarters", "below"]))
        spans = {"year": [0], "quarters": [0, *QUARTERS], "below": []}[kind]
        words.has[place, spans] = True
        units = draw(st.lists(st.integers(0, 10**7), min_size=len(spans), max_size=len(spans)))
        words.amount[place, spans] = units
        if kind == "quarters":
            words.amount[place, 0] = sum(units[1:])
    return Content(PLAN, 1, "bookings", "EUR", 2, tree, YEAR, words)


def parts_of(content: Content) -> list[Part]:
    grid, tree = content.grid, content.tree
    return [
        Part(
            node.node_id,
            node.parent_id,
            node.label,
            int(grid.amount[at, 0]) if grid.known[at, 0] else None,
            SOURCES[grid.source[at, 0]],
        )
        for at, node in enumerate(tree.nodes)
    ]


def written(content: Content, rows: list[dict[str, Any]]) -> Content:
    """The plan after a draft's rows were written over it."""
    now = Said(content.said.amount.copy(), content.said.has.copy(), content.said.manual.copy())
    place = {(span.start, span.end): at for at, span in enumerate(content.spans)}
    for row in rows:
        at = content.tree.place[row["node_id"]], place[row["period_start"], row["period_end"]]
        now.amount[at], now.has[at], now.manual[at] = content.units(row["amount"]), True, row["manual"]
    return replace(content, said=now)


@st.composite
def changes(draw: st.DrawFn, content: Content) -> list[Change]:
    known = [part.node_id for part in parts_of(content) if part.target is not None]
    if not known:
        return []
    one = st.builds(
        Change,
        st.sampled_from(known),
        st.just("share"),
        st.integers(-100, 300).map(lambda percent: Decimal(percent) / 100),
        st.booleans(),
        st.booleans(),
    )
    more = st.builds(
        Change,
        st.sampled_from(known),
        st.just("amount"),
        st.integers(0, 10**6).map(Decimal),
        st.booleans(),
        st.booleans(),
    )
    return draw(st.lists(one | more, max_size=4))


@given(st.data())
def test_every_number_of_an_option_is_what_the_plan_says_once_its_draft_is_written(data: st.DataObject) -> None:
    content = data.draw(contents())
    try:
        after = changed(parts_of(content), data.draw(changes(content)))
    except CannotChange:  # a number above, moved by as much, would be below 0
        return
    now = written(content, cells(content, after.said)).grid
    for at, node in enumerate(content.tree.nodes):
        told = after.targets[node.node_id]
        assert told == (int(now.amount[at, 0]) if now.known[at, 0] else None), node.label
    for place in (content.tree.place[node] for node in after.said):
        whole = content.grid.amount[place, 0]
        if content.said.has[place, QUARTERS].all() and content.said.amount[place, QUARTERS].sum() == whole > 0:
            assert now.amount[place, QUARTERS].sum() == now.amount[place, 0], (
                "quarters that made the year make the new one"
            )
    with_number = now.known[:, 0]
    assert (now.parts[with_number, 0] + now.unallocated[with_number, 0] == now.amount[with_number, 0]).all()


@given(st.lists(st.integers(0, 10**8), min_size=1, max_size=8), st.integers(-(10**8), 10**8), st.integers(1, 10**9))
def test_what_is_changed_with_all_below_it_leaves_no_more_unallocated_than_in_proportion(
    given_parts: list[int], over: int, after: int
) -> None:
    before = max(1, sum(given_parts) + over)
    found = scaled(given_parts, before, after)
    assert len(found) == len(given_parts)
    rest = before - sum(given_parts)
    if rest >= 0:
        assert abs((after - sum(found)) - Decimal(rest) * after / before) < 1
    for part, to in zip(given_parts, found, strict=True):
        assert abs(to - Decimal(part) * after / before) < 1


@given(contents())
def test_nothing_changed_changes_nothing(content: Content) -> None:
    parts = parts_of(content)
    after = changed(parts, [])
    assert after.targets == {part.node_id: part.target for part in parts}
    assert after.said == {}
    same = written(content, cells(content, after.said)).grid
    assert np.array_equal(same.amount, content.grid.amount)


def test_a_number_above_that_stands_for_itself_stays_and_one_that_is_a_sum_moves_along() -> None:
    ids = [UUID(int=each) for each in range(4)]
    parts = [
        Part(ids[0], None, "Company", 100, "own"),
        Part(ids[1], ids[0], "North", 60, "below"),
        Part(ids[2], ids[1], "One", 40, "own"),
        Part(ids[3], ids[1], "Two", 20, "periods"),
    ]
    after = changed(parts, [Change(ids[2], "amount", Decimal(-10))])
    assert [after.targets[each] for each in ids] == [100, 50, 30, 20]
    assert after.said == {ids[2]: 30}
    after = changed(parts, [Change(ids[2], "amount", Decimal(-10), above=True)])
    assert [after.targets[each] for each in ids] == [90, 50, 30, 20]
    assert after.said == {ids[2]: 30, ids[0]: 90}
    after = changed(parts, [Change(ids[0], "share", Decimal("-0.5"), below=True)])
    assert [after.targets[each] for each in ids] == [50, 30, 20, 10]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (Change(UUID(int=9), "amount", Decimal(1)), "no node"),
        (Change(UUID(int=0), "share", Decimal(-2)), "less than 0"),
        (Change(UUID(int=1), "amount", Decimal(1)), "North has no number"),
    ],
)
def test_what_cannot_be_changed_is_named(change: Change, why: str) -> None:
    parts = [Part(UUID(int=0), None, "Company", 100, "own"), Part(UUID(int=1), UUID(int=0), "North", None, None)]
    with pytest.raises(CannotChange, match=why):
        changed(parts, [change])
