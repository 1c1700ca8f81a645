"""Locks as they are read. Nothing in them changes, whatever changes afterwards."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from libs.common.web.schemas import Out
from services.forecast.calls.steps import NodeKind
from services.forecast.locks.due import LockKind
from services.forecast.rollup.schemas import Beside, Cumulative, Lines, Sum


class LockOut(Out):
    """A lock. `closed` freezes one period at the end of its closing: what came.

    `state`: `complete`, `incomplete` (out of accuracy), or `unknown` when completeness or watermark is not known.
    """

    lock_id: UUID
    due_at: datetime
    kind: LockKind
    made_at: datetime
    is_late: bool
    state: Literal["complete", "incomplete", "unknown"]
    completeness: Decimal | None
    watermark: datetime | None
    currency: str
    rates_version: str
    metric_version: str
    periods: list[str]


class LockPageOut(Out):
    items: list[LockOut]
    next_cursor: str | None


class LockRowOut(Out):
    """A node and period as they stood. `parent_id` and `label` are those of then; `end` is the period's last day."""

    period: str
    start: date
    end: date
    node_kind: NodeKind
    node_id: UUID
    parent_id: UUID | None
    label: str | None
    lines: Lines
    cumulative: Cumulative
    beside: Beside
    overdue: Sum
    closed_won: Decimal
    crm: Decimal
    reps: Decimal
    managers: Decimal
    adjusted: Decimal
    adjustment: Decimal
    from_crm: int
    of: int
    submission_id: UUID | None
    own_call: Decimal | None


class LockReadingOut(Out):
    """A lock with its rows of one population, of nodes within scope."""

    lock: LockOut
    deal_type: str | None
    value_basis: str
    rows: list[LockRowOut]
