"""What could be done with a plan, side by side: other targets, and how likely each is by the evidence that was frozen. Pure.

Amounts are whole minor units. A node's number is its own, or the sum of those below it: a changed number moves what is made of it
above and leaves numbers above that stand for themselves, unless they are to move along; what is then not assigned, or assigned too much, is told by the plan.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal
from uuid import UUID

from services.forecast.plans.allocation import shared

By = Literal["amount", "share"]
Source = Literal["own", "periods", "below"]


class CannotChange(ValueError):
    """A change that cannot be made; the message says of which node and why."""


@dataclass(frozen=True, slots=True)
class Part:
    """A node of the plan with its number. `source` None: it has none."""

    node_id: UUID
    parent_id: UUID | None
    label: str
    target: int | None
    source: Source | None


@dataclass(frozen=True, slots=True)
class Change:
    """Another number of a node: so much more in minor units, or so many times as much more (-0.1: a tenth less).

    `below`: all numbers below it change in proportion. `above`: those above it that stand for themselves move by as much.
    """

    node_id: UUID
    by: By
    value: Decimal
    below: bool = False
    above: bool = False


@dataclass(frozen=True, slots=True)
class Changed:
    """The numbers of all nodes after changes. `said`: those that have to be written, the rest follows from them."""

    targets: dict[UUID, int | None]
    said: dict[UUID, int]


class _Plan:
    """The numbers while they are changed."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = {part.node_id: part for part in parts}
        self.targets = {part.node_id: part.target for part in parts}
        self.source = {part.node_id: part.source for part in parts}
        self.said: dict[UUID, int] = {}
        self.children: dict[UUID, list[UUID]] = {}
        for part in parts:
            if part.parent_id is not None:
                self.children.setdefault(part.parent_id, []).append(part.node_id)

    def change(self, change: Change) -> None:
        part = self.parts.get(change.node_id)
        if part is None:
            raise CannotChange(f"the evidence has no node {change.node_id}")
        before = self.targets[part.node_id]
        if before is None:
            raise CannotChange(f"{part.label} has no number that could be changed")
        exact = before + change.value if change.by == "amount" else before * (1 + change.value)
        after = int(exact.to_integral_value(ROUND_HALF_UP))
        if after < 0:
            raise CannotChange(f"{part.label} would be wanted to bring less than 0")
        if change.below and before > 0:
            self._below(part.node_id, before, after)
        self._say(part, after, with_above=change.above)

    def _say(self, part: Part, after: int, *, with_above: bool) -> None:
        """Give a node a number of its own; sums above it that are made of it move along."""
        moved = after - (self.targets[part.node_id] or 0)
        self.targets[part.node_id], self.source[part.node_id], self.said[part.node_id] = after, "own", after
        above = self.parts.get(part.parent_id) if part.parent_id else None
        while above is not None:
            node = above.node_id
            is_sum = self.source[node] == "below"
            if self.source[node] is None or not (is_sum or with_above):
                break
            self.targets[node] = to = (self.targets[node] or 0) + moved
            if to < 0:
                raise CannotChange(f"{above.label} would be wanted to bring less than 0")
            if not is_sum:
                self.said[node] = to
            above = self.parts.get(above.parent_id) if above.parent_id else None

    def _below(self, node: UUID, before: int, after: int) -> None:
        """Share a node's new number over what is below it as the old one was, what was unallocated included."""
        known = [(child, of) for child in self.children.get(node, ()) if (of := self.targets[child]) is not None]
        if not known:
            return
        for (child, was), to in zip(known, scaled([of for _, of in known], before, after), strict=True):
            if was > 0:
                self._below(child, was, to)
            if self.source[child] == "below":
                self.targets[child] = to
            else:
                self.targets[child], self.source[child], self.said[child] = to, "own", to


def scaled(parts: Sequence[int], before: int, after: int) -> list[int]:
    """The parts of a number as they would be of another: to the minor unit where they were within it, else each by itself."""
    rest = before - sum(parts)
    if rest >= 0:
        return shared(after, [*parts, rest])[:-1]
    return [int((Decimal(part) * after / before).to_integral_value(ROUND_HALF_UP)) for part in parts]


def changed(parts: Sequence[Part], changes: Sequence[Change]) -> Changed:
    """The numbers after the changes, one after another. Raises CannotChange."""
    plan = _Plan(parts)
    for change in changes:
        plan.change(change)
    return Changed(plan.targets, plan.said)
