"""Options side by side: every node's target, chance and need under each, by the evidence alone. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.forecast.attainment.reached import needed
from services.forecast.reviews.chances import at_least
from services.forecast.reviews.document import ChangeMade, Evidence, NodeThen, Option, OptionNode
from services.forecast.reviews.options import CannotChange, Change, Changed, Part, changed


def proceed(evidence: Evidence) -> Option:
    """The plan as it is."""
    return _option(evidence, {}, kind="proceed", name="Proceed with the plan as it is")


def adjusted(evidence: Evidence, row: Mapping[str, Any]) -> Option:
    """The plan with changed targets; `row` is a stored option. Raises CannotChange."""
    changes = [ChangeMade.model_validate(each) for each in row["changes"]]
    after = applied(evidence, changes)
    places = evidence.plan.places
    targets = {node: None if units is None else Decimal(units).scaleb(-places) for node, units in after.targets.items()}
    return _option(evidence, targets, kind="adjust", name=row["name"], row=row, changes=changes)


def another(
    evidence: Evidence, row: Mapping[str, Any], targets: Mapping[UUID, Decimal | None], sequence: int
) -> Option:
    """Another version of the plan, whose targets of the whole period are given; nodes that it has not have none."""
    every = {node.node_id: targets.get(node.node_id) for node in evidence.nodes}
    return _option(evidence, every, kind="new_plan", name=row["name"], row=row, sequence=sequence)


def applied(evidence: Evidence, changes: Sequence[ChangeMade]) -> Changed:
    """The numbers of all nodes after changes, in minor units. Raises CannotChange."""
    places = evidence.plan.places
    if evidence.not_shown and any(each.below for each in changes):
        raise CannotChange(
            f"the evidence keeps {len(evidence.nodes)} of {len(evidence.nodes) + evidence.not_shown} parts, so nothing can be "
            "changed with all that is below it; change the parts themselves"
        )
    parts = [
        Part(
            node.node_id,
            node.parent_id,
            node.label,
            None if node.target is None else int(node.target.scaleb(places)),
            node.source,
        )
        for node in evidence.nodes
    ]
    wanted = [
        Change(
            each.node_id,
            each.by,
            each.value.scaleb(places) if each.by == "amount" else each.value,
            each.below,
            each.above,
        )
        for each in changes
    ]
    return changed(parts, wanted)


def _option(
    evidence: Evidence,
    targets: Mapping[UUID, Decimal | None],
    *,
    kind: Any,
    name: str,
    row: Mapping[str, Any] | None = None,
    changes: Sequence[ChangeMade] = (),
    sequence: int | None = None,
) -> Option:
    nodes = [_node(evidence, node, targets.get(node.node_id, node.target)) for node in evidence.nodes]
    before = {node.node_id: node.target for node in evidence.nodes}
    return Option(
        option_id=row["option_id"] if row else None,
        kind=kind,
        name=name,
        changes=list(changes),
        version=row["version"] if row else None,
        sequence=sequence,
        made_by=row["made_by"] if row else None,
        nodes=nodes,
        changed=sum(each.target != before[each.node_id] for each in nodes),
    )


def _node(evidence: Evidence, node: NodeThen, target: Decimal | None) -> OptionNode:
    chance: float | None = None
    if target is not None and target > 0 and node.landing is not None and node.closed is not None:
        landing = node.landing
        chance = at_least(node.closed, landing.amounts, landing.chances, target)
        if target == node.target and node.chance is not None:
            chance = node.chance
    need: dict[str, Decimal | None] = {"required_open": None, "creation": None}
    if None not in (target, node.closed, node.from_open, node.from_new):
        gap = (target or Decimal()) - (node.closed or Decimal())
        opened, new = node.from_open or Decimal(), node.from_new or Decimal()
        need = needed(gap, opened, new, evidence.conversion, evidence.plan.places)
    return OptionNode(
        node_id=node.node_id,
        label=node.label,
        depth=node.depth,
        target=target,
        change=None if target is None or node.target is None else target - node.target,
        chance=chance,
        **need,
    )
