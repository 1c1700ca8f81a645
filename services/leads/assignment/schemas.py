"""Rules and assignments by HTTP."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from libs.common.web.schemas import In, Out
from services.leads.capacity.flow import Rank

Word = Annotated[str, Field(min_length=1, max_length=200)]


class RuleIn(In):
    """What a lead must have, each left out asks for nothing; and the team or the person that gets it."""

    market: Word | None = None
    region: Word | None = None
    segment: Word | None = None
    source: Word | None = None
    product: Word | None = None
    grades: Annotated[list[Rank], Field(min_length=1, max_length=10)] | None = None
    unit_id: UUID | None = None
    person_id: UUID | None = None

    @model_validator(mode="after")
    def _goes_to_one(self) -> Self:
        if (self.unit_id is None) == (self.person_id is None):
            raise ValueError("name either unit_id or person_id: who gets the lead")
        return self


class RulesIn(In):
    """All rules in their order; the first that a lead meets decides."""

    rules: Annotated[list[RuleIn], Field(max_length=200)]


class RuleOut(Out):
    position: int
    asks: str
    market: str | None
    region: str | None
    segment: str | None
    source: str | None
    product: str | None
    grades: list[Rank] | None
    unit_id: UUID | None
    unit_name: str | None
    person_id: UUID | None


class RulesOut(Out):
    """The rules in force. Version 0: there never were any, and nothing is given away by itself."""

    version: int
    said_by: str | None
    recorded_at: datetime | None
    rules: list[RuleOut]


class AssignIn(In):
    """Who gets the lead, and why. No names of people belong into the reason."""

    owner_id: UUID
    reason: Annotated[str, Field(min_length=1, max_length=500)]
