"""What the forecast's readings look like. Money is a decimal string in `currency`; unknown is null, never 0."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import Field

from libs.common.events.base import REHEARSED_AT_ONCE
from libs.common.events.deals import DealChanged
from libs.common.web.schemas import In, Out
from services.forecast.completeness.schemas import ComparedOut
from services.forecast.periods.counting import Why
from services.forecast.rollup.standing import Bucket

By = Literal["category", "month", "region", "market", "product", "segment", "stage", "team", "owner", "unit"]
PeriodKind = Literal["month", "quarter", "year"]
Rate = Literal["constant", "booked"]


class Sum(Out):
    """A population of deals: how many, and what they are worth as far as that is known.

    `amount` adds up the `count - unpriced_count` deals whose amount and rate are known; `weighted` is the sum of
    round_half_up(amount x stage probability) per open deal, without the `unweighted_count` open deals for which amount,
    rate or probability is unknown.
    """

    count: int
    amount: Decimal
    weighted: Decimal
    unpriced_count: int
    unweighted_count: int


class Lines(Out):
    """The lines that make the forecast of a period. Each deal stands in one; together they are its total."""

    closed_won: Sum
    commit: Sum
    most_likely: Sum
    best_case: Sum
    pipeline: Sum


class Cumulative(Out):
    """The same lines, each with all surer ones included: `commit` is closed won + commit, and so on down."""

    commit: Sum
    most_likely: Sum
    best_case: Sum
    pipeline: Sum


class Beside(Out):
    """Deals that stand beside the forecast, in none of its lines.

    `held_back` (the lead is not qualified yet), `omitted` and `lost` are of the period; `carried_over` (open, close date
    before the current quarter) and `undated` stand whatever the period.
    """

    held_back: Sum
    omitted: Sum
    lost: Sum
    carried_over: Sum
    undated: Sum


class PeriodOut(Out):
    """A period of the fiscal calendar. `end` is its last day. Fiscal years are named for the year they end in."""

    key: str
    kind: PeriodKind
    label: str
    start: date
    end: date
    is_current: bool


class OrgOut(Out):
    """A unit of the organisation. `kind` is company, region, team or unassigned."""

    unit_id: UUID
    name: str
    kind: str


class BusinessDate(Out):
    """The date the reading looks from, and why.

    `live`: today, since a live change arrived within a week. `import`: the newest imported change. `chosen`: as asked.
    """

    day: date
    basis: Literal["live", "import", "chosen"]
    newest_change_at: datetime | None
    newest_delivery_at: datetime | None


class Reading(Out):
    """What every reading says about itself.

    `watermark`: everything that arrived at our door before it is in the numbers. `behind_s`: its age in seconds.
    `organisation`: rolled up by today's organisation (`is`) or by the one at both instants (`was`).
    `rate`: every deal at the rate set of its fiscal year (`constant`), or won ones at the rate of their booking day (`booked`).
    `completeness`: share of the CRMs' count and amount that ours equals by pipeline, stage and close month, the smaller of both,
    of the whole company; null unless every connection that has deals was compared within the last 24 hours. `compared` says which.
    """

    as_of: datetime
    known_at: datetime
    org: OrgOut
    organisation: Literal["is", "was"]
    currency: str
    rate: Rate
    watermark: datetime | None
    behind_s: float | None
    completeness: float | None
    compared: list[ComparedOut]
    metric_version: str
    business_date: BusinessDate


class RollupRow(Out):
    """One part of a roll-up. `key` is null for deals that have no value in this dimension.

    `key` is a line's name, a month (2026-11), the dimension's text, or the id of a unit or person. `kind` says which:
    `line`, `month`, `value`, `unit`, `owner`, or `vacant`: what is open of people who have left a unit. A person's name is not
    known here: `label` is null for owners.
    """

    key: str | None
    kind: Literal["line", "month", "value", "unit", "owner", "vacant"]
    label: str | None
    total: Sum
    lines: Lines
    beside: Beside


class Restatements(Out):
    """Wins that became known after the month they are booked in was closed, by where they count.

    `moved_in` and `kept` are in the period's closed won: booked elsewhere but counted here, and booked here and counted here
    because finance decided so. `moved_out` is not: booked here, counted elsewhere. Undecided ones count in the month in which
    they became known.
    """

    moved_in: Sum
    moved_out: Sum
    kept: Sum


class RollupReading(Reading):
    """A roll-up: its rows add up to `totals`, to the cent."""

    period: PeriodOut
    restated: Restatements
    by: By
    rows: list[RollupRow]
    totals: RollupRow


class TreeNode(Out):
    """A node of the roll-up tree: a unit (`has_children` says whether it opens), an owner (`label` is null), or its vacant line."""

    key: str
    kind: Literal["unit", "owner", "vacant"]
    unit_kind: str | None
    label: str | None
    has_children: bool
    total: Sum
    lines: Lines
    beside: Beside


class Tree(Out):
    """One level of the organisation: `path` from the company down to `node`, and the children that add up to it."""

    path: list[OrgOut]
    node: TreeNode
    children: list[TreeNode]


class MonthBar(Out):
    """One month of the fiscal year around the period. `beside` tells nothing here: only lines of the forecast."""

    month: str
    label: str
    in_period: bool
    is_current: bool
    total: Sum
    lines: Lines


class CallReading(Reading):
    """Everything the Call page shows.

    `total` is the sum of `lines`; its `weighted` is of the open ones, `landing` = closed won + weighted. `overdue` is the
    part of the open lines whose close date has passed: it is inside the lines, not beside them. `fx` = closed won at booked rates
    - closed won at constant rates, whichever of them the lines are at.
    """

    period: PeriodOut
    periods: list[PeriodOut]
    total: Sum
    landing: Decimal
    fx: Decimal
    lines: Lines
    cumulative: Cumulative
    beside: Beside
    overdue: Sum
    restated: Restatements
    tree: Tree
    months: list[MonthBar]
    is_empty: bool


class DealRow(Out):
    """A deal behind a number. `bucket` is where it stands; `version` and `valid_from` name the entry of its timeline.

    `days_in_stage`: local days from the entry into the stage to the business date. `counted_in` is the month in which a won deal
    counts, `counted_why` how that came about: `booked`, or, for one that became known after its month was closed, `decided` by
    finance or still `to_decide`. Both are null for other deals. `next_step` and `last_activity_at` are unknown, not missing, where
    they are not known. Of a deal that is split, `share` is what those are credited with together whom the number asks for,
    `amount_base` and `weighted_base` are theirs, and `whole_base` is the deal; `share` is null where a deal counts whole.
    """

    deal_id: UUID
    version: int
    valid_from: datetime
    connection: str | None
    external_id: str | None
    name: str
    bucket: Bucket
    is_overdue: bool
    state: str
    stage: str
    category: str | None
    gate: str
    amount: Decimal | None
    deal_currency: str | None
    amount_base: Decimal | None
    stage_probability: Decimal | None
    weighted_base: Decimal | None
    share: Decimal | None
    whole_base: Decimal | None
    close_date: date | None
    close_date_provisional: bool
    closed_on: date | None
    counted_in: str | None
    counted_why: Why | None
    owner_id: UUID | None
    account_id: UUID | None
    region: str | None
    market: str | None
    product: str | None
    segment: str | None
    deal_type: str
    value_basis: str
    pushes: int
    stage_entered_at: datetime
    days_in_stage: int
    next_step: str | None
    next_step_known: bool
    last_activity_at: datetime | None
    activity_known: bool


class Receipt(Out):
    """What is known of the deals behind a number. Each count but `eligible` opens its deals with `only`.

    `eligible` = `priced` + `no_amount` + `rate_missing` = `date_confirmed` + `date_provisional` + `undated`. A date is
    provisional when a machine set it or it was past when it was set. `last_change_at`: the newest change of any of them.
    """

    eligible: int
    priced: int
    no_amount: int
    rate_missing: int
    date_confirmed: int
    date_provisional: int
    undated: int
    last_change_at: datetime | None


class DealsReading(Reading):
    """The deals behind a number, page by page; `total` is of all pages and equals the roll-up's.

    `receipt` is of the whole number, whatever part of it is listed. `elsewhere`: what of `total` are shares in deals of people whom
    the reader does not see; those are counted and not listed.
    """

    period: PeriodOut | None
    bucket: Bucket | None
    total: Sum
    elsewhere: Sum
    receipt: Receipt
    restated: Restatements
    items: list[DealRow]
    next_cursor: str | None


class RehearsalIn(In):
    """Entries of deals' timelines, as the deals service would tell of them; a deal may have several."""

    entries: list[DealChanged] = Field(min_length=1, max_length=4 * REHEARSED_AT_ONCE)


class Movement(Out):
    """By how much one line of one month would differ. Undated deals stand in the month 1900-01-01."""

    month: date
    line: str
    deals: int
    amount: Decimal
    weighted: Decimal


class RehearsalOut(Out):
    """What would move, in `currency`; lines that would not are left out."""

    currency: str
    moved: list[Movement]
