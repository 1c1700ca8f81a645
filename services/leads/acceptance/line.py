"""The capacity line: which leads of a queue fit the free hours. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Candidate:
    """A lead that waits to be taken on, and the hours it costs."""

    lead_id: UUID
    place: int
    arrived_at: datetime
    hours: Decimal

    def rank(self) -> tuple[int, float, int]:
        """Where it stands in the queue, least first: best grade, then newest, then the greater id."""
        return (self.place, -self.arrived_at.timestamp(), -self.lead_id.int)


@dataclass(frozen=True, slots=True)
class Line:
    """The first `fits` of the queue fit, and cost `hours`; `last` is the last of them, `following` the first that does not."""

    fits: int
    hours: Decimal
    last: Candidate | None
    following: Candidate | None


def draw(candidates: Sequence[Candidate], *, free: Decimal) -> Line:
    """Where the free hours end when the queue is taken on in its order.

    A lead that does not fit ends it, though a cheaper one further down would: nothing below the line ranks better than
    anything above it. With no free hours, or fewer than none, nothing fits.
    """
    ordered = sorted(candidates, key=Candidate.rank)
    hours = Decimal()
    for index, each in enumerate(ordered):
        if hours + each.hours > free:
            return Line(index, hours, ordered[index - 1] if index else None, each)
        hours += each.hours
    return Line(len(ordered), hours, ordered[-1] if ordered else None, None)
