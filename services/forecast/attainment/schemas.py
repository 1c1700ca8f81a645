"""What attainment looks like. Money is a decimal string in `currency`, a share a decimal string; unknown is null, never 0."""

from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from libs.common.web.schemas import Out
from services.forecast.attainment.targets import Source, State
from services.forecast.calls.schemas import NodeOut
from services.forecast.rollup.schemas import PeriodOut, Reading

Below = Literal["children", "all"]


class AttainedOut(Out):
    """A node's quota and how far it is reached.

    `state`: `set`; `zero`, expressly; `unassigned`, when a unit above has a quota of which nothing was assigned here; `blank`, when
    nobody said anything. `source`: the node's `own` number, made of the `periods` in this one, or of the nodes `below`.
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


class AttainmentReading(Reading):
    """The quota of a unit, of what is below it and of its months, beside what is closed.

    `below` is in the order of the organisation, units before people, each before what is below it. `months` + `months_unallocated` =
    the node's quota. `needed` is null without a quota above 0 and for a period that is over. `quotas_without_rate` counts quotas that
    are left out since their currency has no rate.
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
