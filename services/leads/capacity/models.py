"""The flow in force, people's days and hours."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from services.leads.capacity.flow import FlowIn


@dataclass(frozen=True, slots=True)
class Flow:
    """What is set, which version, by whom and when. Version 0: as shipped."""

    version: int
    content: FlowIn
    said_by: str | None = None
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Absence:
    absence_id: UUID
    version: int
    person_id: UUID
    first_day: date
    last_day: date
    withdrawn: bool
    said_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Seller:
    """A person who takes leads of a unit, and whom an escalation goes to."""

    person_id: UUID
    unit_id: UUID
    manager_id: UUID | None


@dataclass(frozen=True, slots=True)
class Room:
    """Hours of a person over the days looked at. `taken`: given out and not answered yet, or answered today."""

    seller: Seller
    days: int
    away: Set[date]
    hours: Decimal
    taken: Decimal

    @property
    def free(self) -> Decimal:
        """Below 0: more was taken on than there are hours."""
        return self.hours - self.taken

    @property
    def is_away(self) -> bool:
        """On the first of the days."""
        return self.days == 0 or len(self.away) >= self.days
