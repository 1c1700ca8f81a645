"""A draft from what the year before brought: in one step the tree, its numbers and their months."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.ids import UNASSIGNED_UNIT, entity_id
from libs.common.web.auth import Principal
from libs.common.web.errors import Conflict
from services.forecast.config import settings_of
from services.forecast.history.columns import Columns, day_number
from services.forecast.organisation.tree import Organisation
from services.forecast.plans import editing, facts, repository, service
from services.forecast.plans.allocation import grown
from services.forecast.plans.changes import Standing
from services.forecast.plans.content import places_of
from services.forecast.plans.crediting import column_of, credited
from services.forecast.plans.editing import BadNode
from services.forecast.plans.redraft import DoesNotFit, Drafted, Redrafted, adopted, redrafted
from services.forecast.plans.schemas import DraftIn
from services.forecast.plans.service import Found
from services.forecast.plans.spans import of_document
from services.forecast.plans.tree import Node, Tree
from services.forecast.readings.asked import Asked

MOST_LISTED: Final = 400
"""Values of one dimension below one node; rarer ones stay in what is unallocated."""


class NothingBefore(Conflict):
    """The year before brought nothing, so there is nothing to draft from."""


@dataclass(frozen=True)
class _Ground:
    """What a draft is made from."""

    asked: Asked
    organised: Organisation
    columns: Columns
    did: facts.Happened


async def draft(
    session: AsyncSession, plan_id: UUID, wanted: DraftIn, *, if_match: str | None, principal: Principal
) -> Found:
    """Put in place of what the draft has: nodes by the dimensions in turn, each with its share, the last ones with their months.

    What a person typed into a part that is still there is kept, and so is what other measures have (`redraft`). Raises what `service.open_draft` raises, BadNode, facts.CostsUnknown, NothingBefore.
    """
    found = await service.open_draft(session, plan_id, if_match=if_match, principal=principal)
    if wanted.measure not in found.row["measures"]:
        raise service.MeasureNotPlanned(f"measure: plan {found.row['name']!r} is not of {wanted.measure}.")
    if len(set(wanted.dimensions)) < len(wanted.dimensions):
        raise BadNode("dimensions: each divides once.")
    if "deal_type" in wanted.dimensions and found.row["deal_type"] is not None:
        raise BadNode(f"dimensions: the plan is of {found.row['deal_type']} deals alone; types are never mixed.")
    asked, population, organised = await facts.ground(session, found, principal=principal)
    zone = ZoneInfo(settings_of(session).org_timezone)
    standing = Standing(
        await repository.nodes(session, plan_id, found.version.version, principal=principal),
        await repository.standing(session, plan_id, found.version.version, principal=principal),
    )
    costed = await facts.shares(session, asked, wanted.measure, principal=principal)

    def worked() -> Redrafted | None:
        did = facts.happened(wanted.measure, population, zone, costed)
        return _drafted(found, wanted, _Ground(asked, organised, population.columns, did), standing)

    made = await asyncio.to_thread(worked)
    if made is None:
        raise NothingBefore(
            f"The year before {found.row['period_key']} brought nothing within {found.row['unit_name']}; give the first number yourself."
        )
    what = f"drafted from the year before, {wanted.growth * 100:+.1f} %, by {', '.join(wanted.dimensions)}{made.typed}"
    return await editing.take(session, found, made.change, what=what, principal=principal)


def _drafted(found: Found, wanted: DraftIn, on: _Ground, standing: Standing) -> Redrafted | None:
    spans = [of_document(each) for each in found.row["spans"]]
    before = [facts.year_before(on.asked.calendar, span) for span in spans]
    start, end = before[0]
    if not on.did.is_whole(start, end):
        raise facts.CostsUnknown(f"measure: {facts.COSTS_UNKNOWN}")
    inside = _within(on.did, start, end)
    if not inside.units.sum():
        return None
    root = Node(service.root_of(found.row["plan_id"]), None, "unit", str(found.row["unit_id"]), found.row["unit_name"])
    nodes = [root]
    _grow(nodes, root, list(wanted.dimensions), on, inside, found.row["plan_id"])
    if len(nodes) > editing.MOST_NODES:
        raise BadNode(f"dimensions: this makes {len(nodes)} nodes, a plan has at most {editing.MOST_NODES}.")
    tree = Tree.of(adopted(nodes, standing.nodes))
    known = facts.Closed(
        facts.by_period(tree, credited(tree, on.organised, on.columns, inside.rows, inside.owner), inside, before),
        np.zeros(len(tree), dtype=np.int64),
        None,
    )
    drafted = Drafted(
        measure=wanted.measure,
        places=places_of(wanted.measure, found.row["currency"]),
        spans=spans,
        tree=tree,
        did=known.before[:, 0].tolist(),
        whole=grown(int(known.before[0, 0]), wanted.growth),
        shape=lambda at, months: known.shape(tree, at, months),
    )
    try:
        return redrafted(drafted, standing)
    except DoesNotFit as error:
        raise BadNode(f"dimensions: {error}") from None


def _within(did: facts.Happened, start: Any, end: Any) -> facts.Happened:
    return did.where((did.day >= day_number(start)) & (did.day < day_number(end)))


def _grow(
    nodes: list[Node], above: Node, dimensions: Sequence[Any], on: _Ground, did: facts.Happened, plan_id: UUID
) -> None:
    """Put nodes below one: of a unit its units down to the last, then what the next dimension has among its deals."""
    if not dimensions:
        return
    first, *others = dimensions
    if first == "unit":
        units = [unit for unit in on.organised.children(UUID(above.value)) if unit.unit_id != UNASSIGNED_UNIT]
        owners = _units_of(on, did)
        for place, unit in enumerate(units):
            node = _below(plan_id, above, "unit", str(unit.unit_id), unit.name, place)
            nodes.append(node)
            within = on.organised.below(unit.unit_id)
            _grow(
                nodes,
                node,
                dimensions,
                on,
                did.where(np.array([each in within for each in owners], dtype=bool)),
                plan_id,
            )
        if not units:
            _grow(nodes, above, others, on, did, plan_id)
        return
    column = column_of(first)
    codes = did.owner if column == "owner" else getattr(on.columns, column)[did.rows]
    for place, (value, label, of_value) in enumerate(_values(first, on, codes, did.units)):
        node = _below(plan_id, above, first, value, label, place)
        nodes.append(node)
        _grow(nodes, node, others, on, did.where(codes == of_value), plan_id)


def _units_of(on: _Ground, did: facts.Happened) -> list[UUID]:
    texts = on.columns.words["owner"].texts
    return [on.organised.unit_of(UUID(text) if (text := texts[code]) else None) for code in did.owner.tolist()]


def _values(dimension: str, on: _Ground, codes: Any, units: Any) -> Iterator[tuple[str, str, int]]:
    """What the deals have in a dimension, by name; who has left is wanted nothing of, and what is not known is no part.

    Of more than are listed those with the most are.
    """
    texts = on.columns.words[column_of(dimension)].texts
    present, places = np.unique(codes, return_inverse=True)
    did = np.zeros(len(present), dtype=np.int64)
    np.add.at(did, places, units)
    named = [
        (-amount, texts[code], code)
        for code, amount in zip(present.tolist(), did.tolist(), strict=True)
        if texts[code] and not (dimension == "person" and UUID(texts[code]) in on.organised.gone)
    ]
    for _, text, code in sorted(sorted(named)[:MOST_LISTED], key=lambda each: each[1]):
        yield text, f"Person {text[:8]}" if dimension == "person" else text, code


def _below(plan_id: UUID, above: Node, dimension: Any, value: str, label: str, place: int) -> Node:
    """A node with an id of its path, so that drafting again changes the nodes that are there."""
    name = f"{plan_id}:{above.node_id}:{dimension}:{value}"
    return Node(entity_id("foretell", "plan-node", name), above.node_id, dimension, value, label, place)
