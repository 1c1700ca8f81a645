"""What attainment looks like. Money is a decimal string in `currency`, a share a decimal string; unknown is null, never 0."""

from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from libs.common.web.schemas import Out
from services.forecast.attainment.targets import Source, State
from services.forecast.calls.schemas import NodeOut
from services.forecast.plans.schemas import CellState, Measure, PlanOut, SpanOut
from services.forecast.plans.tree import Dimension
from services.forecast.rollup.schemas import PeriodOut, Reading

Below = Literal["children", "all"]


class AttainedOut(Out):
    """A node's quota and how far it is reached.

    `state`: `set`; `zero`, expressly; `unassigned`, when a unit above has a quota of which nothing was assigned here; `blank`, when
    nobody said anything. `source`: the node's `own` number, made of the `periods` in this one, or of the nodes `below`.
    `said_by`: a number of its own, or of the periods in this one, is of the plan that holds or a quota set by hand; never of both.
    `parts` + `unallocated` = `quota`, where `parts` is the sum of the quotas right below; `over_assigned` = parts / quota - 1.
    `attainment` = closed_won / quota and `chance` = P(closed_won at the end >= quota) are null unless the quota is above 0; `gap` =
    quota - closed_won is null without one. The chance is null for a period that is over.
    """

    node: NodeOut
    parent_id: UUID | None
    depth: int
    quota: Decimal | None
    state: State
    source: Source | None
    said_by: Literal["plan", "hand"] | None
    parts: Decimal | None
    unallocated: Decimal | None
    over_assigned: Decimal | None
    closed_won: Decimal
    attainment: Decimal | None
    gap: Decimal | None
    chance: float | None


class MonthOut(Out):
    """A month of the asked node. `variance` = closed_won - quota, in full from the first day on; `..._to_date`: with the months before.

    `source`: the month's `own` quota (or those below), or an `even` share of the period's; null without one.
    """

    key: str
    label: str
    start: date
    end: date
    is_over: bool
    quota: Decimal | None
    source: Literal["own", "even"] | None
    closed_won: Decimal
    variance: Decimal | None
    quota_to_date: Decimal | None
    closed_to_date: Decimal
    variance_to_date: Decimal | None


class NeededOut(Out):
    """How much open pipeline the gap needs, by what such pipeline became in past periods; `coverage` = open / required_open.

    Null values have their `reason`; a gap that is covered needs 0 and says so. See the metric `required_open`.
    """

    metric_version: str
    required_open: Decimal | None
    open: Decimal | None
    coverage: float | None
    conversion: float | None
    reason: str | None


class HeldPlanOut(Out):
    """A version of a plan that says any of the numbers."""

    plan_id: UUID
    version: int
    name: str


class AttainmentReading(Reading):
    """The quota of a unit, of what is below it and of its months, beside what is closed.

    `below` is in the order of the organisation, units before people, each before what is below it. `months` + `months_unallocated` =
    the node's quota. `needed` is null without a quota above 0 and for a period that is over. `quotas_without_rate` counts quotas that
    are left out since their currency has no rate. `plans`: those in force whose numbers these are; of the nodes they speak of, quotas
    set by hand do not count.
    """

    metric: str
    period: PeriodOut
    deal_type: str | None
    value_basis: str
    is_over: bool
    node: AttainedOut
    below: list[AttainedOut]
    months: list[MonthOut]
    months_unallocated: Decimal | None
    needed: NeededOut | None
    quotas_without_rate: int
    plans: list[HeldPlanOut]


class PlanMonthOut(Out):
    """A month of a node. `variance` = closed - target, in full from the first day on."""

    period: str
    target: Decimal | None
    closed: Decimal | None
    variance: Decimal | None
    is_over: bool


class PlanReachedOut(Out):
    """A node of a plan: its target, what it has closed, what it will, and what the target would need.

    `closed_elsewhere`: credited to it and to nothing below it, so `closed` = the closed of those right below + this.
    `attainment`, `gap` and `chance` as in the attainment of quotas. `target_to_date`: what lies in the days that are over; `pace` = closed
    less that. `projection` is the mean, which adds up to the whole but for what is not credited below; `low` and `high` are P10
    and P90, which do not add. `required_open` = max(0, gap - expected of deals not created yet) / `conversion`; `open` is what is open
    now. `creation`: how many times as much as expected has to come of deals not created yet.

    Of margin `closed` is that of the bookings whose cost is known to the caller, `bookings_costed`, out of all `bookings`, and null where
    something was booked and no cost of it is known; both are null for other measures.
    """

    node_id: UUID
    parent_id: UUID | None
    depth: int
    dimension: Dimension
    value: str
    label: str
    path: list[str]
    has_children: bool
    target: Decimal | None
    state: CellState
    source: Literal["own", "periods", "below"] | None
    unallocated: Decimal | None
    over_assigned: Decimal | None
    closed: Decimal | None
    closed_elsewhere: Decimal | None
    bookings: Decimal | None
    bookings_costed: Decimal | None
    attainment: Decimal | None
    gap: Decimal | None
    target_to_date: Decimal | None
    pace: Decimal | None
    projection: Decimal | None
    low: Decimal | None
    high: Decimal | None
    chance: float | None
    open: Decimal | None
    required_open: Decimal | None
    creation: Decimal | None
    months: list[PlanMonthOut]


class PlanAttainmentReading(Reading):
    """The nodes of a plan beside what they have done, the asked one first, in the order of the tree.

    `unit_of_measure` is a currency, null for counts. `why_no_projection` says why there is none; `conversion`: what open pipeline
    of this age became in past periods of the plan's whole unit. `not_shown`: nodes left out beyond 200; ask for a part of the plan.
    """

    plan: PlanOut
    measure: Measure
    unit_of_measure: str | None
    period: SpanOut
    months: list[SpanOut]
    is_over: bool
    why_no_projection: str | None
    conversion: Decimal | None
    nodes: list[PlanReachedOut]
    not_shown: int
