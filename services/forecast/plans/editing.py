"""Changing a draft: nodes, numbers and texts, and dividing a number over parts. All of a change is taken, or none of it."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.ids import new_id
from libs.common.web.auth import Principal
from libs.common.web.errors import Invalid
from services.forecast.organisation import service as organisations
from services.forecast.organisation.tree import Organisation
from services.forecast.plans import facts, repository, service
from services.forecast.plans.allocation import ACTUALS, allocated
from services.forecast.plans.changes import Change, Standing, key_of, said, taken_back
from services.forecast.plans.content import Content, places_of
from services.forecast.plans.schemas import AllocationIn, CellIn, EditIn, NodeIn
from services.forecast.plans.service import Found
from services.forecast.plans.spans import months_of, of_document
from services.forecast.plans.tree import ORGANISATIONAL, BrokenTree, Node, Tree

MOST_NODES: Final = 20_000


class BadNode(Invalid):
    """A node that this plan cannot have."""


class BadAmount(Invalid):
    """A number that this plan cannot have."""


class SaidTwice(Invalid):
    """An edit says two things of one node, number or market."""


class NothingToDivide(Invalid):
    """There is no number, or nothing to divide it over."""


async def edit(
    session: AsyncSession, plan_id: UUID, wanted: EditIn, *, if_match: str | None, principal: Principal
) -> Found:
    """Take a change of a draft. Raises what `service.open_draft` raises, BadNode, BadAmount, SaidTwice."""
    found = await service.open_draft(session, plan_id, if_match=if_match, principal=principal)
    version = found.version.version
    standing = Standing(
        await repository.nodes(session, plan_id, version, principal=principal),
        await repository.standing(session, plan_id, version, principal=principal) if wanted.remove else (),
    )
    organised = await organised_now(session) if wanted.nodes else None
    change = await asyncio.to_thread(edited, found, wanted, standing, organised)
    what = ", ".join(
        f"{len(rows)} {name}"
        for name, rows in (("nodes", change.nodes), ("numbers", change.cells), ("texts", change.texts))
        if rows
    )
    return await take(session, found, change, what=what or "nothing", principal=principal)


def edited(found: Found, wanted: EditIn, standing: Standing, organised: Organisation | None) -> Change:
    """What an edit appends to what stands; a part that goes takes its numbers along. Raises BadNode, BadAmount, SaidTwice."""
    known = {row["node_id"]: dict(row) for row in standing.nodes}
    change = Change()
    given = _Once("nodes")
    for place, node in enumerate(wanted.nodes):
        row = node_row(found, node, known, organised, where=f"nodes.{place}")
        given.take(row["node_id"], place, f"node {row['node_id']}")
        known[row["node_id"]] = row
        change.nodes.append(row)
    removed = _removed(known, wanted.remove, service.root_of(found.row["plan_id"]))
    gone = {row["node_id"]: place for place, row in removed}
    for node_id, place in given.places.items():
        if node_id in gone:
            raise SaidTwice(f"nodes.{place}: node {node_id} is taken away by remove.{gone[node_id]}; say one of both.")
    change.nodes += [row for _, row in removed]
    check_tree(known)
    numbers, words = _Once("cells"), _Once("texts")
    for place, cell in enumerate(wanted.cells):
        row = cell_row(found, cell, known, where=f"cells.{place}")
        numbers.take(key_of(row), place, f"node {cell.node_id} in {cell.period}, {cell.measure},")
        change.cells.append(row)
    change.cells += [taken_back(cell) for cell in standing.cells if cell["node_id"] in gone]
    for place, each in enumerate(wanted.texts):
        words.take(each.market, place, f"market {each.market!r}")
        campaigns = [str(one) for one in each.campaigns]
        change.texts.append(
            {"market": each.market, "text": each.text, "campaigns": campaigns, "promotions": each.promotions}
        )
    return change


class _Once:
    """What one list of an edit has said already."""

    def __init__(self, name: str) -> None:
        self.name, self.places = name, dict[Any, int]()

    def take(self, key: Any, place: int, called: str) -> None:
        """Raises SaidTwice."""
        if key in self.places:
            raise SaidTwice(
                f"{self.name}.{place}: {called} stands at {self.name}.{self.places[key]} already; say it once."
            )
        self.places[key] = place


async def take(session: AsyncSession, found: Found, change: Change, *, what: str, principal: Principal) -> Found:
    """Append a change to an open draft, with who made it."""
    sequence = found.version.sequence + 1
    of = {"plan_id": found.row["plan_id"], "version": found.version.version, "sequence": sequence}
    await repository.append(session, "plan_node", [of | row for row in change.nodes])
    await repository.append(session, "plan_cell", [of | row for row in change.cells])
    await repository.append(session, "plan_text", [of | row for row in change.texts])
    await repository.append(session, "plan_assumption", [of | row for row in change.assumptions])
    await service.note(
        session, of["plan_id"], of["version"], "edited", what=what, sequence=sequence, principal=principal
    )
    return await service.find(session, of["plan_id"], version=of["version"], principal=principal)


async def organised_now(session: AsyncSession) -> Organisation:
    """Today's organisation, in which nodes are named."""
    now = clock.now()
    return await organisations.read(session, "is", as_of=now, known_at=now)


