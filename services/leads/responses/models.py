"""Clocks as they are kept, and what they are made from."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from libs.common.ids import NAMESPACE
from services.leads.responses.clocks import Schedule


@dataclass(frozen=True, slots=True)
class Begun:
    """A lead whose clock begins (or began) at `started_at`. `seen_at`: when the lead first came here."""

    lead_id: UUID
    version: int
    owner_id: UUID | None
    place: int
    started_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """A clock whose next mark may have been passed. `ended_at`: answered, or given to somebody else."""

    clock_id: UUID
    lead_id: UUID
    owner_id: UUID | None
    team_leader_id: UUID | None
    planned: Schedule
    ended_at: datetime | None


def clock_id(lead_id: UUID, started_at: datetime) -> UUID:
    """One clock per lead and start; the same whoever makes it."""
    return uuid5(NAMESPACE, f"lead-clock:{lead_id}:{started_at.isoformat()}")
