"""Approvals as they come in and go out by HTTP."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from libs.common.web.schemas import In, Out
from services.pricing.approvals.models import (
    Answer,
    BudgetUse,
    Decision,
    Delegation,
    Request,
    RequestState,
    Step,
    StepState,
)
from services.pricing.approvals.steps import Given, Got, Pair, Planned
from services.pricing.policies.judging import Authority, Reason
from services.pricing.policies.schemas import PolicyDocument
from services.pricing.promises.schemas import RecordOut

Note = Annotated[str, Field(max_length=1000)]


Words = Annotated[str, Field(max_length=200)]
Worth = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=2, allow_inf_nan=False)]


class PairIn(In):
    """What is granted, and what is asked for it; `value` is what that is worth, in the quote's currency, null where nobody can say."""

    given: Given
    given_note: Words = ""
    got: Got
    got_note: Words = ""
    value: Worth | None = None

    def pair(self) -> Pair:
        return Pair(self.given, self.given_note, self.got, self.got_note, self.value)


class AskIn(In):
    """What an approver wants of the customer before they agree."""

    got: Got
    note: Words = ""


class SubmitIn(In):
    """`reason` is needed where a line is below its floor. `pairs` say what is granted and what the customer does for it."""

    reason: Reason | None = None
    note: Note = ""
    pairs: Annotated[tuple[PairIn, ...], Field(max_length=10)] = ()


class DecisionIn(In):
    """`seen` is the request's, as it was read: what has changed since is not decided on.

    `asks` come with a rejection: with this in return it can be asked again.
    """

    verdict: Answer
    seen: Annotated[str, Field(min_length=64, max_length=64)]
    note: Note = ""
    asks: Annotated[tuple[AskIn, ...], Field(max_length=5)] = ()

    @model_validator(mode="after")
    def _an_approval_asks_nothing(self) -> Self:
        if self.asks and self.verdict == "approved":
            raise ValueError("asks: to ask for something more, reject; it is asked again with it")
        return self


class DelegationIn(In):
    to: Annotated[str, Field(min_length=1, max_length=200, description="the subject, as `/api/v1/me` tells it")]
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime
    note: Note = ""


class DryRunIn(In):
    document: PolicyDocument
    quarter: Annotated[str, Field(min_length=1, max_length=20)] | None = None


class FindingOut(Out):
    """`limit` is what was passed; for a line below its floor `value` is how far, as a share of the floor."""

    measure: str
    subject: str
    value: Decimal | None
    limit: Decimal | None
    level: int


class DifferenceOut(Out):
    """An input that is worse than what the authority approved before, or is new."""

    authority: Authority
    input: str
    before: Decimal | None
    after: Decimal | None
    is_new: bool


class PairOut(Out):
    """What is granted, and what the customer does for it; an unknown worth is null."""

    given: Given
    given_note: str
    got: Got
    got_note: str
    value: Decimal | None


class AskOut(Out):
    got: Got
    note: str


class StepOut(Out):
    """`carried`: approved for an earlier revision on inputs no better than these. `escalated_at`: open to the next rank since."""

    number: int
    stage: int
    authority: Authority
    state: StepState
    inputs: dict[str, Decimal | None]
    asked_at: datetime | None
    due_at: datetime | None
    escalated_at: datetime | None
    carried_from: UUID | None
    decided_by: str | None
    on_behalf_of: str | None
    decided_at: datetime | None


class PrecedentOut(Out):
    quote_id: UUID
    deal_id: UUID
    deal: str
    outcome: Literal["open", "won", "lost"]
    net_amount: Decimal
    currency: str
    discount: Decimal | None
    level: int
    approved_at: datetime


class ConsequenceOut(Out):
    """What follows from agreeing. Unknown is null: a margin without a cost, an amount in another currency, a median without bands."""

    margin: Decimal | None
    margin_share: Decimal | None
    planned_margin: Decimal | None
    ratio: Decimal | None
    floor: Decimal | None
    median: Decimal | None
    amount_before: Decimal | None
    amount_after: Decimal
    amount_change: Decimal | None
    currency: str
    shortfall: Decimal
    budget_left: Decimal | None
    precedents: list[PrecedentOut]


class RequestOut(Out):
    request_id: UUID
    version: int
    quote_id: UUID
    revision: int
    content_hash: str
    policy_version: int | None
    level: int
    state: RequestState
    findings: list[FindingOut]
    differences: list[DifferenceOut]
    reason: Reason | None
    note: str
    pairs: list[PairOut]
    shortfall: Decimal
    currency: str
    seen: str
    submitted_by: str
    submitted_at: datetime
    closed_at: datetime | None
    steps: list[StepOut]

    @classmethod
    def of(cls, request: Request, steps: list[Step]) -> Self:
        own = {name: getattr(request, name) for name in cls.model_fields if name != "steps"}
        return cls.model_validate(own | {"steps": [StepOut.model_validate(step) for step in steps]})


class MyRequestOut(Out):
    request: RequestOut
    deal_id: UUID
    deal: str
    net_amount: Decimal
    mine: list[int]


class MyRequestsOut(Out):
    """Requests with the steps that the caller may decide now, oldest first."""

    items: list[MyRequestOut]


class DecisionOut(Out):
    """What was decided on what: `consequence` is what stood there then, `asks` what was wanted of the customer before agreeing."""

    decision_id: UUID
    request_id: UUID
    number: int
    revision: int
    authority: Authority
    verdict: Answer
    seen: str
    policy_version: int
    consequence: ConsequenceOut
    note: str
    asks: list[AskOut]
    subject: str
    on_behalf_of: str | None
    decided_at: datetime

    @classmethod
    def of(cls, row: Decision) -> Self:
        return cls.model_validate(row)


class PlannedOut(Out):
    stage: int
    authority: Authority
    is_carried: bool

    @classmethod
    def of(cls, planned: Planned[UUID]) -> Self:
        return cls(stage=planned.stage, authority=planned.authority, is_carried=planned.carried is not None)


class ApprovalsOut(Out):
    """All about a quote's approval: what the policy says of it now, what follows, what was asked and decided; newest first.

    `mine` are the steps of the open request that the caller may decide; `in_return` is how often customers kept what they promised.
    """

    policy_version: int
    level: int
    needs_reason: bool
    findings: list[FindingOut]
    planned: list[PlannedOut]
    consequence: ConsequenceOut
    requests: list[RequestOut]
    decisions: list[DecisionOut]
    in_return: list[RecordOut]
    mine: list[int]


class DelegationOut(Out):
    delegation_id: UUID
    from_subject: str
    to_subject: str
    roles: list[str]
    starts_at: datetime
    ends_at: datetime
    note: str
    recorded_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, row: Delegation) -> Self:
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})


class DelegationsOut(Out):
    items: list[DelegationOut]


class LoadOut(Out):
    """Approvals that a policy would have asked of the quotes made in a time; `per_week` by authority."""

    quarter: str
    since: date
    until: date
    quotes: int
    approvals: int
    below_floor: int
    by_level: dict[int, int]
    by_authority: dict[str, int]
    by_measure: dict[str, int]
    per_week: dict[str, float]


class BudgetOut(Out):
    year: int
    reason: Reason
    currency: str
    amount: Decimal
    used: Decimal
    asked: Decimal
    left: Decimal

    @classmethod
    def of(cls, row: BudgetUse) -> Self:
        return cls.model_validate(row)


class BudgetsOut(Out):
    """What may be given away below the floor in a year, what approved quotes that stand used, and what open requests ask."""

    items: list[BudgetOut]
