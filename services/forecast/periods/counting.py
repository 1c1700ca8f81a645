"""In which period a won deal counts: the one it is booked in, unless that was closed before anybody knew of the win. Pure."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from libs.common.calendar import FiscalCalendar, Period, local_date
from services.forecast.periods.states import Change, Stretch

Why = Literal["booked", "to_decide", "decided"]


@dataclass(frozen=True, slots=True)
class Decision:
    """Finance's word on one closing of a deal, which `won_known_at` and `booked_on` name: it counts on `counted_on`."""

    won_known_at: datetime
    booked_on: date
    counted_on: date
    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Counted:
    """The month in which a closing counts, the day in it, and why; `late_by` is the closing of the books that it came after."""

    month: Period
    day: date
    why: Why
    late_by: Change | None = None
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class States:
    """The periods as finance has closed them (`stretches` of the ledger), in a calendar and a time zone."""

    calendar: FiscalCalendar
    zone: str
    laid: Sequence[Stretch]

    def closing_of(self, day: date) -> Change | None:
        """The entry by which a day is closed; None when it is not."""
        place = bisect_right(self.laid, day, key=lambda stretch: stretch.start) - 1
        if place < 0 or day >= self.laid[place].until:
            return None
        change = self.laid[place].change
        return change if change.state == "closed" else None


@dataclass(frozen=True, slots=True)
class Books:
    """What finance has closed, and its decisions by deal, oldest first: as known at some instant."""

    states: States
    decisions: Mapping[UUID, Sequence[Decision]]


def counted_period(
    closed_on: date, won_known_at: datetime, states: States, decisions: Sequence[Decision] = ()
) -> Counted:
    """The month in which a closing counts.

    `won_known_at` is the recording time of the version by which the deal became known as won on `closed_on`, `decisions`
    are those of this deal, oldest first. A win that became known after its month was closed counts, until finance
    decides, in the month in which it became known; the closed month does not move by itself.
    """
    late_by = states.closing_of(closed_on)
    if late_by is not None and won_known_at <= late_by.at:
        late_by = None
    own = [found for found in decisions if (found.won_known_at, found.booked_on) == (won_known_at, closed_on)]
    if own:
        return _counted(own[-1].counted_on, "decided", states, late_by, own[-1])
    if late_by is None:
        return _counted(closed_on, "booked", states)
    return _counted(local_date(won_known_at, states.zone), "to_decide", states, late_by)


def _counted(
    day: date, why: Why, states: States, late_by: Change | None = None, decision: Decision | None = None
) -> Counted:
    return Counted(states.calendar.month(day), day, why, late_by, decision)
