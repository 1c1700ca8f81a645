"""What the forecast tells the world."""

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar, Literal
from uuid import UUID

from libs.common.events.base import EventData, Payload
from libs.common.messaging.topics import FORECAST_EVENTS, Topic


class RollupMoved(EventData):
    """Roll-up cells changed; at most one event per consumed batch. A nudge for open pages: read again."""

    TYPE: ClassVar[str] = "forecast.rollup.moved.v1"
    TOPIC: ClassVar[Topic] = FORECAST_EVENTS

    moved_at: datetime
    deal_ids: tuple[UUID, ...]
    """At most 100 of the deals that moved."""
    deal_count: int
    months: tuple[date, ...]
    """First days of the affected months."""


class CalledNode(Payload):
    """What something is said of: a unit or a person's own deals, a period, a type of deals (null: all) and a value basis."""

    node_kind: Literal["unit", "person"]
    node_id: UUID
    period_key: str
    period_start: date
    period_end: date
    """The first day after the period."""
    deal_type: str | None = None
    value_basis: str
    currency: str


class SubmissionMade(EventData, CalledNode):
    """Somebody called a landing for a node and period, closed included; it supersedes what they called there before."""

    TYPE: ClassVar[str] = "forecast.submission.made.v1"
    TOPIC: ClassVar[Topic] = FORECAST_EVENTS

    submission_id: UUID
    person: str
    amount: Decimal
    mode: Literal["own", "rollup"]
    made_at: datetime
    imported: bool


class AdjustmentState(EventData, CalledNode):
    """A delta that a superior added to a node's number."""

    TOPIC: ClassVar[Topic] = FORECAST_EVENTS

    adjustment_id: UUID
    delta: Decimal
    made_by: str
    expires_at: datetime


class AdjustmentMade(AdjustmentState):
    """A delta counts in a node's number from now on."""

    TYPE: ClassVar[str] = "forecast.adjustment.made.v1"


class AdjustmentWithdrawn(AdjustmentState):
    """A delta was taken back and counts no longer."""

    TYPE: ClassVar[str] = "forecast.adjustment.withdrawn.v1"


class AdjustmentExpired(AdjustmentState):
    """A delta has reached its expiry and counts no longer."""

    TYPE: ClassVar[str] = "forecast.adjustment.expired.v1"


class ForecastLocked(EventData):
    """Calls and readings were frozen as at `due_at`. Late: made more than an hour after it, from the two clocks."""

    TYPE: ClassVar[str] = "forecast.forecast.locked.v1"
    TOPIC: ClassVar[Topic] = FORECAST_EVENTS

    lock_id: UUID
    due_at: datetime
    made_at: datetime
    kind: Literal["weekly", "period_start", "period_end", "closed"]
    is_late: bool
    state: Literal["complete", "incomplete", "unknown"]
    periods: tuple[str, ...]


class PeriodState(EventData):
    """Finance closed a month of the fiscal calendar, or opened it again. Quarters and years follow from their months."""

    TOPIC: ClassVar[Topic] = FORECAST_EVENTS

    period: str
    """The month's key in the calendar in force, such as 2026-11."""
    start: date
    last_day: date
    changed_at: datetime


class PeriodClosed(PeriodState):
    """From now on a win that is booked in the month and was not known is a restatement."""

    TYPE: ClassVar[str] = "forecast.period.closed.v1"


class PeriodReopened(PeriodState):
    """What became known since the month was closed counts in it."""

    TYPE: ClassVar[str] = "forecast.period.reopened.v1"


class PlanState(EventData):
    """A version of a plan changed its state. `amounts`: what it wants of its unit in the whole period, by measure, where it says so."""

    TOPIC: ClassVar[Topic] = FORECAST_EVENTS

    plan_id: UUID
    version: int
    name: str
    kind: Literal["unifying", "federated"]
    unit_id: UUID
    period_key: str
    period_start: date
    period_end: date
    """The first day after the period."""
    deal_type: str | None = None
    value_basis: str
    currency: str
    amounts: dict[str, Decimal]
    made_by: str
    made_at: datetime


class PlanProposed(PlanState):
    """The authors of a version ask for it to be approved; it does not change meanwhile."""

    TYPE: ClassVar[str] = "forecast.plan.proposed.v1"


class PlanReturned(PlanState):
    """A version that was proposed is a draft again."""

    TYPE: ClassVar[str] = "forecast.plan.returned.v1"


