"""An organisation at one instant, and what a statement makes of it or why it cannot be said. Pure."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from libs.common.ids import ROOT_UNIT, UNASSIGNED_UNIT

UnitKind = Literal["company", "region", "team", "unassigned"]
Kind = Literal[
    "unit_created",
    "unit_renamed",
    "unit_moved",
    "unit_closed",
    "lead_named",
    "person_joined",
    "person_moved",
    "person_left",
]
Why = Literal[
    "unit_cycle",
    "two_parents",
    "unknown_lead",
    "unit_without_parent",
    "unknown_unit",
    "unknown_person",
    "closed_unit",
    "unit_exists",
    "fixed_unit",
    "not_yours",
]

OF_UNITS: Final[tuple[Kind, ...]] = ("unit_created", "unit_renamed", "unit_moved", "unit_closed", "lead_named")
OF_PEOPLE: Final[tuple[Kind, ...]] = ("person_joined", "person_moved", "person_left")
FIXED: Final = (ROOT_UNIT, UNASSIGNED_UNIT)


class Refused(ValueError):
    """A statement cannot be made: `why` names the rule, `field` and `value` what of it broke the rule."""

    def __init__(self, why: Why, field_name: str, value: object, reason: str) -> None:
        super().__init__(reason)
        self.why, self.field, self.value, self.reason = why, field_name, value, reason


@dataclass(frozen=True, slots=True)
class Statement:
    """What somebody said of a unit or a person from `valid_from` on. Of two of one instant the later recorded stands.

    `unit_id`: the unit spoken of, for people the one they join or move to. `into_id`: who takes over a closed unit's people and
    units. `lead_id`: null takes the lead back.
    """

    statement_id: UUID
    kind: Kind
    valid_from: datetime
    recorded_at: datetime
    unit_id: UUID | None = None
    parent_id: UUID | None = None
    name: str | None = None
    person_id: UUID | None = None
    lead_id: UUID | None = None
    into_id: UUID | None = None
    position: int = 0
    """Its place among those that were made together."""

    def order(self) -> tuple[datetime, datetime, int, UUID]:
        return (self.valid_from, self.recorded_at, self.position, self.statement_id)

    @property
    def unit(self) -> UUID:
        """The unit it names. Raises LookupError for one that names none."""
        if self.unit_id is None:
            raise LookupError(f"{self.kind} names no unit")
        return self.unit_id

    @property
    def person(self) -> UUID:
        """The person it names. Raises LookupError for one that names none."""
        if self.person_id is None:
            raise LookupError(f"{self.kind} names no person")
        return self.person_id


@dataclass(frozen=True, slots=True)
class UnitContent:
    """What is known of a unit at an instant. Only the company has no parent."""

    parent_id: UUID | None
    name: str
    kind: UnitKind
    lead_id: UUID | None = None
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Placement:
    """What an entry says about a person."""

    unit_id: UUID
    manager_id: UUID | None
    is_active: bool


def kind_below(parent: UUID | None) -> UnitKind:
    """Regions stand right below the company, teams below them."""
    return "region" if parent == ROOT_UNIT else "team"


@dataclass
class Organisation:
    """Units and people at one instant; `say` moves it on by one statement."""

    units: dict[UUID, UnitContent]
    people: dict[UUID, Placement]
    closed_into: dict[UUID, UUID] = field(default_factory=dict)

    def copy(self) -> "Organisation":
        return Organisation(dict(self.units), dict(self.people), dict(self.closed_into))

    def standing(self, unit: UUID | None) -> UUID:
        """The unit itself, or who took it over if it was closed; who is nobody's stands under the unassigned."""
        seen: set[UUID] = set()
        at = unit
        while at is not None and at in self.units and at not in seen:
            if not self.units[at].removed:
                return at
            seen.add(at)
            at = self.closed_into.get(at)
        return UNASSIGNED_UNIT if unit is None or unit not in self.units else ROOT_UNIT

    def unit_of(self, person: UUID | None) -> UUID:
        placed = self.people.get(person) if person is not None else None
        return self.standing(placed.unit_id) if placed else UNASSIGNED_UNIT

    def path(self, unit: UUID) -> list[UUID]:
        """From the unit up to the company, both included; it ends where units point in a circle."""
        path: list[UUID] = []
        at: UUID | None = unit
        while at is not None and at not in path:
            path.append(at)
            content = self.units.get(at)
            at = None if content is None else content.parent_id
            if at is None and path[-1] != ROOT_UNIT:
                at = ROOT_UNIT
        return path

    def say(self, said: Statement, *, within: Collection[UUID] | None = None) -> None:
        """Take the statement in. `within`: the units that may be spoken of, None for all. Raises Refused and changes nothing."""
        if said.kind in OF_PEOPLE:
            self._say_of_person(said, within)
        elif said.kind == "unit_created":
            self._create(said, within)
        else:
            self._change(said, within)

    def _say_of_person(self, said: Statement, within: Collection[UUID] | None) -> None:
        known = self.people.get(said.person)
        if known is None and said.kind != "person_joined":
            raise Refused("unknown_person", "person_id", said.person, "the organisation has no such person")
        if known is not None:
            self._allowed(self.standing(known.unit_id), "person_id", said.person, within)
        if said.kind == "person_left":
            self.people[said.person] = replace(self.people[said.person], is_active=False)
            return
        self._open(said.unit_id, "unit_id", within)
        before = known or Placement(said.unit, None, True)
        is_active = True if said.kind == "person_joined" else before.is_active
        self.people[said.person] = replace(before, unit_id=said.unit, is_active=is_active)

    def _create(self, said: Statement, within: Collection[UUID] | None) -> None:
        held = self.units.get(said.unit)
        if held is not None:
            reason = f"there is such a unit already: {held.name}" + (", closed" if held.removed else "")
            raise Refused("unit_exists", "unit_id", said.unit, reason)
        if said.parent_id is None:
            raise Refused(
                "unit_without_parent", "parent_id", None, f"{said.name} has no parent; name the unit it belongs to"
            )
        parent = self._parent(said, within)
        if said.lead_id is not None:
            self._lead(said, within)
        self.units[said.unit] = UnitContent(parent, said.name or "", kind_below(parent), said.lead_id)

    def _change(self, said: Statement, within: Collection[UUID] | None) -> None:
        if said.unit in FIXED:
            raise Refused(
                "fixed_unit", "unit_id", said.unit, "the company and the line of the unassigned stay as they are"
            )
        self._open(said.unit_id, "unit_id", within)
        content = self.units[said.unit]
        if said.kind == "unit_renamed":
            self.units[said.unit] = replace(content, name=said.name or content.name)
        elif said.kind == "lead_named":
            if said.lead_id is not None:
                self._lead(said, within)
            self.units[said.unit] = replace(content, lead_id=said.lead_id)
        elif said.kind == "unit_moved":
            if said.parent_id is None:
                raise Refused("unit_without_parent", "parent_id", None, f"{content.name} would have no parent")
            parent = self._parent(said, within)
            self.units[said.unit] = replace(content, parent_id=parent, kind=kind_below(parent))
        else:
            self._close(said, content, within)

    def _close(self, said: Statement, content: UnitContent, within: Collection[UUID] | None) -> None:
        into = self._open(said.into_id, "into_id", within)
        if said.unit in self.path(into):
            raise Refused(
                "unit_cycle", "into_id", into, f"{self._called(into)} stands within {content.name}, which is closed"
            )
        self.units[said.unit] = replace(content, removed=True)
        self.closed_into[said.unit] = into
        for unit, each in list(self.units.items()):
            if each.parent_id == said.unit and not each.removed:
                self.units[unit] = replace(each, parent_id=into, kind=kind_below(into))
        for person, placed in list(self.people.items()):
            if placed.unit_id == said.unit:
                self.people[person] = replace(placed, unit_id=into)

    def _parent(self, said: Statement, within: Collection[UUID] | None) -> UUID:
        parent = self._open(said.parent_id, "parent_id", within)
        if parent == UNASSIGNED_UNIT:
            raise Refused("fixed_unit", "parent_id", parent, "nothing belongs to the line of the unassigned")
        path = self.path(parent)
        if said.unit in path:
            circle = " below ".join(self._called(each) for each in path[: path.index(said.unit) + 1])
            raise Refused(
                "unit_cycle", "parent_id", parent, f"{self._called(said.unit)} would stand below itself: {circle}"
            )
        return parent

    def _lead(self, said: Statement, within: Collection[UUID] | None) -> None:
        placed = self.people.get(said.lead_id) if said.lead_id is not None else None
        if placed is None or not placed.is_active:
            reason = "the organisation has no such person" if placed is None else "this person has left"
            raise Refused("unknown_lead", "lead_id", said.lead_id, reason)
        self._allowed(self.standing(placed.unit_id), "lead_id", said.lead_id, within)

    def _open(self, unit: UUID | None, field_name: str, within: Collection[UUID] | None) -> UUID:
        content = self.units.get(unit) if unit is not None else None
        if unit is None or content is None:
            raise Refused("unknown_unit", field_name, unit, "the organisation has no such unit then")
        if content.removed:
            raise Refused("closed_unit", field_name, unit, f"{content.name} is closed by then")
        self._allowed(unit, field_name, unit, within)
        return unit

    def _allowed(self, unit: UUID, field_name: str, value: object, within: Collection[UUID] | None) -> None:
        if within is not None and not set(self.path(unit)) & set(within):
            raise Refused("not_yours", field_name, value, "this is not below your units")

    def _called(self, unit: UUID) -> str:
        content = self.units.get(unit)
        return content.name if content else str(unit)
