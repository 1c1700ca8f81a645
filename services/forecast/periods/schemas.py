"""Periods, their closing, and wins that came late. Money is a decimal string in `currency`; unknown is null."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import Field

from libs.common.calendar import Kind
from libs.common.web.schemas import In, Out
from services.forecast.periods.counting import Why
from services.forecast.periods.states import State

Reason = Field(min_length=3, max_length=1000, description="why, for who reads the ledger later")


class PeriodChangeOut(Out):
    """An entry of the ledger: who closed or reopened which month, when and why."""

    period: str
    state: Literal["closed", "reopened"]
    changed_at: datetime
    changed_by: str
    reason: str


class PeriodStateOut(Out):
    """A period. `end` is its last day, `due` the last working day on which finance should close it.

    Finance closes months; a quarter or year is closed when all its days are. `change` is the newest entry that touches it,
    `to_decide` the number of wins booked in it that came after it was closed and that finance has not decided about.
    """

    key: str
    kind: Kind
    label: str
    start: date
    end: date
    state: State
    due: date
    is_overdue: bool
    change: PeriodChangeOut | None
    to_decide: int


class PeriodsOut(Out):
    """The years with their quarters and months, as they stand on `today` (in the organisation's time zone)."""

    today: date
    calendar: str
    to_decide: int
    items: list[PeriodStateOut]


class ChangeIn(In):
    """Why finance closes a period or opens it again."""

    reason: str = Reason


class ChangedOut(Out):
    """The months that were changed."""

    changes: list[PeriodChangeOut]


class LateWinOut(Out):
    """A win that became known after the last day of the month it is booked in.

    `why` says how `counted_in` came about: `booked` (known before finance closed the month), `to_decide` (known after;
    until finance decides it counts in the month in which it became known) or `decided`.
    """

    deal_id: UUID
    name: str
    owner_id: UUID | None
    amount: Decimal | None
    deal_currency: str | None
    amount_base: Decimal | None
    booked_on: date
    booked_in: str
    won_known_at: datetime
    why: Why
    counted_in: str
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None


class LateWinsOut(Out):
    """Late wins booked in a period, in the order in which they became known. Amounts in the base are in `currency`."""

    period: str
    currency: str
    items: list[LateWinOut]
    next_cursor: str | None


class DecisionIn(In):
    """In which month late wins count: the one they are booked in, or one that has begun and is not closed."""

    deal_ids: list[UUID] = Field(min_length=1, max_length=500)
    counted_in: str = Field(max_length=20, description="a month, such as 2026-11")
    reason: str = Reason
