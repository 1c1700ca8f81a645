"""Units as a user's team path names them. Pure."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from libs.common.ids import ROOT_UNIT, UNASSIGNED_UNIT, unit_id


@dataclass(frozen=True, slots=True)
class NamedUnit:
    """A unit; parent, name and kind follow from its path alone, so the order of arrival cannot matter."""

    unit_id: UUID
    parent_id: UUID | None
    name: str
    kind: Literal["company", "region", "team", "unassigned"]


COMPANY = NamedUnit(ROOT_UNIT, None, "Company", "company")
UNASSIGNED = NamedUnit(UNASSIGNED_UNIT, ROOT_UNIT, "Unassigned", "unassigned")


def units_on(team_path: str | None) -> list[NamedUnit]:
    """The units from below the root down to the team: `EMEA/North` names a region and a team in it."""
    parts = _parts(team_path)
    paths = ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
    parents = [ROOT_UNIT, *(unit_id(path) for path in paths)]
    return [
        NamedUnit(unit_id(path), parent, part, "region" if depth == 0 else "team")
        for depth, (path, parent, part) in enumerate(zip(paths, parents, parts, strict=False))
    ]


def unit_of(team_path: str | None) -> UUID:
    """The unit a person with this path belongs to; without one, where all the unplaced stand."""
    parts = _parts(team_path)
    return unit_id("/".join(parts)) if parts else UNASSIGNED_UNIT


def _parts(team_path: str | None) -> list[str]:
    return [part.strip() for part in (team_path or "").split("/") if part.strip()]
