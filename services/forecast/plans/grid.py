"""What is wanted of each node in each period of a plan. Pure; amounts are whole minor units.

A node's number for a period is its own, else that of the periods in it when all of them have one, else the sum of those below.
Whatever is above and not assigned below is told, so parts + unallocated = whole at every node and period.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from services.forecast.plans.spans import Span, parts_of
from services.forecast.plans.tree import Flags, Ints, Tree

Small = npt.NDArray[np.int8]

SOURCES: Final = (None, "own", "periods", "below")
STATES: Final = ("blank", "unassigned", "zero", "set")
BLANK, UNASSIGNED, ZERO, SET = range(4)


@dataclass(frozen=True, slots=True)
class Said:
    """What was said, by node and period; `has` where anything was, `manual` where a person said it themselves."""

    amount: Ints
    has: Flags
    manual: Flags

    @classmethod
    def nothing(cls, nodes: int, spans: int) -> "Said":
        return cls(
            np.zeros((nodes, spans), dtype=np.int64),
            np.zeros((nodes, spans), dtype=bool),
            np.zeros((nodes, spans), dtype=bool),
        )


@dataclass(frozen=True, slots=True)
class Grid:
    """The numbers of all nodes and periods. `parts`: the sum of the numbers right below; both are 0 where not `known`.

    `source` and `state` are places in SOURCES and STATES.
    """

    amount: Ints
    known: Flags
    source: Small
    state: Small
    parts: Ints
    parts_known: Flags

    @property
    def unallocated(self) -> Ints:
        """What of a number no node below has; below 0 where more was assigned than there is. Only where `known`."""
        return self.amount - self.parts


def grid(tree: Tree, spans: Sequence[Span], said: Said) -> Grid:
    """What is wanted of every node in every period."""
    amount, source = said.amount.copy(), said.has.astype(np.int8)
    for at in range(len(spans) - 1, -1, -1):
        within = parts_of(spans, at)
        if within:
            made = ~said.has[:, at] & (source[:, within] > 0).all(axis=1)
            amount[made, at] = amount[made][:, within].sum(axis=1)
            source[made, at] = SOURCES.index("periods")
    amount[source == 0] = 0
    given = source > 0
    known, parts, parts_known = given.copy(), np.zeros_like(amount), np.zeros_like(given)
    for level in tree.levels[:0:-1]:
        above = tree.parent[level]
        np.add.at(parts, above, np.where(known[level], amount[level], 0))
        np.logical_or.at(parts_known, above, known[level])
        made = np.unique(above)
        from_below = ~given[made] & parts_known[made]
        amount[made] = np.where(from_below, parts[made], amount[made])
        source[made] = np.where(from_below, SOURCES.index("below"), source[made])
        known[made] |= from_below
    under = np.zeros_like(given)
    for level in tree.levels[1:]:
        above = tree.parent[level]
        under[level] = under[above] | given[above]
    state = np.where(known, np.where(amount == 0, ZERO, SET), np.where(under, UNASSIGNED, BLANK)).astype(np.int8)
    return Grid(amount, known, source, state, parts, parts_known)
