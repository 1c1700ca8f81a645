"""Plans as they are made and shown. Money is a decimal string in `currency`, a share a decimal string; unknown is null, never 0."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from libs.common.events.crm import DealType, ValueBasis
from libs.common.web.schemas import In, Out
from services.forecast.plans.allocation import Method
from services.forecast.plans.states import State
from services.forecast.plans.tree import Dimension
from services.forecast.rollup.schemas import OrgOut

Measure = Literal["bookings", "margin", "pipeline_created", "new_customers"]
_BOOKINGS: tuple[Measure, ...] = ("bookings",)
PlanKind = Literal["unifying", "federated"]
CellState = Literal["set", "zero", "unassigned", "blank"]
Label = Annotated[str, Field(min_length=1, max_length=120)]
PeriodKey = Annotated[str, Field(max_length=20)]
Amount = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=4)]


class PlanIn(In):
    """A new plan, its first version a draft. Without `org` it is of the caller's own unit, without a basis of the organisation's."""

    name: Label
    period: PeriodKey
    org: UUID | None = None
    kind: PlanKind = "unifying"
    deal_type: DealType | None = None
    value_basis: ValueBasis | None = None
    measures: Annotated[list[Measure], Field(min_length=1, max_length=4)] = Field(
        default_factory=lambda: list(_BOOKINGS)
    )


class NoteIn(In):
    """Why something is done, for those who read it later."""

    note: Annotated[str, Field(max_length=2000)] = ""


class NodeIn(In):
    """A node to be put below another; with the id of one that is there, that node is changed."""

    node_id: UUID | None = None
    parent_id: UUID
    dimension: Dimension
    value: Annotated[str, Field(max_length=200)]
    label: Annotated[str, Field(max_length=120)] = ""


class CellIn(In):
    """A number of a node in a period of the plan; null takes it back, 0 is a number."""

    node_id: UUID
    period: PeriodKey
    measure: Measure = "bookings"
    amount: Amount | None


class TextIn(In):
    """What is to be done in a market, and the campaigns (by id) and promotions (by name) that are to do it."""

    market: Annotated[str, Field(max_length=200)]
    text: Annotated[str, Field(max_length=8000)]
    campaigns: Annotated[list[UUID], Field(max_length=50)] = Field(default_factory=list)
    promotions: Annotated[list[Label], Field(max_length=50)] = Field(default_factory=list)


class EditIn(In):
    """Changes of a draft, all or none of them."""

    nodes: Annotated[list[NodeIn], Field(max_length=2000)] = Field(default_factory=list)
    remove: Annotated[list[UUID], Field(max_length=2000)] = Field(default_factory=list)
    cells: Annotated[list[CellIn], Field(max_length=5000)] = Field(default_factory=list)
    texts: Annotated[list[TextIn], Field(max_length=200)] = Field(default_factory=list)


class AllocationIn(In):
    """Divide a node's number of a period over what is right below it, or over the months of that period.

    `below`: and go on so down to the last nodes. `weights`: for `custom`, by node id or by the month's key. What a person said
    themselves is kept.
    """

    node_id: UUID
    period: PeriodKey
    measure: Measure = "bookings"
    over: Literal["nodes", "months"] = "nodes"
    method: Method = "prior_year"
    weights: dict[str, Annotated[Decimal, Field(ge=0, max_digits=18)]] = Field(default_factory=dict)
    below: bool = False


class DraftIn(In):
    """Make the draft anew from what the year before brought, so much more (0.1 is a tenth), divided by these dimensions in turn."""

    measure: Measure = "bookings"
    growth: Annotated[Decimal, Field(ge=-1, le=100)]
    dimensions: Annotated[list[Dimension], Field(min_length=1, max_length=4)]


class EntryOut(Out):
    """What was done with a version, by whom, when and why."""

    sequence: int
    kind: str
    what: str
    note: str | None
    made_by: str
    made_at: datetime


class VersionOut(Out):
    """A version as it stands. `sequence` grows with everything that is done with it and is its ETag."""

    version: int
    state: State
    sequence: int
    authors: list[str]
    approved_by: str | None
    active_since: datetime | None
    superseded_at: datetime | None
    entries: list[EntryOut]


class SpanOut(Out):
    """A period of the plan, as it was when the plan was made. `end` is its last day."""

    key: str
    label: str
    kind: Literal["year", "quarter", "month"]
    start: date
    end: date


class PlanOut(Out):
    """A plan with one of its versions: the one asked for, else the newest. `rate_set`: the rates that it is reckoned at."""

    plan_id: UUID
    name: str
    kind: PlanKind
    org: OrgOut
    period: SpanOut
    deal_type: str | None
    value_basis: str
    measures: list[Measure]
    currency: str
    rate_set: str
    made_by: str
    made_at: datetime
    version: int
    state: State
    sequence: int
    versions: list[VersionOut]


class BoundOut(Out):
    """What a plan in force of a unit above wants of this plan's unit, in bookings of the whole period, and what this one says.

    `gap`: how much more this one says; null where it says nothing or in another currency. All is null without such a plan.
    """

    plan_id: UUID | None = None
    name: str | None = None
    version: int | None = None
    amount: Decimal | None = None
    currency: str | None = None
    said: Decimal | None = None
    gap: Decimal | None = None


class PlansOut(Out):
    items: list[PlanOut]


class CellOut(Out):
    """What is wanted of a node in a period.

    `state`: `set`; `zero`, expressly; `unassigned`, when something above has a number of which nothing was assigned here; `blank`,
    when nobody said anything. `source`: its `own` number, made of the `periods` in this one, or of the nodes `below`. `manual`: a
    person said it. `parts` + `unallocated` = `amount`; `over_assigned` = parts / amount - 1, null unless both are known and
    the amount is above 0.
    """

    period: str
    amount: Decimal | None
    state: CellState
    source: Literal["own", "periods", "below"] | None
    manual: bool
    parts: Decimal | None
    unallocated: Decimal | None
    over_assigned: Decimal | None


class PlanNodeOut(Out):
    """A node with its numbers. `path`: the labels from the root to it."""

    node_id: UUID
    parent_id: UUID | None
    depth: int
    dimension: Dimension
    value: str
    label: str
    path: list[str]
    has_children: bool
    cells: list[CellOut]


class PlanTreeOut(Out):
    """Nodes of a version in one measure: the asked one and what is below it, as far as asked. `of` counts all nodes of the plan.

    `currency` is null for counts.
    """

    plan: PlanOut
    measure: Measure
    currency: str | None
    periods: list[SpanOut]
    nodes: list[PlanNodeOut]
    of: int


class PartOut(Out):
    value: str
    label: str
    amount: Decimal | None


class ViewOut(Out):
    """The plan cut by a dimension wherever that stands in it: `parts` + `unallocated` = `amount`."""

    plan_id: UUID
    version: int
    measure: Measure
    currency: str | None
    dimension: Dimension
    period: str
    amount: Decimal | None
    parts: list[PartOut]
    unallocated: Decimal | None


class TextOut(Out):
    market: str
    text: str
    campaigns: list[UUID]
    promotions: list[str]


class TextsOut(Out):
    """What a version says of markets."""

    plan_id: UUID
    version: int
    items: list[TextOut]


class ChangedOut(Out):
    """A number that two versions do not share. `node`: the labels of its path; `change` counts a missing number as 0."""

    node_id: UUID
    node: list[str]
    measure: Measure
    period: str
    before: Decimal | None
    after: Decimal | None
    change: Decimal


class DifferenceOut(Out):
    """What changed from one version to another: nodes, numbers that were said, and the whole."""

    plan_id: UUID
    since: int
    to: int
    added: list[list[str]]
    removed: list[list[str]]
    changed: list[ChangedOut]
    texts: list[str]
    not_listed: int


class RefusedRow(Out):
    """A line of a file that was not taken, and why."""

    line: int
    column: str | None
    reason: str


class PlanImportOut(Out):
    """What became of a file: lines taken and refused. Nothing else of the plan was changed."""

    dry_run: bool
    rows: int
    accepted: int
    new_nodes: int
    refused: list[RefusedRow]


class CapacityOut(Out):
    """Whether a node has ever done what is wanted of it: its best year of those before, and from how many closed years that is known.

    `needs` = wanted / best: 1.18 is 118 % of what it has ever done. Null, with a `reason`, where that is not known.
    """

    node_id: UUID
    label: str
    wanted: Decimal | None
    best: Decimal | None
    best_period: str | None
    periods: int
    needs: Decimal | None
    reason: str | None


class CapacitiesOut(Out):
    plan_id: UUID
    version: int
    measure: Measure
    currency: str | None
    items: list[CapacityOut]
