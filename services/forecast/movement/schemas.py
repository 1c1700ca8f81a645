"""What a movement looks like. Amounts are signed decimal strings in `currency`, so terms add up; unknown amounts count as 0."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from libs.common.web.schemas import Out
from services.forecast.rollup.schemas import PeriodOut, Reading

Mode = Literal["ends", "gross"]
"""`ends`: each deal once, by where it stood at both ends. `gross`: every step on the way."""
Side = Literal["open", "closed"]


class EndOut(Out):
    """One end: what was valid and known, and the business date it is seen from."""

    as_of: datetime
    known_at: datetime
    day: date


class TermOut(Out):
    """What moved for one reason. `steps` counts deals (`ends`) or changes (`gross`) that moved an amount."""

    term: str
    amount: Decimal
    steps: int


class IdentityOut(Out):
    """opening + all terms = closing, `change` = closing - opening. `residual` is what the terms leave: 0, or a defect."""

    opening: Decimal
    terms: list[TermOut]
    closing: Decimal
    change: Decimal
    residual: Decimal


class FxOut(Out):
    """What exchange rates make of closed won: at the rates of its booking days less at the constant ones."""

    opening: Decimal
    closing: Decimal


class MovementReading(Reading):
    """Why the period's forecast moved from `since` to `until`, the open part and the closed.

    `fx` is the same whichever `rate` was asked for: at booked rates the closed side's ends are greater by it than at constant ones,
    and the open side's are the same. `imported_at`: when history was last imported without the times at which it had been known;
    null if it never was.
    """

    metric: str
    period: PeriodOut
    mode: Mode
    since: EndOut
    until: EndOut
    imported_at: datetime | None
    open: IdentityOut
    closed: IdentityOut
    fx: FxOut


class StoodOut(Out):
    """A deal at one end of a step: the entry of its timeline, and which delivery caused it."""

    version: int
    valid_from: datetime
    recorded_at: datetime
    line: str | None
    stage: str
    category: str | None
    amount: Decimal | None
    currency: str | None
    close_date: date | None
    closed_on: date | None
    owner_id: UUID | None
    event_type: str
    cause_connection: str | None
    cause_delivery: UUID | None


class StepOut(Out):
    """A deal's part of a term. `before` is null for a deal that was not there."""

    deal_id: UUID
    name: str
    term: str
    amount: Decimal
    before: StoodOut | None
    after: StoodOut | None


class StepsReading(MovementReading):
    """The steps behind a term, greatest first; `total` is of all of them and equals the term."""

    side: Side
    term: str | None
    total: Decimal
    items: list[StepOut]
    is_complete: bool
