"""What a review says, section by section. Pure.

Evidence and decisions are kept as text and read from that text alone, so these shapes never change for a `format` that was stored:
what is new gets another format. Money is in the plan's currency; unknown is null.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

from libs.common.web.schemas import Out
from services.forecast.reviews.causes import Kind

FORMAT: Final = "review-3"
"""`review-1` had a bridge from the year before alone, which said of no driver whose it was; `review-2` nothing of price."""
DECIDED: Final = "review-1"
"""The format of a decision."""

Choice = Literal["proceed", "adjust", "new_plan"]
ExpectedMeasure = Literal["bookings", "pipeline_created", "new_customers", "projection", "chance", "open"]


class Cause(Out):
    """What opened the review."""

    kind: Kind
    subject_id: UUID | None
    text: str
    since: datetime


class ReviewedPlan(Out):
    """The version that was in force when the review was opened. `places`: decimals of its money."""

    plan_id: UUID
    version: int
    name: str
    unit_id: UUID
    unit: str
    period: str
    label: str
    start: date
    last_day: date
    deal_type: str | None
    value_basis: str
    currency: str
    places: int
    rate_set: str
    active_since: datetime | None


class Distribution(Out):
    """The chance that at least so much will have been closed: exact at the targets of then, a straight line in between."""

    amounts: list[float]
    chances: list[float]


class NodeThen(Out):
    """A node of the plan as it stood: the fields of the plan's attainment, and its distribution where there was a projection."""

    node_id: UUID
    parent_id: UUID | None
    depth: int
    dimension: str
    value: str
    label: str
    path: list[str]
    target: Decimal | None
    state: str
    source: Literal["own", "periods", "below"] | None
    closed: Decimal | None
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
    from_open: Decimal | None
    from_new: Decimal | None
    landing: Distribution | None


class Beside(Out):
    """What the plan wants in another measure, of its whole unit, and what was done."""

    measure: str
    unit: str | None
    target: Decimal | None
    done: Decimal | None
    attainment: Decimal | None


class TermThen(Out):
    term: str
    amount: Decimal


class SideThen(Out):
    """A period of the bridge up to the day before `until`, with its drivers."""

    label: str
    until: date
    booked: Decimal
    opening: int
    opening_win_rate: float | None
    opening_mean_size: Decimal | None
    created: int
    created_win_rate: float | None
    created_mean_size: Decimal | None


class Bridge(Out):
    """Why the period brought more or less than that of a year before: before + terms = after, to the cent.

    `drivers`: whose drivers the period's are held against: where it is the plan, those of the year before where it states none.
    """

    drivers: Literal["plan", "prior_year"]
    before: SideThen
    after: SideThen
    change: Decimal
    terms: list[TermThen]


class DriverThen(Out):
    """Whose a driver was with which the bridge begins; its fields are those of the variance."""

    driver: Literal["opening", "creation", "win_rate", "timing", "size"]
    source: Literal["plan", "prior_year"]
    value: Decimal | None
    stated: Decimal | None
    by: Literal["win_rate", "creation", "size", "pipeline_created"] | None
    of: str | None
    assumption_id: UUID | None


class SourcedBridge(Bridge):
    """A bridge that says of each driver whose it was."""

    drivers_from: list[DriverThen]


class PricedThen(Out):
    """Won deals whose quote told list prices. `realisation`: net of list; `share`: theirs of what was booked."""

    deals: int
    realisation: float | None
    share: float | None


class PriceThen(Out):
    """Within `size`: what the period's deals brought more than at the price realisation of the year before; null where unknown."""

    amount: Decimal | None
    before: PricedThen
    after: PricedThen


class PricedBridge(SourcedBridge):
    """A bridge that says how much of size is price."""

    price: PriceThen


class StageThen(Out):
    """Open pipeline with a close date in the period, by stage. `stage` is null for deals without one."""

    stage: str | None
    count: int
    amount: Decimal
    median_days: int


class AccuracyThen(Out):
    """How right a method was at locks of closed periods, as a share of what came. No person's own figure is here."""

    method: str
    n: int
    periods: int
    wape: float | None
    bias: float | None


class Assumed(Out):
    """An assumption of the plan as it stood."""

    assumption_id: UUID
    text: str
    state: str
    is_critical: bool


class Evidence(Out):
    """The whole pack. Every figure is read at `as_of` and `known_at`.

    `not_shown`: nodes of the plan that were too many to be kept. `versions`: of the metrics that were read, `engine`: the digest
    of the projection's settings.
    """

    format: Literal["review-1", "review-2", "review-3"]
    plan: ReviewedPlan
    cause: Cause
    as_of: datetime
    known_at: datetime
    watermark: datetime | None
    completeness: float | None
    why_no_projection: str | None
    conversion: Decimal | None
    nodes: list[NodeThen]
    not_shown: int
    beside: list[Beside]
    bridge: PricedBridge | SourcedBridge | Bridge | None
    why_no_bridge: str | None
    pipeline: list[StageThen]
    pipeline_total: Decimal
    pipeline_count: int
    accuracy: list[AccuracyThen]
    why_no_accuracy: str | None
    assumptions: list[Assumed]
    engine: str | None
    versions: list[str]


class OptionNode(Out):
    """A node under an option. `change` = target - the plan's; `chance`: P(closed at the period's end >= target), by the frozen evidence."""

    node_id: UUID
    label: str
    depth: int
    target: Decimal | None
    change: Decimal | None
    chance: float | None
    required_open: Decimal | None
    creation: Decimal | None


class ChangeMade(Out):
    """Another number of a node, in the plan's currency or as a share (-0.1: a tenth less).

    `below`: of all below it in proportion, `above`: of those above by as much.
    """

    node_id: UUID
    by: Literal["amount", "share"]
    value: Decimal
    below: bool
    above: bool


class Option(Out):
    """Something that could be done. `proceed` has no id: it is always there.

    `version`: of a new plan, the draft that it is, as it stood at `sequence`. `nodes`: the whole first, as the evidence has them.
    `changed`: how many nodes have another number.
    """

    option_id: UUID | None
    kind: Choice
    name: str
    changes: list[ChangeMade]
    version: int | None
    sequence: int | None
    made_by: str | None
    nodes: list[OptionNode]
    changed: int


class Expected(Out):
    """What is expected of a decision: a measure of a node at the end of the check date, within `low` and `high`."""

    measure: ExpectedMeasure
    node_id: UUID
    label: str
    low: Decimal | None
    high: Decimal | None


class Decision(Out):
    """A decision with all options as they stood. `evidence_digest` names the evidence, `draft_version` what an adjustment began."""

    format: Literal["review-1"]
    review_id: UUID
    plan_id: UUID
    evidence_digest: str
    choice: Choice
    option_id: UUID | None
    option: str
    rationale: str
    owner: str
    check_on: date
    expected: Expected
    options: list[Option]
    draft_version: int | None
    decided_by: str
    decided_at: datetime
