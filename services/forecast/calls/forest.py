"""The organisation with what the CRM says and what people said, from one reading: the ground of every number of calls."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock, money
from libs.common.web.auth import Principal
from services.forecast.calls import repository, wanted
from services.forecast.calls.repository import Population
from services.forecast.calls.steps import InForce, Landing, Node, NodeKey, land, walk
from services.forecast.organisation import service as organisations
from services.forecast.organisation.tree import Organisation, Unit
from services.forecast.readings import call as readings
from services.forecast.readings.asked import Filters, Question
from services.forecast.rollup.cells import NOBODY
from services.forecast.rollup.schemas import RollupReading, RollupRow


@dataclass(frozen=True, slots=True)
class Moment:
    """The clocks to read by; None is the present. `day` is the business date, if it is to be another than the clocks'."""

    as_of: datetime | None = None
    known_at: datetime | None = None
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Forest:
    """The asked unit with everything below it, as one population at one moment."""

    reading: RollupReading
    population: Population
    root: Node
    landings: Mapping[NodeKey, Landing]
    calls: list[dict[str, Any]]
    adjustments: list[dict[str, Any]]

    def find(self, key: NodeKey) -> Node | None:
        return next((node for node in walk(self.root) if node.key == key), None)


async def grow(
    session: AsyncSession, population: Population, *, org: UUID | None, moment: Moment, principal: Principal
) -> Forest:
    """One reading by owner, one statement each for calls, adjustments and quotas, put together along the organisation.

    Raises what a reading raises: UnreadablePeriod, UnknownUnit, UnitOutOfScope.
    """
    question = Question(
        period=population.period_key,
        org=org,
        day=moment.day,
        as_of=moment.as_of,
        known_at=moment.known_at,
        filters=Filters(deal_type=population.deal_type, value_basis=population.value_basis),
    )
    reading = await readings.rollup(session, question, by="owner", principal=principal)
    clocks: dict[str, Any] = {"known_at": moment.known_at, "principal": principal}
    calls = await repository.in_force(session, population, as_of=moment.as_of, **clocks)
    adjustments = await repository.adjustments_in_force(
        session, population, as_of=moment.as_of or clock.now(), **clocks
    )
    span = population.period_start, population.period_end
    quotas = {
        each.node: each.amount
        for each in await wanted.quotas(session, population, as_of=moment.as_of, **clocks)
        if (each.start, each.end) == span
    }
    rows = {UUID(row.key) if row.key else NOBODY: row for row in reading.rows}
    said = [NodeKey(row["node_kind"], row["node_id"]) for row in (*calls, *adjustments)] + list(quotas)
    persons = rows.keys() | {key.id for key in said if key.kind == "person"}
    organised = await organisations.read(session, reading.organisation, as_of=reading.as_of, known_at=reading.known_at)
    root = plant(organised, reading.org.unit_id, persons, rows, principal=principal)
    zero = money.quantise(Decimal(), reading.currency)
    _note(root, calls, adjustments, quotas, zero)
    return Forest(reading, population, root, land(root, zero), calls, adjustments)


def plant(
    organised: Organisation,
    top: UUID,
    persons: Collection[UUID],
    rows: Mapping[UUID, RollupRow],
    *,
    principal: Principal,
) -> Node:
    """The tree below `top` as the reading's organisation has it. A unit is met once, even where units point in a circle."""
    scope = set(principal.scope)
    within = organised.within(scope)
    members: dict[UUID, list[UUID]] = defaultdict(list)
    for person in sorted(persons):
        members[organised.unit_of(person)].append(person)
    seen: set[UUID] = set()

    def is_visible(unit: Unit) -> bool:
        return unit.unit_id not in seen and (unit.unit_id in within or bool(scope & organised.below(unit.unit_id)))

    def unit_node(unit_id: UUID, parent: UUID | None) -> Node:
        seen.add(unit_id)
        unit = organised.units.get(unit_id)
        node = Node(NodeKey("unit", unit_id), unit.name if unit else None, unit.kind if unit else None, parent)
        node.children = [
            unit_node(each.unit_id, unit_id) for each in organised.children(unit_id, removed=True) if is_visible(each)
        ]
        node.children += [_person(each, unit_id, rows.get(each)) for each in members[unit_id]]
        return node

    above = organised.path(top)[:-1]
    return unit_node(top, above[-1] if above else None)


def _person(person: UUID, unit: UUID, row: RollupRow | None) -> Node:
    node = Node(NodeKey("person", person), parent=unit, reading=row)
    if row is not None:
        node.closed_won, node.commit = row.lines.closed_won.amount, row.lines.commit.amount
        node.weighted = row.total.weighted
        if row.kind == "vacant":
            node.is_vacant, node.label = True, row.label
    return node


def _note(
    root: Node,
    calls: list[dict[str, Any]],
    adjustments: list[dict[str, Any]],
    quotas: Mapping[NodeKey, Decimal],
    zero: Decimal,
) -> None:
    """Write on every node what was said of it."""
    standing = {
        NodeKey(row["node_kind"], row["node_id"]): InForce(
            row["submission_id"], row["person"], row["amount"], row["made_at"]
        )
        for row in calls
        if row["stands"]
    }
    deltas: dict[NodeKey, Decimal] = defaultdict(lambda: zero)
    for row in adjustments:
        deltas[NodeKey(row["node_kind"], row["node_id"])] += row["delta"]
    for node in walk(root):
        node.call, node.quota = standing.get(node.key), quotas.get(node.key)
        node.adjustment = deltas[node.key]
