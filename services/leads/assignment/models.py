"""Rules, and leads that wait to be given away."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

CONDITIONS = ("market", "region", "segment", "source", "product")


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition that is None asks for nothing. Either a unit or a person gets the lead."""

    position: int
    market: str | None
    region: str | None
    segment: str | None
    source: str | None
    product: str | None
    ranks: tuple[str, ...] | None
    unit_id: UUID | None
    person_id: UUID | None

    def words(self) -> str:
        """What it asks for."""
        asked = [f"{name} {value}" for name in CONDITIONS if (value := getattr(self, name))]
        if self.ranks:
            asked.append(f"grade {', '.join(self.ranks)}")
        return " and ".join(asked) or "every lead"


@dataclass(frozen=True, slots=True)
class Rules:
    """A version of the rules, in their order. Version 0: there never were any."""

    version: int
    items: tuple[Rule, ...]
    said_by: str | None = None
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unrouted:
    """A lead without an owner and the rule that it meets."""

    lead_id: UUID
    place: int
    source: str | None
    position: int


@dataclass(frozen=True, slots=True)
class Turn:
    """What the rules gave away. `turn` counts within a unit."""

    lead_id: UUID
    rules: int
    position: int
    unit_id: UUID | None
    turn: int | None
    person_id: UUID
