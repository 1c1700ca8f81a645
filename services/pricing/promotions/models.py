"""Promotions as they are kept, and what a line of a quote takes of one."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from services.pricing.promotions.mechanism import Kind, Stacking

State = Literal["planned", "approved", "refused", "running", "ended"]
Verdict = Literal["approved", "refused"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is planned. An empty scope means any; days are the organisation's, both included; amounts are in `currency`.

    `expected` is the extra revenue that its author expects, None where they do not say.
    """

    name: str
    products: tuple[UUID, ...]
    markets: tuple[str, ...]
    segments: tuple[str, ...]
    starts_on: date
    ends_on: date
    currency: str
    budget: Decimal
    kind: Kind
    value: Decimal
    stacking: Stacking
    expected: Decimal | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Promotion:
    """A promotion as it stands. `version` counts every change; `authors` planned it and do not decide on it.

    `ended_on` is the last day on which it could be taken, known once it is over.
    """

    promotion_id: UUID
    version: int
    state: State
    plan: Plan
    authors: tuple[str, ...]
    decided_by: str | None
    ended_on: date | None
    changed_at: datetime
    request_digest: str

    @property
    def last_day(self) -> date:
        """The last day on which it is or was there to be taken."""
        return self.plan.ends_on if self.ended_on is None else min(self.ended_on, self.plan.ends_on)


@dataclass(frozen=True, slots=True)
class Entry:
    """A version of a promotion, for its history."""

    version: int
    state: State
    plan: dict[str, Any]
    actor: str
    note: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Use:
    """What a line of a quote's revision takes out of a promotion's budget."""

    promotion_id: UUID
    quote_id: UUID
    revision: int
    position: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Used:
    """What standing quotes take of a budget; `accepted` of it is by quotes that customers accepted."""

    amount: Decimal = Decimal()
    accepted: Decimal = Decimal()
    quotes: int = 0

    def over(self, budget: Decimal) -> Decimal:
        """What is taken beyond the budget: deals that a CRM reopened took it again after others had."""
        return max(Decimal(), self.amount - budget)


@dataclass(frozen=True, slots=True)
class Taken:
    """A quote that takes a promotion, or took it: one that does not stand takes nothing of the budget now.

    `over` of `amount` is beyond the budget. `came_back`: its deal was lost or removed since, and is there again.
    """

    quote_id: UUID
    deal_id: UUID
    deal: str
    status: str
    amount: Decimal
    net_amount: Decimal
    quoted_at: datetime
    stands: bool
    came_back: bool
    over: Decimal


@dataclass(frozen=True, slots=True)
class Sale:
    """What an accepted quote brings with products of a promotion: the day it was accepted, where, and how much of it was promoted."""

    quote_id: UUID
    accepted_at: datetime
    market: str | None
    segment: str | None
    amount: Decimal
    promoted: Decimal
