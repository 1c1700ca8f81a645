"""Trees and numbers of plans, at random and by hand."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
from hypothesis import strategies as st

from libs.common.calendar import FiscalCalendar
from services.forecast.plans.grid import Said
from services.forecast.plans.spans import Span, spans_of
from services.forecast.plans.tree import Node, Tree

CALENDAR = FiscalCalendar()
YEAR: Sequence[Span] = spans_of(CALENDAR, CALENDAR.year(date(2027, 1, 1)))
DIMENSIONS: Any = ("market", "product", "region", "segment")


def node(number: int, above: int | None, dimension: Any = "market", value: str | None = None) -> Node:
    text = f"v{number}" if value is None else value
    return Node(UUID(int=number), None if above is None else UUID(int=above), dimension, text, text or "none", number)


def tree(*parents: int | None) -> Tree:
    """Nodes numbered from 1; each is given by the number of the one above it."""
    return Tree.of(node(number, above) for number, above in enumerate(parents, start=1))


@st.composite
def trees(draw: st.DrawFn, largest: int = 24) -> Tree:
    """Of each node the children share a dimension, and no value stands side by side twice."""
    count = draw(st.integers(1, largest))
    parents = [None, *(draw(st.integers(1, at)) for at in range(1, count))]
    of = [draw(st.sampled_from(DIMENSIONS)) for _ in range(count + 1)]
    nodes = [
        node(number, above, "unit" if above is None else of[above]) for number, above in enumerate(parents, start=1)
    ]
    return Tree.of(nodes)


@st.composite
def said(draw: st.DrawFn, nodes: int, spans: int) -> Said:
    """Some cells with something said, zeros among them."""
    found = Said.nothing(nodes, spans)
    for at, span, units in draw(
        st.lists(st.tuples(st.integers(0, nodes - 1), st.integers(0, spans - 1), st.integers(0, 10**12)), max_size=40)
    ):
        found.amount[at, span] = units
        found.has[at, span] = True
        found.manual[at, span] = bool(units % 2)
    return found


def one(nodes: int, spans: int, cells: dict[tuple[int, int], int]) -> Said:
    """What is said at some places, and nothing else."""
    found = Said.nothing(nodes, spans)
    for (at, span), units in cells.items():
        found.amount[at, span], found.has[at, span] = units, True
    assert found.amount.dtype == np.int64
    return found
