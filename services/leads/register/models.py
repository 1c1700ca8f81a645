"""Rows of the register and what is about to become one."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.events.base import Cause
from libs.common.events.leads import LeadState
from services.leads.register.timeline import DealLink, Input


@dataclass(frozen=True, slots=True)
class LeadRow:
    """A lead as stored. Version 0 without state: a placeholder, something named it before it arrived."""

    lead_id: UUID
    version: int = 0
    captured: bool = False
    merged_into: UUID | None = None
    connection: str | None = None
    external_id: str | None = None
    first_at: datetime | None = None
    state: LeadState | None = None


@dataclass(frozen=True, slots=True)
class NewInput:
    """Something said about a lead, with who or what brought it."""

    given: Input
    cause: Cause
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class NewLink:
    """The newest that a batch says of one deal's lead."""

    link: DealLink
    lead_id: UUID | None
    valid_from: datetime
    version: int
