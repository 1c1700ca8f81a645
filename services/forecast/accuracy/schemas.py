"""What each step was worth. Shares are in [0, 1] or above; null says that it is too early or that nothing came."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from libs.common.web.schemas import Out
from services.forecast.accuracy.scoring import Step
from services.forecast.calls.steps import NodeKind


class StepOut(Out):
    """`value_added` = WAPE(naive) - WAPE(step); `value_added_to_previous` is against the step before it."""

    step: Step
    absolute_error: Decimal
    wape: Decimal | None
    bias: Decimal | None
    value_added: Decimal | None
    value_added_to_previous: Decimal | None


class ScoresOut(Out):
    """All steps on one and the same set of `n` locks of `periods` closed periods; `too_early` says why there is no value."""

    n: int
    periods: int
    too_early: str | None
    steps: list[StepOut]


class LeadOut(ScoresOut):
    """The same for locks so many whole weeks before the end of their period."""

    lead_weeks: int


class ValueAddedOut(Out):
    """Scored at what had been won when the period was closed, by locks while the period ran; incomplete ones are left out."""

    as_of: datetime
    node_kind: NodeKind
    node_id: UUID
    deal_type: str | None
    value_basis: str
    currency: str
    excluded_incomplete: int
    unknown_completeness: int
    overall: ScoresOut
    by_lead: list[LeadOut]
