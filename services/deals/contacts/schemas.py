"""Contacts and their roles as they come in and go out."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from libs.common.web.schemas import In, Out
from services.deals.relationship import Seniority

Department = Literal["executive", "finance", "operations", "technology", "procurement", "legal", "sales", "other"]
Role = Literal["economic_buyer", "champion", "technical_buyer", "user_buyer", "influencer", "blocker"]

Name = Annotated[str, Field(min_length=1, max_length=200)]


class PersonIn(In):
    """Who a contact is. Kept in one place, apart from everything else, and erasable."""

    name: Name
    email: Name | None = None
    phone: Name | None = None
    title: Name | None = None


class ContactFacts(In):
    """What is said of a contact. `at`: from when on, now unless given. No names here: they belong into `person`."""

    account_id: UUID
    seniority: Seniority | None = None
    department: Department | None = None
    active: bool = Field(default=True, description="false: no longer works there")
    person: PersonIn | None = None
    at: AwareDatetime | None = None


class ContactIn(ContactFacts):
    """A new contact; `contact_id` is given for somebody whom the CRM knows, so that it is the same person."""

    contact_id: UUID | None = None


class RoleIn(In):
    """A contact's buying role in a deal, held from `at` on, or given up."""

    contact_id: UUID
    role: Role
    holds: bool = True
    at: AwareDatetime | None = None


class PersonOut(Out):
    name: str
    email: str | None
    phone: str | None
    title: str | None


class HeldRole(Out):
    """A buying role and since when it is held."""

    deal_id: UUID
    role: Role
    since: datetime


class ContactOut(Out):
    """A contact as last told of. `person`: null where nothing is kept here; one that a CRM sent has a name at `/api/v1/people`."""

    contact_id: UUID
    account_id: UUID
    seniority: Seniority | None
    department: Department | None
    active: bool
    erased: bool
    since: datetime
    recorded_at: datetime
    author: str
    person: PersonOut | None
    roles: list[HeldRole]


class ContactsOut(Out):
    as_of: datetime
    known_at: datetime
    items: list[ContactOut]


class ErasedOut(Out):
    contact_id: UUID
    erased: bool
