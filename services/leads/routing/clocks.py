"""Response clocks: how long a lead may wait for the first answer, by its place in the queue. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

State = Literal["running", "late", "met", "missed"]

ALLOWED: tuple[tuple[int, timedelta], ...] = (
    (3, timedelta(hours=1)),
    (6, timedelta(hours=8)),
    (10, timedelta(hours=24)),
)
"""(up to this place in the queue, time until the first answer), elapsed time: leads come at night too."""


@dataclass(frozen=True, slots=True)
class Clock:
    """When an answer is due and when it came. `late`: due and not answered; `missed`: answered after it was due."""

    due_at: datetime
    responded_at: datetime | None
    state: State


def clock_of(*, place: int, arrived_at: datetime, responded_at: datetime | None, as_of: datetime) -> Clock:
    """The clock of a lead at `as_of`. An answer from before the arrival (clocks differ) is in time."""
    allowed = next(allowed for last, allowed in ALLOWED if place <= last)
    due = arrived_at + allowed
    if responded_at is None:
        return Clock(due, None, "late" if as_of > due else "running")
    return Clock(due, responded_at, "missed" if responded_at > due else "met")