class PlanApproved(PlanState):
    """Somebody who did not write it approved a version; from now on it never changes."""

    TYPE: ClassVar[str] = "forecast.plan.approved.v1"


class PlanActivated(PlanState):
    """From now on a version is what is wanted of its unit in its period."""

    TYPE: ClassVar[str] = "forecast.plan.activated.v1"


class PlanSuperseded(PlanState):
    """Another plan or version took the place of this one."""

    TYPE: ClassVar[str] = "forecast.plan.superseded.v1"


class AssumptionState(EventData):
    """Something that a plan in force takes for granted came to be broken, or no longer is, at a lock."""

    TOPIC: ClassVar[Topic] = FORECAST_EVENTS

    assumption_id: UUID
    plan_id: UUID
    version: int
    plan_name: str
    unit_id: UUID
    node_id: UUID
    metric: str
    """win_rate, creation, size, cycle or pushed; more may follow."""
    criticality: Literal["critical", "normal"]
    side: Literal["below", "above"]
    """On which side of what was expected it lies, or lay."""
    expected: Decimal
    tolerance: Decimal
    """A share of what is expected."""
    seen: float | None
    cases: int
    due_at: datetime
    """The instant of the lock at which it turned."""


class AssumptionBroken(AssumptionState):
    """From this lock on a plan rests on something that no longer holds."""

    TYPE: ClassVar[str] = "forecast.assumption.broken.v1"


class AssumptionCleared(AssumptionState):
    """What was broken has been within its tolerance, likelier than not, at every lock of four weeks."""

    TYPE: ClassVar[str] = "forecast.assumption.cleared.v1"


class ScorecardSigned(EventData):
    """A month's scorecard was signed. Whoever keeps `digest` can prove later that the document and all before it are unchanged."""

    TYPE: ClassVar[str] = "forecast.scorecard.signed.v1"
    TOPIC: ClassVar[Topic] = FORECAST_EVENTS

    position: int
    """The document's place in the chain of all signed ones, from 1."""
    unit_id: UUID
    period: str
    start: date
    last_day: date
    version: int
    digest: str
    previous_digest: str
    """That of the document before it in the chain; empty for the first."""
    closed: Decimal
    unmatched: Decimal | None
    """What is not matched with finance's orders; null when finance has given none."""
    currency: str
    signed_by: str
    signed_at: datetime


class ReviewOpened(EventData):
    """A plan is to be judged. `digest`: the sha256 of the evidence, by which anybody can prove later that it is unchanged."""

    TYPE: ClassVar[str] = "forecast.review.opened.v1"
    TOPIC: ClassVar[Topic] = FORECAST_EVENTS

    review_id: UUID
    plan_id: UUID
    plan_version: int
    unit_id: UUID
    kind: Literal["regular", "chance", "gap", "assumption", "by_hand"]
    subject_id: UUID | None = None
    """The node or the assumption that it is about."""
    cause: str
    since: datetime
    digest: str
    opened_by: str
    opened_at: datetime


class ReviewDecided(EventData):
    """Somebody who may approve the plan decided a review; the decision never changes."""

    TYPE: ClassVar[str] = "forecast.review.decided.v1"
    TOPIC: ClassVar[Topic] = FORECAST_EVENTS

    review_id: UUID
    plan_id: UUID
    plan_version: int
    unit_id: UUID
    evidence_digest: str
    digest: str
    """The sha256 of the decision's text, which names the evidence and holds all options."""
    choice: Literal["proceed", "adjust", "new_plan"]
    draft_version: int | None = None
    """The version that the decision begins or names."""
    owner: str
    check_on: date
    measure: str
    node_id: UUID
    low: Decimal | None = None
    high: Decimal | None = None
    decided_by: str
    decided_at: datetime


class ReviewScored(EventData):
    """What came of a decision beside what was expected, at the end of its check date; a later score does not change this one."""

    TYPE: ClassVar[str] = "forecast.review.scored.v1"
    TOPIC: ClassVar[Topic] = FORECAST_EVENTS

    review_id: UUID
    plan_id: UUID
    sequence: int
    as_of: datetime
    known_at: datetime
    outcome: Literal["hit", "missed", "unknown"]
    came: Decimal | None = None
    reason: str | None = None
    expected_low: Decimal | None = None
    expected_high: Decimal | None = None
    scored_by: str
    scored_at: datetime
