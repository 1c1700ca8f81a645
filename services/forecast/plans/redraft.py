"""A draft put in the place of another: which parts stay, which numbers go, and what a person typed. Pure.

Of the drafted measure nothing of the earlier draft stands any more but what a person typed into a part that is still there; the
number of the whole is what the draft was asked for, so it is replaced also where it was typed. Parts in which another measure has
numbers stay as they are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.forecast.plans.allocation import allocated
from services.forecast.plans.changes import Change, Standing, key_of, said, taken_back
from services.forecast.plans.spans import Span, months_of, parts_of
from services.forecast.plans.tree import BrokenTree, Node, Tree


class DoesNotFit(ValueError):
    """Parts with numbers of another measure cannot stand beside those of the draft."""


@dataclass(frozen=True)
class Drafted:
    """What was drafted in a measure. `did`: what each node did before; `shape`: how it shared that over some months (by place)."""

    measure: str
    places: int
    spans: Sequence[Span]
    tree: Tree
    did: Sequence[int]
    whole: int
    shape: Callable[[int, Sequence[int]], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Redrafted:
    """What the draft changes, and how many typed numbers it kept and took back."""

    change: Change
    kept: int
    gone: int

    @property
    def typed(self) -> str:
        """What became of typed numbers, in words."""
        if not self.kept and not self.gone:
            return ""
        return f"; of the typed numbers {self.kept} kept, {self.gone} taken back"


def adopted(nodes: Sequence[Node], stored: Sequence[Mapping[str, Any]]) -> list[Node]:
    """The same nodes, those above first, with the ids of the parts that are there already and of the same path."""
    known = {(row["parent_id"], row["dimension"], row["value"]): row["node_id"] for row in stored}
    ids: dict[UUID, UUID] = {}
    found = []
    for node in nodes:
        above = None if node.parent_id is None else ids[node.parent_id]
        here = known.get((above, node.dimension, node.value), node.node_id)
        ids[node.node_id] = here
        found.append(replace(node, node_id=here, parent_id=above))
    return found


def redrafted(drafted: Drafted, standing: Standing) -> Redrafted:
    """What makes the draft of what stands. Raises DoesNotFit."""
    stays = _of_others(drafted, standing)
    merged = _merged(drafted, stays)
    at_span = {(span.start, span.end): at for at, span in enumerate(drafted.spans)}
    typed: dict[int, dict[int, int]] = {}
    kept: set[tuple[Any, ...]] = set()
    mine = [cell for cell in standing.cells if cell["measure"] == drafted.measure]
    for cell in mine:
        at = merged.place.get(cell["node_id"])
        span = at_span.get((cell["period_start"], cell["period_end"]))
        if cell["manual"] and at is not None and span is not None and (at, span) != (0, 0):
            typed.setdefault(at, {})[span] = int(Decimal(cell["amount"]).scaleb(drafted.places))
            kept.add(key_of(cell))
    change = Change(nodes=_rows(drafted.tree, stays, standing.nodes))
    rows = {key_of(row): row for row in _numbers(drafted, merged, typed)}
    change.cells = [row for key, row in rows.items() if key not in kept]
    change.cells += [taken_back(cell) for cell in mine if key_of(cell) not in rows and key_of(cell) not in kept]
    return Redrafted(change, len(kept), sum(bool(cell["manual"]) for cell in mine) - len(kept))


def spread(spans: Sequence[Span], units: int, weights: Mapping[int, int], typed: Mapping[int, int]) -> dict[int, int]:
    """A whole over its months by weights, with what was typed of quarters and months kept; by the places of the months."""
    found: dict[int, int] = {}
    for quarter in (at for at in parts_of(spans, 0) if at in typed and spans[at].kind == "quarter"):
        inside = months_of(spans, quarter)
        found |= _shared(typed[quarter], inside, weights, typed)
        units -= typed[quarter]
    return found | _shared(max(0, units), [at for at in months_of(spans) if at not in found], weights, typed)


def typed_in(spans: Sequence[Span], typed: Mapping[int, int]) -> tuple[int, bool]:
    """What was typed of the quarters and months of a whole, a month within a typed quarter not again; and whether that is all of it."""
    whole, missing = 0, False
    for part in parts_of(spans, 0):
        if part in typed:
            whole += typed[part]
            continue
        months = [at for at in months_of(spans, part) if at != part]
        whole += sum(typed.get(at, 0) for at in months)
        missing |= not months or any(at not in typed for at in months)
    return whole, not missing


def _shared(units: int, places: Sequence[int], weights: Mapping[int, int], typed: Mapping[int, int]) -> dict[int, int]:
    kept = {at: typed[place] for at, place in enumerate(places) if place in typed}
    return dict(zip(places, allocated(units, [weights[place] for place in places], kept), strict=True))


def _of_others(drafted: Drafted, standing: Standing) -> list[Mapping[str, Any]]:
    """The parts that the draft does not have and that stay: those with numbers of another measure, and what is above them."""
    rows = {row["node_id"]: row for row in standing.nodes}
    stays: set[UUID] = set()
    for cell in standing.cells:
        at: UUID | None = cell["node_id"] if cell["measure"] != drafted.measure else None
        while at is not None and at in rows and at not in stays:
            stays.add(at)
            at = rows[at]["parent_id"]
    return [row for node_id, row in rows.items() if node_id in stays and node_id not in drafted.tree.place]


def _merged(drafted: Drafted, stays: Sequence[Mapping[str, Any]]) -> Tree:
    """The tree as it stands after the draft. Raises DoesNotFit."""
    try:
        return Tree.of([*drafted.tree.nodes, *(node_of(row) for row in stays)])
    except BrokenTree as error:
        raise DoesNotFit(
            f"other measures have numbers in parts that do not fit beside those of this draft: {error} "
            "Draft by the dimensions that the plan has, or take those parts away first."
        ) from None


def node_of(row: Mapping[str, Any]) -> Node:
    """A stored row as a node."""
    return Node(row["node_id"], row["parent_id"], row["dimension"], row["value"], row["label"], row["position"])


def _numbers(drafted: Drafted, merged: Tree, typed: Mapping[int, Mapping[int, int]]) -> list[dict[str, Any]]:
    """The whole divided down the tree, of the last drafted parts their months too."""
    tree, spans = drafted.tree, drafted.spans
    months, rows = months_of(spans), []
    amounts = _amounts(drafted, merged, typed)
    for at, node in enumerate(tree.nodes):
        mine = typed.get(merged.place[node.node_id], {})
        each = {0: amounts[at]}
        if at not in tree.children and months != [0]:
            weights = dict(zip(months, drafted.shape(at, months), strict=True))
            each |= spread(spans, amounts[at], weights, mine)
        rows += [
            said(
                node.node_id,
                drafted.measure,
                spans[span].start,
                spans[span].end,
                Decimal(units).scaleb(-drafted.places),
                manual=False,
            )
            for span, units in each.items()
        ]
    return rows


def _amounts(drafted: Drafted, merged: Tree, typed: Mapping[int, Mapping[int, int]]) -> list[int]:
    """The whole divided down the tree by what each part did; what was not below anything stays unallocated.

    A part with a typed number keeps it, and the others share the rest; what is typed of all its months is typed of it.
    """
    tree = drafted.tree
    amounts = [0] * len(tree)
    amounts[0] = drafted.whole
    for at in range(len(tree)):
        children = tree.children.get(at, ())
        if not children:
            continue
        did = [max(0, drafted.did[child]) for child in children]
        elsewhere = max(0, drafted.did[at] - sum(did))
        beside = [
            typed[place][0]
            for place in merged.children.get(merged.place[tree.nodes[at].node_id], ())
            if merged.nodes[place].node_id not in tree.place and 0 in typed.get(place, {})
        ]
        kept = {}
        for place, child in enumerate(children):
            mine = typed.get(merged.place[tree.nodes[child].node_id], {})
            inside, is_all = typed_in(drafted.spans, mine)
            if 0 in mine:
                kept[place] = mine[0]
            elif mine and is_all and child not in tree.children:
                kept[place] = inside
        found = allocated(max(0, amounts[at] - sum(beside)), [*did, elsewhere], kept)
        for place, child in enumerate(children):
            inside, _ = typed_in(drafted.spans, typed.get(merged.place[tree.nodes[child].node_id], {}))
            is_free = place not in kept and child not in tree.children
            amounts[child] = max(found[place], inside) if is_free else found[place]
    return amounts


def _rows(tree: Tree, stays: Sequence[Mapping[str, Any]], stored: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The nodes as rows, and the end of those that are there and neither drafted nor stay."""
    rows: list[dict[str, Any]] = [
        {
            "node_id": node.node_id,
            "parent_id": node.parent_id,
            "dimension": node.dimension,
            "value": node.value,
            "label": node.label,
            "position": node.position,
            "organisational": all(tree.nodes[each].dimension in ("unit", "person") for each in tree.path(at)),
            "removed": False,
        }
        for at, node in enumerate(tree.nodes)
    ]
    here = {*tree.place, *(row["node_id"] for row in stays)}
    return rows + [dict(row) | {"removed": True} for row in stored if row["node_id"] not in here]
