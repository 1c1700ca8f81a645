"""What metrics look like. Money is a decimal string in `currency`, a share a number in [0, 1]; unknown is null, never 0."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from libs.common.web.schemas import Out
from services.forecast.metrics.formulas.figures import Unit
from services.forecast.rollup.schemas import PeriodOut, Reading

By = Literal[
    "none", "region", "market", "product", "segment", "source", "deal_type", "owner", "team", "unit", "stage", "warning"
]
Kind = Literal["total", "value", "unit", "owner", "stage", "warning"]
Number = Decimal | int | float


class ContractOut(Out):
    """What a metric promises. `version` (name-number) comes with every answer; a definition changes only with it.

    `unit` is the value's; `numerator` and `denominator` have their own, null where the formula has no such sides.
    `cuts`: what it can be cut by. `left_out`: deal types that it leaves out unless asked for.
    """

    name: str
    title: str
    version: str
    formula: str
    grain: str
    clock: str
    currency_rule: str
    unknown: str
    unit: Unit
    numerator: Unit | None
    denominator: Unit | None
    cuts: list[By]
    left_out: list[str]
    takes_target: bool


class ContractsOut(Out):
    """All metrics there are."""

    items: list[ContractOut]


class IntervalOut(Out):
    """Where the share is, at 95 %. Intervals of parts do not add."""

    low: float
    high: float


class FactorOut(Out):
    """A number that the value was made from, from `n` deals."""

    name: str
    unit: Unit
    value: Number | None
    n: int | None


class PartOut(Out):
    """A metric of one part. Without a value `reason` says why; a value may have one too, such as "covered".

    `key` is null for deals without a value in this dimension. `n`: deals that were counted; `unknown`: left out since
    something about them is not known. `median` and `p75` are of this part alone.
    """

    key: str | None
    kind: Kind
    label: str | None
    value: Number | None
    reason: str | None
    n: int
    unknown: int
    numerator: Number | None
    denominator: Number | None
    interval: IntervalOut | None
    median: float | None
    p75: float | None
    factors: list[FactorOut]


class MetricOut(Out):
    """A metric cut by one dimension. Where `adds`, the rows' n, numerators and denominators add to the total's."""

    metric_version: str
    metric: str
    contract: ContractOut
    by: By
    left_out: list[str]
    adds: bool
    rows: list[PartOut]
    total: PartOut


class MetricReading(Reading):
    """A metric of a period, cut by one dimension. Where `adds`, the rows' n, numerators and denominators add to the total's."""

    metric: str
    contract: ContractOut
    period: PeriodOut
    by: By
    left_out: list[str]
    adds: bool
    rows: list[PartOut]
    total: PartOut


class OverviewReading(Reading):
    """All metrics of a period at once, as the contracts are ordered; each carries its own version."""

    period: PeriodOut
    items: list[MetricOut]


class MetricDealOut(Out):
    """A deal behind a metric: its role, on which sides of the formula it stands, and with what.

    `amount` is in the reading's currency, as the metric counts it; `span_days` what it was measured to take. Null: unknown,
    or no matter here. `slot` is the stage, warning, day or past period that it is counted under; `actor_id`
    who acted then, where the metric is about that.
    """

    deal_id: UUID
    name: str
    role: str
    in_numerator: bool
    in_denominator: bool
    slot: str | None
    actor_id: UUID | None
    amount: Decimal | None
    span_days: float | None
    version: int
    valid_from: datetime
    state: str
    pipeline: str
    stage: str
    stage_entered_at: datetime
    category: str | None
    close_date: date | None
    closed_on: date | None
    created_at: datetime
    owner_id: UUID | None
    region: str | None
    market: str | None
    product: str | None
    segment: str | None
    source: str | None
    deal_type: str
    value_basis: str
    loss_reason: str | None
    pushes: int


class MetricDealsReading(Reading):
    """The deals behind a part of a metric, greatest amount first; `part` is the part itself, made of all pages."""

    metric: str
    contract: ContractOut
    period: PeriodOut
    by: By
    left_out: list[str]
    part: PartOut
    count: int
    items: list[MetricDealOut]
    next_cursor: str | None
