"""Requests for approval, their steps, decisions and delegations, as they are kept."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from services.pricing.policies.judging import Authority, Reason

RequestState = Literal["open", "approved", "rejected", "superseded"]
StepState = Literal["waiting", "asked", "approved", "rejected", "carried", "cancelled"]
Answer = Literal["approved", "rejected"]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for one revision of a quote under one version of the policy.

    `seen` is the hash of everything an approver is shown; `authors` made, changed or submitted the quote. Findings, differences and
    pairs are as they go out by HTTP.
    """

    request_id: UUID
    version: int
    quote_id: UUID
    revision: int
    content_hash: str
    policy_version: int | None
    level: int
    state: RequestState
    findings: list[dict[str, Any]]
    differences: list[dict[str, Any]]
    reason: Reason | None
    note: str
    pairs: list[dict[str, Any]]
    shortfall: Decimal
    currency: str
    year: int
    seen: str
    authors: list[str]
    submitted_by: str
    submitted_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Step:
    request_id: UUID
    number: int
    stage: int
    authority: Authority
    state: StepState
    inputs: dict[str, str | None]
    asked_at: datetime | None
    due_at: datetime | None
    escalated_at: datetime | None
    carried_from: UUID | None
    decided_by: str | None
    on_behalf_of: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class Decision:
    decision_id: UUID
    request_id: UUID
    number: int
    quote_id: UUID
    revision: int
    authority: Authority
    verdict: Answer
    seen: str
    policy_version: int
    consequence: dict[str, Any]
    note: str
    asks: list[dict[str, Any]]
    subject: str
    on_behalf_of: str | None
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Delegation:
    """From an instant to another somebody decides for somebody else, with the roles and scope that one had."""

    delegation_id: UUID
    from_subject: str
    to_subject: str
    roles: list[str]
    scope: list[UUID]
    starts_at: datetime
    ends_at: datetime
    note: str
    recorded_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """What an exception budget has: used by approved quotes that stand, asked by open requests."""

    year: int
    reason: Reason
    currency: str
    amount: Decimal
    used: Decimal
    asked: Decimal

    @property
    def left(self) -> Decimal:
        return self.amount - self.used


@dataclass(frozen=True, slots=True)
class Precedent:
    """An approved quote of the same market and segment with a line of the same product."""

    quote_id: UUID
    deal_id: UUID
    deal: str
    outcome: Literal["open", "won", "lost"]
    net_amount: Decimal
    currency: str
    discount: Decimal | None
    level: int
    approved_at: datetime
