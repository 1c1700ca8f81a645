"""Reviews as they are asked for and shown. Money is a decimal string, a share a decimal string; unknown is null, never 0."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from libs.common.web.schemas import In, Out
from services.forecast.reviews.causes import Kind
from services.forecast.reviews.document import Choice, Decision, ExpectedMeasure, Option
from services.forecast.reviews.judging import Outcome
from services.forecast.reviews.options import By

Text = Annotated[str, Field(min_length=1, max_length=8000, pattern=r"^[^\x00]+$")]
Short = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
Figure = Annotated[Decimal, Field(max_digits=18, decimal_places=4)]


class ChanceIn(In):
    """Open a review when P(target) of a node is below this at a weekly lock."""

    node_id: UUID
    below: Annotated[Decimal, Field(gt=0, le=1, max_digits=5, decimal_places=4)]


class GapIn(In):
    """Open a review when a node lacks more than this share of what was wanted by a weekly lock."""

    node_id: UUID
    above: Annotated[Decimal, Field(ge=0, le=1, max_digits=5, decimal_places=4)]


class PolicyIn(In):
    """When a plan is reviewed; it takes the place of what was set before. What is null opens nothing."""

    day_of_month: Annotated[int, Field(ge=1, le=28)] | None = None
    chance: ChanceIn | None = None
    gap: GapIn | None = None
    on_broken: bool = True


class LookOut(Out):
    """How a named node stood at the newest lock that was looked at."""

    node_id: UUID
    label: str
    chance: float | None
    lacks: Decimal | None
    at: datetime


class PolicyOut(Out):
    """When a plan is reviewed. `sequence` is its ETag, 0 before anything was set. `looked`: what the newest lock showed."""

    plan_id: UUID
    sequence: int
    day_of_month: int | None
    chance_node: UUID | None
    chance_below: Decimal | None
    gap_node: UUID | None
    gap_above: Decimal | None
    on_broken: bool
    made_by: str | None
    made_at: datetime | None
    looked: list[LookOut]


class OpenIn(In):
    """Open a review by hand."""

    plan_id: UUID
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]+$")]


class ChangeIn(In):
    """Another number of a node: `value` more in the plan's currency, or that share more (-0.1 is a tenth less).

    `below`: all numbers below it change in proportion. `above`: those above it that stand for themselves move by as much; without it
    what is not assigned any more, or assigned too much, is told by the plan.
    """

    node_id: UUID
    by: By
    value: Figure
    below: bool = False
    above: bool = False


class OptionIn(In):
    """Something that could be done: targets of nodes changed (`adjust`), or a version of the plan that is a draft (`new_plan`)."""

    kind: Literal["adjust", "new_plan"]
    name: Short
    changes: Annotated[list[ChangeIn], Field(max_length=200)] = Field(default_factory=list)
    version: Annotated[int, Field(ge=1, le=100_000)] | None = None


class ExpectedIn(In):
    """What is expected at the end of the check date: a measure of a node, at least `low`, at most `high`, or both.

    `bookings`, `pipeline_created` and `new_customers`: done in the plan's period by then. `projection`, `chance` (0 to 1) and `open`:
    as they will be read then.
    """

    measure: ExpectedMeasure
    node_id: UUID
    low: Figure | None = None
    high: Figure | None = None


class DecisionIn(In):
    """What is done. `owner` answers for it; `check_on` is the day at whose end it is scored."""

    choice: Choice
    option_id: UUID | None = None
    rationale: Text
    owner: Short
    check_on: date
    expected: ExpectedIn


class ScoreOut(Out):
    """How a decision turned out, read at `as_of` as known at `known_at`. `unknown` has its `reason`."""

    sequence: int
    as_of: datetime
    known_at: datetime
    outcome: Outcome
    came: Decimal | None
    reason: str | None
    scored_by: str
    scored_at: datetime


class ReviewRow(Out):
    """A review in a list. `subject_id`: the node or assumption that it is about; `outcome`: of the newest score."""

    review_id: UUID
    plan_id: UUID
    plan: str
    plan_version: int
    unit_id: UUID
    unit: str
    kind: Kind
    subject_id: UUID | None = None
    cause: str
    since: datetime
    opened_by: str
    opened_at: datetime
    digest: str
    choice: Choice | None
    owner: str | None
    check_on: date | None
    decided_by: str | None
    decided_at: datetime | None
    outcome: Outcome | None
    came: Decimal | None


class ReviewsOut(Out):
    """Reviews within scope, at most 200, those that are open first, then the newest."""

    items: list[ReviewRow]


class ReviewOut(Out):
    """A review from its own text alone. `evidence` is of its `format`, see the guide; `digest` is the sha256 of its text.

    `is_whole`: the texts are those that were stored; `why_not_whole` says which is not. `sequence` is the ETag of what was read.
    """

    review: ReviewRow
    sequence: int
    is_whole: bool
    why_not_whole: str | None
    evidence: dict[str, Any]
    options: list[Option]
    decision: Decision | None
    decision_digest: str | None
    scores: list[ScoreOut]


class DecidedRow(Out):
    """A decision with what was expected and how it turned out so far."""

    review_id: UUID
    plan_id: UUID
    plan: str
    plan_version: int
    cause: str
    choice: Choice
    option: str
    rationale: str
    owner: str
    decided_by: str
    decided_at: datetime
    check_on: date
    measure: str
    node: str
    low: Decimal | None
    high: Decimal | None
    outcome: Outcome | None
    came: Decimal | None
    reason: str | None
    scored_at: datetime | None
    evidence_digest: str


class DecisionsOut(Out):
    """Decisions within scope, the newest first, at most 500."""

    items: list[DecidedRow]
