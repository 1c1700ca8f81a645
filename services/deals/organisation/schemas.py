"""The organisation as it goes out. Names of people are joined at the edge."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from libs.common.web.schemas import Out


class UnitOut(Out):
    unit_id: UUID
    parent_id: UUID | None
    name: str
    kind: Literal["company", "region", "team", "unassigned"]
    version: int
    valid_from: datetime
    people: int


class TreeOut(Out):
    units: list[UnitOut]


class PersonOut(Out):
    person_id: UUID
    unit_id: UUID
    manager_id: UUID | None
    is_active: bool
    version: int
    valid_from: datetime


class PeopleOut(Out):
    people: list[PersonOut]
