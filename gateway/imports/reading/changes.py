"""What a reading yields: canonical changes, and the person data that must stay beside them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.events.crm import CrmRecord


@dataclass(frozen=True, slots=True)
class Person:
    """Person data of a user or a lead, for the gateway's directory only."""

    id: UUID
    connection: str
    kind: str
    external_id: str
    name: str | None
    email: str | None
    phone: str | None
    clock: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """A canonical change and what the import must keep beside it."""

    event: CrmRecord
    key: UUID
    person: Person | None = None
