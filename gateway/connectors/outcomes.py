"""What became of an item of a delivery."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from gateway.mapping.values import MappingError

OutcomeName = Literal["pending", "applied", "superseded", "duplicate", "ignored", "parked"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`field`, `value` and `advice` say what to mend where an item was parked.

    `is_tied`: another content of the same CRM time was there, and only the CRM can say which of them stands.
    """

    name: OutcomeName
    reason: str | None = None
    field: str | None = None
    value: str | None = None
    advice: str | None = None
    event_id: UUID | None = None
    entity_id: UUID | None = None
    crm_time: datetime | None = None
    signalled_seq: int | None = None
    is_tied: bool = False


def parked(reason: str, advice: str, *, crm_time: datetime | None = None) -> Outcome:
    return Outcome("parked", reason=reason[:2000], advice=advice, crm_time=crm_time)


def unmappable(error: MappingError, *, crm_time: datetime | None = None) -> Outcome:
    return Outcome(
        "parked", reason=str(error), field=error.field, value=error.value, advice=error.advice, crm_time=crm_time
    )


def unforeseen(error: Exception) -> Outcome:
    """An exception that nobody planned for parks the item and never blocks another."""
    return parked(
        f"{type(error).__name__}: {error}", "This is a fault of Foretell: report it, and replay after the update."
    )
