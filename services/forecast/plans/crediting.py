"""To which node of a plan each deal is credited: to the deepest that stands for it, and so to all above. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import numpy as np

from services.forecast.history.columns import Codes, Columns, Index, Ints
from services.forecast.organisation.tree import Organisation
from services.forecast.plans.tree import DIMENSIONS, Tree


def credited(tree: Tree, organised: Organisation, columns: Columns, rows: Index, owner: Codes | None = None) -> Ints:
    """The deepest node of each row, which the root stands for; a person's before that of the unit they are in.

    `owner`: with whom each row counts, its owner if not given.
    """
    at = np.zeros(len(rows), dtype=np.int64)
    doors = _doors(tree, organised, columns)
    codes = {dimension: getattr(columns, column_of(dimension))[rows].astype(np.int64) for dimension, *_ in doors}
    if owner is not None:
        codes |= {dimension: owner.astype(np.int64) for dimension in codes if column_of(dimension) == "owner"}
    for level in range(len(tree.levels) - 1):
        here = tree.depth[at] == level
        for dimension, keys, children, width in doors:
            asked = at * width + codes[dimension]
            place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
            leads = here & (keys[place] == asked)
            at[leads] = children[place[leads]]
            here &= ~leads
    return at


def column_of(dimension: str) -> str:
    """The column of history in which a dimension stands."""
    return "owner" if dimension in ("unit", "person") else dimension


def _doors(tree: Tree, organised: Organisation, columns: Columns) -> Sequence[tuple[str, Ints, Ints, int]]:
    """By dimension: what leads from a node to one right below it, as sorted keys of node and code, and where it leads.

    People come before units.
    """
    of_unit: dict[UUID, list[int]] = defaultdict(list)
    for code, text in enumerate(columns.words["owner"].texts):
        of_unit[organised.unit_of(UUID(text) if text else None)].append(code)
    found = []
    for dimension in sorted(DIMENSIONS, key=lambda each: each != "person"):
        width = len(columns.words[column_of(dimension)].texts) + 1
        pairs: list[tuple[int, int]] = []
        for child, node in enumerate(tree.nodes):
            if child and node.dimension == dimension:
                start = int(tree.parent[child]) * width
                pairs += [(start + code, child) for code in _codes(tree, child, organised, columns, of_unit)]
        if pairs:
            keys, children = np.array(sorted(pairs), dtype=np.int64).T
            found.append((dimension, keys, children, width))
    return found


def _codes(tree: Tree, at: int, organised: Organisation, columns: Columns, of_unit: dict[UUID, list[int]]) -> list[int]:
    node = tree.nodes[at]
    if node.dimension == "unit":
        return [code for unit in organised.below(UUID(node.value)) for code in of_unit.get(unit, ())]
    column = column_of(node.dimension)
    codes = {columns.code(column, value) for value in tree.values(at)}
    if "" in tree.values(at):
        codes.add(0)
    return [code for code in codes if code >= 0]
