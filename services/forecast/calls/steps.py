"""From the CRM's number to the one that stands, step by step up the organisation. Pure.

crm: closed won + commit. reps: the people's own calls. managers: a node's own call, or what its children make. adjusted: with
what superiors added. A person without a call is taken at the CRM's number and counted, never at 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from uuid import UUID

NodeKind = Literal["unit", "person"]


class NodeKey(NamedTuple):
    """A unit, or a person's own deals."""

    kind: NodeKind
    id: UUID


class PlanRef(NamedTuple):
    """The version of a plan that says a number."""

    plan_id: UUID
    version: int
    name: str


class Quota(NamedTuple):
    """What a node is to bring in a period, in the currency it was said in. `end` is exclusive. `plan`: None if set by hand."""

    node: NodeKey
    start: date
    end: date
    amount: Decimal
    currency: str
    plan: PlanRef | None = None


@dataclass(frozen=True, slots=True)
class InForce:
    """The call that stands at a node."""

    submission_id: UUID
    person: str
    amount: Decimal
    made_at: datetime


@dataclass(slots=True)
class Node:
    """A node with what was said of it. `closed_won`, `commit` and `weighted` are of persons only; units add them up.

    `is_vacant`: the line of those who have left, for which nobody calls and of which nothing is wanted.
    """

    key: NodeKey
    label: str | None = None
    unit_kind: str | None = None
    parent: UUID | None = None
    closed_won: Decimal = Decimal()
    commit: Decimal = Decimal()
    weighted: Decimal = Decimal()
    reading: Any = None
    call: InForce | None = None
    adjustment: Decimal = Decimal()
    quota: Decimal | None = None
    children: list["Node"] = field(default_factory=list)
    is_vacant: bool = False


@dataclass(frozen=True, slots=True)
class Landing:
    """What a node comes to. `from_crm` of `of` calls below it are the CRM's number; both are of the number that stands.

    `children` and its counts are what the nodes below make, whether or not an own call stands above them.
    """

    closed_won: Decimal = Decimal()
    commit: Decimal = Decimal()
    weighted: Decimal = Decimal()
    reps: Decimal = Decimal()
    managers: Decimal = Decimal()
    adjusted: Decimal = Decimal()
    from_crm: int = 0
    of: int = 0
    children: Decimal = Decimal()
    children_from_crm: int = 0
    children_of: int = 0

    @property
    def crm(self) -> Decimal:
        return self.closed_won + self.commit


def land(root: Node, zero: Decimal = Decimal()) -> dict[NodeKey, Landing]:
    """The landing of a node and of every node below it. `zero` has the decimals that sums are to have."""
    landings: dict[NodeKey, Landing] = {}
    for node in _bottom_up(root):
        landings[node.key] = _of(node, [landings[child.key] for child in node.children], zero)
    return landings


def _of(node: Node, below: list[Landing], zero: Decimal) -> Landing:
    call = node.call.amount if node.call else None
    if node.key.kind == "person":
        crm = zero + node.closed_won + node.commit
        number = crm if call is None else call
        return Landing(
            closed_won=zero + node.closed_won,
            commit=zero + node.commit,
            weighted=zero + node.weighted,
            reps=number,
            managers=number,
            adjusted=number + node.adjustment,
            from_crm=int(call is None and not node.is_vacant),
            of=int(not node.is_vacant),
        )
    children = sum((child.managers for child in below), zero)
    from_crm, of = sum(child.from_crm for child in below), sum(child.of for child in below)
    adjusted = sum((child.adjusted for child in below), zero) if call is None else call
    return Landing(
        closed_won=sum((child.closed_won for child in below), zero),
        commit=sum((child.commit for child in below), zero),
        weighted=sum((child.weighted for child in below), zero),
        reps=sum((child.reps for child in below), zero),
        managers=children if call is None else call,
        adjusted=adjusted + node.adjustment,
        from_crm=from_crm if call is None else 0,
        of=of if call is None else 1,
        children=children,
        children_from_crm=from_crm,
        children_of=of,
    )


def walk(root: Node) -> Iterator[Node]:
    """The node and all below it, parents first."""
    yield root
    for child in root.children:
        yield from walk(child)


def _bottom_up(root: Node) -> list[Node]:
    return list(walk(root))[::-1]