def check_tree(known: Mapping[UUID, Mapping[str, Any]]) -> Tree:
    """The tree of some rows. Raises BadNode for what is none, or too large."""
    if len(known) > MOST_NODES:
        raise BadNode(f"nodes: a plan has at most {MOST_NODES} nodes, this would have {len(known)}.")
    try:
        return Tree.of(
            Node(row["node_id"], row["parent_id"], row["dimension"], row["value"], row["label"], row["position"])
            for row in known.values()
        )
    except BrokenTree as error:
        raise BadNode(f"nodes: {error}") from None


def node_row(
    found: Found,
    wanted: NodeIn,
    known: Mapping[UUID, Mapping[str, Any]],
    organised: Organisation | None,
    *,
    where: str,
) -> dict[str, Any]:
    """The row of a node, put below another. Raises BadNode, which names the node by `where` and what is wrong with it."""
    above = known.get(wanted.parent_id)
    if above is None:
        raise BadNode(f"{where}.parent_id: the plan has no node {wanted.parent_id}.")
    if wanted.node_id == service.root_of(found.row["plan_id"]):
        raise BadNode(f"{where}.node_id: the root stands for the plan's unit and cannot be changed.")
    label = wanted.label or wanted.value or f"no {wanted.dimension.replace('_', ' ')}"
    if wanted.dimension in ORGANISATIONAL:
        assert organised is not None  # noqa: S101 - whoever gives nodes gives the organisation
        label = wanted.label or _named(found, wanted, organised, where)
    if wanted.dimension == "deal_type" and found.row["deal_type"] is not None:
        raise BadNode(f"{where}.dimension: the plan is of {found.row['deal_type']} deals alone; types are never mixed.")
    return {
        "node_id": wanted.node_id or new_id(),
        "parent_id": wanted.parent_id,
        "dimension": wanted.dimension,
        "value": wanted.value,
        "label": label,
        "position": len(known),
        "organisational": bool(above["organisational"]) and wanted.dimension in ORGANISATIONAL,
        "removed": False,
    }


def _named(found: Found, wanted: NodeIn, organised: Organisation, where: str) -> str:
    """What a unit is called. Raises BadNode for one that does not lie within the plan's unit: nobody plans for others."""
    try:
        identifier = UUID(wanted.value)
    except ValueError:
        raise BadNode(f"{where}.value: {wanted.value!r} is not the id of a {wanted.dimension}.") from None
    within = organised.below(found.row["unit_id"])
    if wanted.dimension == "unit":
        unit = organised.units.get(identifier)
        if unit is None or identifier not in within:
            raise BadNode(f"{where}.value: unit {identifier} does not lie within {found.row['unit_name']}.")
        return unit.name
    if identifier not in organised.places or organised.unit_of(identifier) not in within:
        raise BadNode(f"{where}.value: person {identifier} is not placed within {found.row['unit_name']}.")
    return f"Person {str(identifier)[:8]}"


def _removed(known: dict[UUID, dict[str, Any]], wanted: Sequence[UUID], root: UUID) -> list[tuple[int, dict[str, Any]]]:
    """The rows that end nodes and all below them, each with its place in `wanted`; they leave `known`. Raises BadNode."""
    below: dict[UUID | None, list[UUID]] = defaultdict(list)
    for row in known.values() if wanted else ():
        below[row["parent_id"]].append(row["node_id"])
    rows: list[tuple[int, dict[str, Any]]] = []
    ended: set[UUID] = set()
    for place, node_id in enumerate(wanted):
        if (node_id not in known and node_id not in ended) or node_id == root:
            raise BadNode(f"remove.{place}: the plan has no node {node_id}, or it is its root.")
        waiting = [node_id]
        while waiting:
            each = waiting.pop()
            if each in known:
                ended.add(each)
                rows.append((place, known.pop(each) | {"removed": True}))
                waiting += below[each]
    return rows


def cell_row(
    found: Found, cell: CellIn, known: Mapping[UUID, Mapping[str, Any]], *, where: str, manual: bool = True
) -> dict[str, Any]:
    """The row of a number. Raises BadAmount, which names it by `where` and what is wrong with it."""
    plan = found.row
    if cell.node_id not in known:
        raise BadAmount(f"{where}.node_id: the plan has no node {cell.node_id}.")
    if cell.measure not in plan["measures"]:
        raise BadAmount(
            f"{where}.measure: plan {plan['name']!r} is of {', '.join(plan['measures'])}, not of {cell.measure}; "
            "measures are never mixed."
        )
    spans = [of_document(stored) for stored in plan["spans"]]
    span = next((each for each in spans if each.key == cell.period), None)
    if span is None:
        raise BadAmount(f"{where}.period: the plan has {', '.join(each.key for each in spans)}, not {cell.period!r}.")
    places = places_of(cell.measure, plan["currency"])
    if cell.amount is not None and cell.amount != round(cell.amount, places):
        what = "a whole number" if places == 0 else f"an amount in {plan['currency']} with {places} decimals at most"
        raise BadAmount(f"{where}.amount: {cell.amount} is not {what}.")
    return said(cell.node_id, cell.measure, span.start, span.end, cell.amount, manual=manual)


