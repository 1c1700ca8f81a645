"""Assumptions as they are stated and shown. `expected` is a decimal string in the metric's unit; unknown is null, never 0."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from libs.common.web.schemas import In, Out
from services.forecast.assumptions.judging import Side, State
from services.forecast.assumptions.measures import Criticality, Metric, Unit
from services.forecast.plans.schemas import RefusedRow
from services.forecast.plans.states import State as PlanState

Stand = Literal["holding", "drifting", "broken", "too_little_data", "not_looked_at"]


class AssumptionIn(In):
    """What is assumed of a node in a metric; what was assumed of it there before is replaced.

    `tolerance`: by which share of what is expected it may differ on either side; 0.1 is a tenth.
    """

    node_id: UUID
    metric: Metric
    expected: Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=6)]
    tolerance: Annotated[Decimal, Field(gt=0, lt=1, max_digits=8, decimal_places=4)]
    criticality: Criticality = "normal"


class AssumptionsIn(In):
    """Changes of what a draft assumes, all or none of them."""

    items: Annotated[list[AssumptionIn], Field(max_length=500)] = Field(default_factory=list)
    remove: Annotated[list[UUID], Field(max_length=500)] = Field(default_factory=list)


class AssumptionDraftIn(In):
    """Propose assumptions from the year before, of the plan's root and of those so many levels below it."""

    levels: Annotated[int, Field(ge=0, le=3)] = 1


class SeenOut(Out):
    """What was seen at a lock, of `cases` in so many `weeks`; `low` to `high` holds what is true nine times of ten.

    `below` and `above`: how likely it lies outside its tolerance on that side. `broken_since`: the lock at which it came to be broken.
    """

    due_at: datetime
    known_at: datetime
    state: State
    value: float | None
    low: float | None
    high: float | None
    cases: int
    weeks: int
    below: float
    above: float
    side: Side | None
    broken_since: datetime | None


class PointOut(Out):
    """How it stood at a lock."""

    due_at: datetime
    state: State


class AssumptionOut(Out):
    """What is assumed of a node, and how that stands. `path`: labels from the root. `from_cases`: of how many cases of the year before
    it was taken; null: somebody said it. `within`: the ends of its tolerance. `seen`: at the newest lock; null before the first.
    """

    assumption_id: UUID
    node_id: UUID
    path: list[str]
    metric: Metric
    label: str
    meaning: str
    unit: Unit
    expected: Decimal
    tolerance: Decimal
    within: list[Decimal]
    criticality: Criticality
    from_cases: int | None
    state: Stand
    seen: SeenOut | None
    locks: list[PointOut]


class AssumptionsOut(Out):
    """What a version of a plan assumes."""

    plan_id: UUID
    version: int
    state: PlanState
    sequence: int
    currency: str
    looked_at: datetime | None
    items: list[AssumptionOut]


class AssumptionHistoryOut(Out):
    """One assumption with what was seen at every lock, the newest first."""

    plan_id: UUID
    version: int
    currency: str
    assumption: AssumptionOut
    history: list[SeenOut]


class NotProposedOut(Out):
    """Of what nothing could be proposed, and why."""

    path: list[str]
    metric: Metric
    cases: int
    reason: str


class AssumptionDraftOut(Out):
    """What was proposed is in the draft; what was not, is said."""

    proposed: int
    not_proposed: list[NotProposedOut]
    assumptions: AssumptionsOut


class AssumptionImportOut(Out):
    """What became of a file: lines taken and refused."""

    dry_run: bool
    rows: int
    accepted: int
    refused: list[RefusedRow]
