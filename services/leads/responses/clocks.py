"""When the first answer to a lead is due, which marks its clock passes on the way, and what became of it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from services.leads.capacity.flow import FlowIn
from services.leads.capacity.worktime import WorkTime

State = Literal["running", "late", "met", "missed"]
Kind = Literal["warned", "breached", "escalated"]

REACH = timedelta(days=14)
"""A lead that came here this long after it was made is history: its clock is shown, but nobody is told of it."""


@dataclass(frozen=True, slots=True)
class Clock:
    """When an answer is due and when it came. `late`: due and not answered; `missed`: answered after it was due."""

    due_at: datetime
    responded_at: datetime | None
    state: State


@dataclass(frozen=True, slots=True)
class Mark:
    """An instant at which somebody is told: `level` 1 of an escalation is the owner's manager, 2 theirs."""

    kind: Kind
    level: int
    at: datetime

    @property
    def number(self) -> int:
        """Its place among the marks of a clock, from 1."""
        return {"warned": 1, "breached": 2, "escalated": 2}[self.kind] + self.level


@dataclass(frozen=True, slots=True)
class Schedule:
    """A clock from its start; all instants in UTC, in working time from one another."""

    started_at: datetime
    warn_at: datetime
    due_at: datetime
    escalate_at: tuple[datetime, ...]

    def marks(self) -> Iterator[Mark]:
        """In the order in which they are passed."""
        yield Mark("warned", 0, self.warn_at)
        yield Mark("breached", 0, self.due_at)
        for level, at in enumerate(self.escalate_at, 1):
            yield Mark("escalated", level, at)


def schedule(started_at: datetime, *, place: int, flow: FlowIn, times: WorkTime) -> Schedule:
    """The clock of a lead at this place of the queue (1 to 10), started at an instant."""
    allowed = flow.response_of(place)
    due = times.after(started_at, allowed)
    return Schedule(
        started_at,
        times.after(started_at, (allowed * flow.warn_share).quantize(Decimal("0.0001"))),
        due,
        tuple(times.after(due, hours) for hours in flow.escalate_after_hours),
    )


def passed(planned: Schedule, *, ended_at: datetime | None, as_of: datetime) -> list[Mark]:
    """The marks up to `as_of` that came before the clock ended, by an answer or because somebody else got the lead.

    They depend on when things happened, not on when anybody looked: after a pause the same marks are found.
    """
    return [mark for mark in planned.marks() if mark.at <= as_of and (ended_at is None or mark.at < ended_at)]


def following(planned: Schedule, *, ended_at: datetime | None, as_of: datetime) -> datetime | None:
    """When to look again: at the first mark after `as_of`; None when no more can be passed."""
    if ended_at is not None and ended_at <= as_of:
        return None
    return next((mark.at for mark in planned.marks() if mark.at > as_of), None)


def clock_of(*, due_at: datetime, responded_at: datetime | None, as_of: datetime) -> Clock:
    """What became of a clock at `as_of`. An answer from before its start (clocks differ) is in time."""
    if responded_at is None:
        return Clock(due_at, None, "late" if as_of > due_at else "running")
    return Clock(due_at, responded_at, "missed" if responded_at > due_at else "met")
