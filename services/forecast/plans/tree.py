"""The tree of a plan: nodes of any dimension, each a part of the one above. Pure.

Nodes stand in preorder, so that what is below a node stands right behind it. The nodes right below one are all of one dimension
and of different values: a deal is never credited to two of them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, get_args
from uuid import UUID

import numpy as np
import numpy.typing as npt

Dimension = Literal["unit", "person", "market", "product", "region", "segment", "deal_type"]
DIMENSIONS: Final[tuple[str, ...]] = get_args(Dimension)
ORGANISATIONAL: Final = ("unit", "person")
"""Dimensions whose values are ids of the organisation."""

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class BrokenTree(ValueError):
    """The nodes are no tree; the message names the node and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a plan. `value` is the id of a unit or person, or the text that deals have in the dimension; "" is no value."""

    node_id: UUID
    parent_id: UUID | None
    dimension: Dimension
    value: str
    label: str
    position: int = 0


@dataclass(frozen=True)
class Tree:
    """Nodes in preorder. `parent` is the place of the one above, -1 of the root; `end` the place behind all that is below."""

    nodes: Sequence[Node]
    parent: Ints
    depth: Ints
    end: Ints

    @classmethod
    def of(cls, nodes: Iterable[Node]) -> "Tree":
        """Raises BrokenTree for no root or two, a circle, a parent that is not there, and siblings that overlap."""
        every = list(nodes)
        children: dict[UUID | None, list[Node]] = defaultdict(list)
        known = {node.node_id for node in every}
        for node in every:
            if node.parent_id is not None and node.parent_id not in known:
                raise BrokenTree(f"Node {node.label!r} stands below {node.parent_id}, which is not in the plan.")
            children[node.parent_id].append(node)
        if len(children[None]) != 1:
            raise BrokenTree(f"A plan has one root, not {len(children[None])}.")
        for below in children.values():
            _disjoint(below)
        ordered: list[Node] = []
        waiting = [(children[None][0], -1, 0)]
        parent, depth = [], []
        while waiting:
            node, above, level = waiting.pop()
            place = len(ordered)
            ordered.append(node)
            parent.append(above)
            depth.append(level)
            right_below = sorted(children[node.node_id], key=lambda each: (each.position, each.label, each.node_id))
            waiting += [(child, place, level + 1) for child in reversed(right_below)]
        if len(ordered) != len(every):
            raise BrokenTree("Some nodes stand below each other in a circle.")
        end = np.arange(1, len(ordered) + 1, dtype=np.int64)
        for place in range(len(ordered) - 1, 0, -1):
            end[parent[place]] = max(end[parent[place]], end[place])
        tree = cls(ordered, np.array(parent, dtype=np.int64), np.array(depth, dtype=np.int64), end)
        tree._check_groups()
        return tree

    def _check_groups(self) -> None:
        """Raises BrokenTree where a value stands below two nodes that stand side by side."""
        for siblings in self.children.values():
            seen: dict[str, str] = {}
            for at in siblings:
                node = self.nodes[at]
                for value in self.values(at):
                    if node.dimension not in ORGANISATIONAL and seen.setdefault(value, node.label) != node.label:
                        raise BrokenTree(
                            f"{value!r} stands in {seen[value]!r} and in {node.label!r}; a deal would be credited twice."
                        )

    def __len__(self) -> int:
        return len(self.nodes)

    @cached_property
    def place(self) -> Mapping[UUID, int]:
        """Where each node stands."""
        return {node.node_id: at for at, node in enumerate(self.nodes)}

    @cached_property
    def children(self) -> Mapping[int, Sequence[int]]:
        """The places right below each place that has any."""
        found: dict[int, list[int]] = defaultdict(list)
        for at, above in enumerate(self.parent.tolist()):
            if above >= 0:
                found[above].append(at)
        return found

    @cached_property
    def levels(self) -> Sequence[npt.NDArray[np.intp]]:
        """The places of each depth, the root's first."""
        return [np.flatnonzero(self.depth == level) for level in range(int(self.depth.max(initial=0)) + 1)]

    def path(self, at: int) -> list[int]:
        """From the root down to a place, both included."""
        found = [at]
        while self.parent[found[-1]] >= 0:
            found.append(int(self.parent[found[-1]]))
        return found[::-1]

    def values(self, at: int) -> set[str]:
        """The values that a node stands for: its own and, of a group, those of the groups below it in the same dimension."""
        node = self.nodes[at]
        found = {node.value}
        for child in self.children.get(at, ()):
            if self.nodes[child].dimension == node.dimension and node.dimension not in ORGANISATIONAL:
                found |= self.values(child)
        return found

    def summed(self, leaves: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """What each node has together with all below it; `leaves` has a row per node."""
        found = leaves.copy()
        for level in self.levels[:0:-1]:
            np.add.at(found, self.parent[level], found[level])
        return found


def _disjoint(siblings: Sequence[Node]) -> None:
    """Raises BrokenTree for nodes right below one of different dimensions, or with one value twice."""
    seen: dict[str, str] = {}
    for node in siblings:
        if node.dimension != siblings[0].dimension and {node.dimension, siblings[0].dimension} != set(ORGANISATIONAL):
            raise BrokenTree(
                f"{node.label!r} is a {node.dimension} beside {siblings[0].label!r}, a {siblings[0].dimension}; "
                "a node is divided by one dimension."
            )
        if node.value in seen:
            raise BrokenTree(f"{node.label!r} and {seen[node.value]!r} are the same {node.dimension}, {node.value!r}.")
        seen[node.value] = node.label
