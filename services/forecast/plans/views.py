"""A plan cut by one dimension wherever that stands in the tree: the parts and what is in none of them make the whole. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.forecast.plans.grid import Grid
from services.forecast.plans.tree import Tree


@dataclass(frozen=True, slots=True)
class View:
    """What each value of a dimension has in a period, and what of the whole no value has. None where nothing is known."""

    whole: int | None
    parts: Mapping[str, int | None]
    labels: Mapping[str, str]
    unallocated: int | None


def by_dimension(tree: Tree, grid: Grid, dimension: str, span: int) -> View:
    """Each value with the sum over the topmost nodes that have it.

    The root's own value is the whole plan, so it is no part.
    """
    parts: dict[str, int | None] = {}
    labels: dict[str, str] = {}
    place = 1
    while place < len(tree):
        node = tree.nodes[place]
        if node.dimension != dimension:
            place += 1
            continue
        labels.setdefault(node.value, node.label)
        parts.setdefault(node.value, None)
        if grid.known[place, span]:
            parts[node.value] = (parts[node.value] or 0) + int(grid.amount[place, span])
        place = int(tree.end[place])
    whole = int(grid.amount[0, span]) if grid.known[0, span] else None
    rest = None if whole is None else whole - sum(part for part in parts.values() if part is not None)
    return View(whole, parts, labels, rest)
