"""A plan's parts and what is unallocated make the whole, at every node, in every period and in every cut."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.forecast.plans.grid import BLANK, SET, SOURCES, UNASSIGNED, ZERO, grid
from services.forecast.plans.spans import parts_of
from services.forecast.plans.tree import BrokenTree, Tree
from services.forecast.plans.views import by_dimension
from tests.unit.forecast.plans.given import YEAR, node, one, said, tree, trees

KEYS = {span.key: at for at, span in enumerate(YEAR)}
WHOLE = KEYS["FY2027"]


@st.composite
def plans(draw: st.DrawFn) -> Any:
    of = draw(trees())
    return of, draw(said(len(of), len(YEAR)))


@given(plans())
def test_children_and_what_is_unallocated_make_every_number_of_every_tree(plan: Any) -> None:
    of, words = plan
    found = grid(of, YEAR, words)
    for at in range(len(of)):
        children = of.children.get(at, ())
        for span in range(len(YEAR)):
            below = sum(int(found.amount[child, span]) for child in children if found.known[child, span])
            assert below == found.parts[at, span]
            if found.known[at, span]:
                assert below + found.unallocated[at, span] == found.amount[at, span]
            else:
                assert found.amount[at, span] == 0
                assert not any(found.known[child, span] for child in children)


@given(plans())
def test_what_was_said_of_a_node_is_never_replaced_by_what_is_below_or_within_it(plan: Any) -> None:
    of, words = plan
    found = grid(of, YEAR, words)
    assert (found.amount[words.has] == words.amount[words.has]).all()
    assert (found.source[words.has] == SOURCES.index("own")).all()


@given(plans())
def test_a_period_without_a_number_of_its_own_is_the_sum_of_its_parts_if_all_of_them_have_one(plan: Any) -> None:
    of, words = plan
    found = grid(of, YEAR, words)
    for at in range(len(of)):
        for span in range(len(YEAR)):
            if found.source[at, span] == SOURCES.index("periods"):
                assert found.amount[at, span] == found.amount[at, parts_of(YEAR, span)].sum()


@given(plans(), st.sampled_from(["market", "product", "region", "segment"]))
def test_every_cut_of_a_plan_adds_to_its_whole_with_what_is_unallocated(plan: Any, dimension: str) -> None:
    of, words = plan
    found = grid(of, YEAR, words)
    cut = by_dimension(of, found, dimension, WHOLE)
    known = [part for part in cut.parts.values() if part is not None]
    if found.known[0, WHOLE]:
        assert cut.whole == found.amount[0, WHOLE]
        assert sum(known) + (cut.unallocated or 0) == cut.whole
    else:
        assert (cut.whole, cut.unallocated) == (None, None)


@given(plans(), st.randoms())
def test_the_order_in_which_nodes_are_given_changes_nothing(plan: Any, chance: Any) -> None:
    of, _ = plan
    shuffled = list(of.nodes)
    chance.shuffle(shuffled)
    assert Tree.of(shuffled).nodes == of.nodes


def test_blank_zero_and_unassigned_are_three_states() -> None:
    of = tree(None, 1, 1, 3)
    found = grid(of, YEAR, one(4, len(YEAR), {(0, WHOLE): 100, (1, WHOLE): 0}))
    assert found.state[:, WHOLE].tolist() == [SET, ZERO, UNASSIGNED, UNASSIGNED]
    assert found.state[:, KEYS["2027-01"]].tolist() == [BLANK] * 4
    assert found.unallocated[0, WHOLE] == 100


def test_more_assigned_than_there_is_shows_below_nought() -> None:
    of = tree(None, 1, 1)
    found = grid(of, YEAR, one(3, len(YEAR), {(0, WHOLE): 100, (1, WHOLE): 70, (2, WHOLE): 50}))
    assert found.unallocated[0, WHOLE] == -20


def test_a_group_of_products_stands_for_the_products_below_it() -> None:
    of = Tree.of(
        [
            node(1, None, "unit", "x"),
            node(2, 1, "product", "Platform"),
            node(3, 2, "product", "Core"),
            node(4, 2, "product", "Edge"),
            node(5, 4, "market", "DACH"),
        ]
    )
    assert of.values(1) == {"Platform", "Core", "Edge"}


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        ([node(1, None, "unit"), node(2, 1, "market"), node(3, 1, "product")], "divided by one dimension"),
        ([node(1, None, "unit"), node(2, 1, value="DACH"), node(3, 1, value="DACH")], "are the same market"),
        ([node(1, None, "unit"), node(2, 9)], "is not in the plan"),
        ([node(1, None, "unit"), node(2, 3), node(3, 2)], "in a circle"),
        ([node(1, None, "unit"), node(2, None, "unit")], "one root"),
        (
            [
                node(1, None, "unit"),
                node(2, 1, "product", "A"),
                node(3, 1, "product", "B"),
                node(4, 2, "product", "C"),
                node(5, 3, "product", "C"),
            ],
            "credited twice",
        ),
    ],
)
def test_what_is_no_tree_of_disjoint_parts_is_refused_by_name(nodes: Any, why: str) -> None:
    with pytest.raises(BrokenTree, match=why):
        Tree.of(nodes)


def test_a_group_in_a_cut_has_its_number_once_and_not_again_with_the_products_below_it() -> None:
    of = Tree.of([node(1, None, "unit", "x"), node(2, 1, "product", "Platform"), node(3, 2, "product", "Core")])
    found = grid(of, YEAR, one(3, len(YEAR), {(0, WHOLE): 150, (1, WHOLE): 100, (2, WHOLE): 60}))
    cut = by_dimension(of, found, "product", WHOLE)
    assert (dict(cut.parts), cut.unallocated) == ({"Platform": 100}, 50)
