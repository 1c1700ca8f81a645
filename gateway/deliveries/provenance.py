"""Where each value of a record is known from: the version that brought it and no later one changed. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

NOT_FIELDS = frozenset(
    {
        *(
            "clock",
            "received_at",
            "source_recorded_at",
            "reconstructed",
            "unobserved_since",
            "connection",
            "external_id",
        ),
        *("changed_by", "next_step_known", "activity_known"),
    }
)
"""What a canonical change says about itself."""


@dataclass(frozen=True, slots=True)
class Known:
    """A version of a record as it left: its canonical content and where it is known from."""

    event_id: UUID
    delivery_id: UUID
    received_at: datetime
    actor: str | None
    canonical: Mapping[str, Any]

    @property
    def clock(self) -> tuple[datetime, int, int, str]:
        clock = self.canonical["clock"]
        return (
            datetime.fromisoformat(clock["crm_time"]),
            clock.get("sequence", 0),
            clock.get("mapping_version", 1),
            clock.get("digest", ""),
        )


def standing(versions: Sequence[Known]) -> list[Known]:
    """In the order of the CRM's clock; of one version under several mappings the newest, with whoever changed it."""
    slots: dict[tuple[datetime, int], Known] = {}
    for each in sorted(versions, key=lambda version: version.clock):
        at = each.clock[:2]
        before = slots.get(at)
        slots[at] = replace(each, actor=each.actor or before.actor) if before else each
    return list(slots.values())


def provenance(versions: Sequence[Known]) -> dict[str, Known]:
    """By field of the newest version: the version since which it has had its value. `versions` stand, in order."""
    if not versions:
        return {}
    newest = versions[-1]
    found: dict[str, Known] = {}
    for field, value in newest.canonical.items():
        if field in NOT_FIELDS:
            continue
        since = newest
        for each in reversed(versions[:-1]):
            if field not in each.canonical or each.canonical[field] != value:
                break
            since = each
        found[field] = since
    return found
