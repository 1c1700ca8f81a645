"""How the versions of plans stand, from what was written of them. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.forecast.plans.states import AFTER, State


@dataclass(frozen=True, slots=True)
class Standing:
    """A version as its newest entry leaves it. `authors`: who drafted, edited or proposed it, the first first."""

    version: int
    state: State
    sequence: int
    authors: Sequence[str]
    approved_by: str | None
    active_since: datetime | None
    superseded_at: datetime | None
    entries: Sequence[Mapping[str, Any]]


def of_entries(rows: Iterable[Mapping[str, Any]]) -> dict[UUID, list[Standing]]:
    """The versions of each plan, the oldest first."""
    by_version: dict[tuple[UUID, int], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_version[row["plan_id"], row["version"]].append(row)
    found: dict[UUID, list[Standing]] = defaultdict(list)
    for (plan_id, version), of_version in sorted(by_version.items()):
        found[plan_id].append(_standing(version, sorted(of_version, key=lambda row: row["sequence"])))
    return found


def shown(versions: Sequence[Standing]) -> Standing:
    """The version that a list shows: the one that holds, else the newest."""
    return next((each for each in versions if each.state == "active"), versions[-1])


def _standing(version: int, rows: Sequence[Mapping[str, Any]]) -> Standing:
    def newest(kind: str) -> Mapping[str, Any] | None:
        return next((row for row in reversed(rows) if row["kind"] == kind), None)

    approved, activated, superseded = newest("approved"), newest("activated"), newest("superseded")
    authors = [row["made_by"] for row in rows if row["kind"] in ("drafted", "edited", "proposed")]
    return Standing(
        version=version,
        state=AFTER[rows[-1]["kind"]],
        sequence=rows[-1]["sequence"],
        authors=list(dict.fromkeys(authors)),
        approved_by=approved["made_by"] if approved else None,
        active_since=activated["made_at"] if activated else None,
        superseded_at=superseded["made_at"] if superseded else None,
        entries=rows,
    )
