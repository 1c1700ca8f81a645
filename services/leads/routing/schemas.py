"""The queue as it goes out by HTTP."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from libs.common.web.schemas import Out
from services.leads.conversion.schemas import ChanceOut
from services.leads.register.schemas import LeadOut
from services.leads.responses.clocks import Clock, State

Standing = Literal["waiting", "recycled", "qualified", "rejected"]


class ClockOut(Out):
    """When the first answer is due, when it came (a verdict or a statement), and what that makes the clock."""

    due_at: datetime
    responded_at: datetime | None
    state: State

    @classmethod
    def of(cls, clock: Clock) -> Self:
        return cls.model_validate(clock)


class QueuedOut(Out):
    """A lead of the queue. `place`: where its grade stands, 1 first; 10 without a grade. The chance moves no place.

    `team_id`: of its owner, else the one that the rules name; null where neither is known.
    """

    lead: LeadOut
    place: int
    arrived_at: datetime
    clock: ClockOut
    team_id: UUID | None
    duplicates: int
    conversion: ChanceOut | None


class GradeCount(Out):
    """How many leads of the shown standing have this grade; null where that half is not known."""

    fit: Literal["A", "B", "C"] | None
    engagement: Literal[1, 2, 3] | None
    count: int
    late: int


class QueueOut(Out):
    """A page of the queue: best grade first, newest first within a grade. Counts leave grade and page out of account."""

    as_of: datetime
    standing: Standing
    items: list[QueuedOut]
    next_cursor: str | None
    grades: list[GradeCount]
    standings: dict[Standing, int]
    sources: list[str]
    regions: list[str]


class AboutOut(Out):
    """A lead as the queue has it."""

    lead_id: UUID
    standing: Standing | None
    queued: QueuedOut