async def allocate(
    session: AsyncSession, plan_id: UUID, wanted: AllocationIn, *, if_match: str | None, principal: Principal
) -> Found:
    """Divide a node's number over its parts or months. What a person said themselves is kept.

    Raises what `service.open_draft` raises, NothingToDivide, facts.CostsUnknown, NotOfThisPlan, MeasureNotPlanned.
    """
    found = await service.open_draft(session, plan_id, if_match=if_match, principal=principal)
    content = await service.content(session, found, wanted.measure, principal=principal)
    top = service.place_of(content, wanted.node_id)
    known = None
    if wanted.method in ACTUALS:
        known = await facts.closed(session, found, content, principal=principal)
        if not known.is_whole:
            raise facts.CostsUnknown(f"method: {facts.COSTS_UNKNOWN}")
    change = await asyncio.to_thread(divided, content, wanted, known)
    what = f"divided by {wanted.method.replace('_', ' ')}: {content.tree.nodes[top].label}, {wanted.period}"
    return await take(session, found, change, what=what, principal=principal)


def divided(content: Content, wanted: AllocationIn, known: "facts.Closed | None") -> Change:
    """What dividing a number appends. Raises NothingToDivide, NotOfThisPlan."""
    top, span = service.place_of(content, wanted.node_id), service.span_of(content, wanted.period)
    label = content.tree.nodes[top].label
    if not content.grid.known[top, span]:
        raise NothingToDivide(f"node_id: {label!r} has no number for {wanted.period}; give it one first.")
    cells = (_nodes if wanted.over == "nodes" else _months)(content, wanted, top, span, known)
    if not cells:
        raise NothingToDivide(
            f"node_id: there is nothing below {label!r} to divide its number over."
            if wanted.over == "nodes"
            else f"period: there are no months within {wanted.period} to divide the number over."
        )
    return Change(cells=cells)


def _nodes(
    content: Content, wanted: AllocationIn, top: int, span: int, known: "facts.Closed | None"
) -> list[dict[str, Any]]:
    """The numbers of what is right below a node, and on down if asked for."""
    tree, said_now, of = content.tree, content.said, content.spans[span]
    amounts = {top: int(content.grid.amount[top, span])}
    rows: list[dict[str, Any]] = []
    for at in range(top, int(tree.end[top])):
        children = tree.children.get(at, ())
        if not children or at not in amounts or (at != top and not wanted.below):
            continue
        kept = {
            place: int(said_now.amount[child, span])
            for place, child in enumerate(children)
            if said_now.has[child, span] and said_now.manual[child, span]
        }
        weights = _weights(wanted, [(str(tree.nodes[child].node_id), child) for child in children], known, span)
        for place, (child, units) in enumerate(zip(children, allocated(amounts[at], weights, kept), strict=True)):
            amounts[child] = units
            if place not in kept:
                rows.append(_row(content, child, of, units))
    return rows


def _months(
    content: Content, wanted: AllocationIn, top: int, span: int, known: "facts.Closed | None"
) -> list[dict[str, Any]]:
    """The months of a period, of one node, or of every last node below it."""
    tree, months = content.tree, months_of(content.spans, span)
    if months == [span]:
        return []
    nodes = [top]
    if wanted.below:
        nodes = [at for at in range(top, int(tree.end[top])) if at not in tree.children]
    rows: list[dict[str, Any]] = []
    for at in nodes:
        if not content.grid.known[at, span]:
            continue
        kept = {
            place: int(content.said.amount[at, month])
            for place, month in enumerate(months)
            if content.said.has[at, month] and content.said.manual[at, month]
        }
        weights: Sequence[Any] = [1] * len(months)
        if wanted.method == "custom":
            weights = [wanted.weights.get(content.spans[month].key, 0) for month in months]
        elif known is not None:
            weights = known.shape(tree, at, months)
        units = allocated(int(content.grid.amount[at, span]), weights, kept)
        rows += [
            _row(content, at, content.spans[month], part)
            for place, (month, part) in enumerate(zip(months, units, strict=True))
            if place not in kept
        ]
    return rows


def _weights(
    wanted: AllocationIn, children: Sequence[tuple[str, int]], known: "facts.Closed | None", span: int
) -> Sequence[Any]:
    if wanted.method == "custom":
        return [wanted.weights.get(name, 0) for name, _ in children]
    if known is None:
        return [1] * len(children)
    of = known.trailing if wanted.method == "trailing_12_months" else known.before[:, span]
    return [max(0, int(of[child])) for _, child in children]


def _row(content: Content, at: int, span: Any, units: int) -> dict[str, Any]:
    node = content.tree.nodes[at]
    return said(node.node_id, content.measure, span.start, span.end, content.amount(units), manual=False)
