"""An organisation at one instant: units below units, people in units. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID, uuid5

from libs.common.ids import NAMESPACE, ROOT_UNIT, UNASSIGNED_UNIT


def vacant_line(unit: UUID) -> UUID:
    """The key under which the open deals of those who left a unit stand, beside the people in it."""
    return uuid5(NAMESPACE, f"vacant:{unit}")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of the organisation. Only the root has no parent."""

    unit_id: UUID
    parent_id: UUID | None
    name: str
    kind: str
    removed: bool = False


@dataclass(frozen=True)
class Organisation:
    """Units by id and the unit of each person. A unit whose parent is not known stands right below the root.

    `gone`: people who have left. What they closed stays theirs; what is open of theirs is their unit's vacant line.
    """

    units: Mapping[UUID, Unit]
    places: Mapping[UUID, UUID]
    gone: frozenset[UUID] = frozenset()

    def unit_of(self, person: UUID | None) -> UUID:
        """Where a person, or a vacant line, stands; who is nobody's stands under the line of the unassigned."""
        unit = self.places.get(person, self._vacant.get(person)) if person is not None else None
        return unit if unit in self.units else UNASSIGNED_UNIT  # type: ignore[return-value]

    def below(self, unit: UUID) -> frozenset[UUID]:
        """The unit and all units below it."""
        found, waiting = set[UUID](), [unit]
        while waiting:
            each = waiting.pop()
            if each not in found:
                found.add(each)
                waiting += self._children.get(each, ())
        return frozenset(found)

    def within(self, scope: Iterable[UUID]) -> frozenset[UUID]:
        """All units in the subtrees of `scope`."""
        return frozenset[UUID]().union(*(self.below(unit) for unit in scope))

    def path(self, unit: UUID) -> list[UUID]:
        """From the root down to the unit, both included; where units point in a circle it ends."""
        path: list[UUID] = []
        at: UUID | None = unit
        while at is not None and at not in path:
            path.append(at)
            at = self._parents.get(at)
        return path[::-1]

    def children(self, unit: UUID, *, removed: bool = False) -> list[Unit]:
        """The units right below, by name, the line of the unassigned last; those that were closed only if asked for."""
        found = [self.units[each] for each in self._children.get(unit, ()) if removed or not self.units[each].removed]
        return sorted(found, key=lambda each: (each.kind == "unassigned", each.name, each.unit_id))

    def branches(self, unit: UUID) -> dict[UUID, UUID]:
        """The units below this one, each with the child of this one that leads there."""
        return {each: child for child in self._children.get(unit, ()) for each in self.below(child)}

    @cached_property
    def _vacant(self) -> dict[UUID, UUID]:
        return {vacant_line(unit): unit for unit in self.units}

    @cached_property
    def _parents(self) -> dict[UUID, UUID]:
        return {
            unit.unit_id: unit.parent_id if unit.parent_id in self.units and unit.parent_id is not None else ROOT_UNIT
            for unit in self.units.values()
            if unit.unit_id != ROOT_UNIT
        }

    @cached_property
    def _children(self) -> dict[UUID, list[UUID]]:
        children: dict[UUID, list[UUID]] = {}
        for child, parent in self._parents.items():
            children.setdefault(parent, []).append(child)
        return children
