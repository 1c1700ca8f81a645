"""A file of new parts is taken line by line: what fits is what a whole tree would have, and twice the lines take twice as long."""

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.forecast.organisation.tree import Organisation
from services.forecast.plans import importing, service
from services.forecast.plans.growing import Growing
from services.forecast.plans.table import read
from services.forecast.plans.tree import BrokenTree, Node, Tree
from tests.support.planned import PLAN, UNIT, found

NOBODY = Organisation({}, {})
ROOT = {
    "node_id": service.root_of(PLAN), "parent_id": None, "dimension": "unit", "value": str(UNIT), "label": "Northwind",
    "position": 0, "organisational": True, "removed": False,
}  # fmt: skip


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from(["product", "market"]), st.sampled_from("ABCDE")), max_size=30
    )
)
def test_a_node_fits_where_a_whole_tree_with_it_would_be_one(wanted: Sequence[tuple[int, str, str]]) -> None:
    growing = Growing([ROOT])
    for number, (above, dimension, value) in enumerate(wanted, start=1):
        ids = list(growing.rows)
        row = dict(
            ROOT, node_id=UUID(int=number), parent_id=ids[above % len(ids)], dimension=dimension, value=value,
            label=f"{value}{number}", position=number,
        )  # fmt: skip
        why = growing.why_not(row)
        assert same(why, of_the_whole([*growing.rows.values(), row]))
        if why is None:
            growing.add(row)


def of_the_whole(rows: Sequence[Any]) -> str | None:
    try:
        Tree.of(node(each) for each in rows)
    except BrokenTree as error:
        return str(error)
    return None


def same(one: str | None, other: str | None) -> bool:
    """Of a value in two groups any two of the nodes above may be named."""
    twice = "credited twice"
    return one == other or (one is not None and other is not None and twice in one and twice in other)


def node(row: Any) -> Node:
    return Node(*(row[name] for name in ("node_id", "parent_id", "dimension", "value", "label", "position")))


def seconds(parts: int) -> float:
    lines = ["path,dimension,value,period,amount"]
    lines += [f"Northwind / M{at % 50},market,,FY2027,1" for at in range(50)]
    lines += [f"Northwind / M{at % 50} / P{at},product,,FY2027,1" for at in range(parts)]
    body = "\n".join(lines).encode()
    began = time.process_time()
    change, refused = importing.taken(found(), [ROOT], NOBODY, list(read(body)))
    took = time.process_time() - began
    assert (len(change.nodes), refused) == (50 + parts, [])
    return took


def test_a_file_of_eight_times_the_new_parts_takes_little_more_than_eight_times_as_long() -> None:
    few = min(seconds(1_000) for _ in range(2))
    many = seconds(8_000)
    assert many < 20 * few, f"{many:.2f} s of 8,000 lines, {few:.2f} s of 1,000"
