"""Cover of accounts as it comes in and goes out."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from libs.common.web.schemas import In, Out

Reason = Literal["single_threaded", "no_thread", "silent", "cover_lapsed"]


class ExecutiveIn(In):
    """Our executive looks after theirs, a contact, and speaks with them every `cadence_days`; `ended`: no longer does."""

    ours: UUID
    theirs: UUID
    cadence_days: Annotated[int, Field(ge=1, le=730)]
    ended: bool = False


class ExecutiveOut(Out):
    """A pair as it stands. `lapsed`: more than half a cadence overdue; null while nobody tells touchpoints."""

    ours: UUID
    theirs: UUID
    cadence_days: int
    since: datetime
    last_touch_at: datetime | None
    due_at: datetime
    lapses_at: datetime
    lapsed: bool | None


class ExecutivesOut(Out):
    account_id: UUID
    as_of: datetime
    items: list[ExecutiveOut]


class MoneyOut(Out):
    currency: str
    amount: Decimal


class CoveredOut(Out):
    """An account with its open deals within scope. `at_risk` is of deals that close in the two periods; null: unknown."""

    account_id: UUID
    name: str
    tier: str | None
    segment: str | None
    region: str | None
    market: str | None
    parent_id: UUID | None
    open_deals: int
    open: list[MoneyOut]
    at_risk_deals: int | None
    at_risk: list[MoneyOut] | None
    reasons: list[Reason]
    last_touch_at: datetime | None


class CoverOut(Out):
    """Accounts by name. The sums are over all accounts that the filters leave, not over the page.

    `touchpoints_told`: whether anybody in the company tells them; else nothing is known of any risk.
    """

    as_of: datetime
    closing_from: date
    closing_before: date
    touchpoints_told: bool
    accounts: int
    open: list[MoneyOut]
    at_risk: list[MoneyOut] | None
    items: list[CoveredOut]
    next_cursor: str | None
