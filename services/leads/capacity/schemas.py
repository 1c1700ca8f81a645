"""What is set about the flow of leads, and absences, by HTTP."""

from datetime import date, datetime
from decimal import Decimal
from typing import Self
from uuid import UUID

from pydantic import model_validator

from libs.common.web.schemas import In, Out
from services.leads.capacity.flow import Rank


class FlowOut(Out):
    """What is set now. Version 0: as shipped. Every grade is named."""

    version: int
    said_by: str | None
    recorded_at: datetime | None
    rep_hours: Decimal
    horizon_days: int
    lead_hours: dict[Rank, Decimal]
    source_hours: dict[str, Decimal]
    hours_from: str
    works_on: list[int]
    works_from: str
    works_until: str
    response_hours: dict[Rank, Decimal]
    warn_share: Decimal
    escalate_after_hours: list[Decimal]


class AbsenceDaysIn(In):
    """Whole local days, both included."""

    first_day: date
    last_day: date

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.last_day < self.first_day:
            raise ValueError("last_day is earlier than first_day")
        return self


class AbsenceIn(AbsenceDaysIn):
    """Who is away. No reason is asked for, since that would be person data."""

    person_id: UUID


class AbsenceOut(Out):
    """An absence as known at the instant asked for. A later version replaces an earlier one, which is kept."""

    absence_id: UUID
    version: int
    person_id: UUID
    first_day: date
    last_day: date
    withdrawn: bool
    said_by: str
    recorded_at: datetime


class AbsencesOut(Out):
    known_at: datetime
    items: list[AbsenceOut]
